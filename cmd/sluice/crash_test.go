package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/ingest/httpapi"
	"sluice/internal/awslocal"
)

const (
	crashPage     = 40
	crashInFlight = 4
	allEvents     = 1707 // records of the feed
)

// TestCrash kills the daemon with SIGKILL again and again while it delivers, starts it again on the same state folder, and
// compares what has arrived with what the feed held: nothing may be missing or altered, and only what was in flight may
// have come twice. -kills says how often, for each transport.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sqs", "apigateway"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 1))
			for done := 0; done < *kills; {
				done += crashJourney(t, name, *kills-done, random)
			}
		})
	}
}

// crashJourney delivers the whole feed in spite of at most so many kills, and returns how many there were.
func crashJourney(t *testing.T, name string, most int, random *rand.Rand) (kills int) {
	t.Helper()
	w := startWorld(t, allEvents, awslocal.Options{})
	vars := with(w.settings(), "SLUICE_TRANSPORT", name, "SLUICE_STATE_DIR", filepath.Join(t.TempDir(), "state"),
		"SLUICE_HTTP_LIMIT", fmt.Sprint(crashPage), "SLUICE_INFLIGHT", fmt.Sprint(crashInFlight), "SLUICE_HTTP_INTERVAL", "5ms")
	ranks := cursorRanks(t, vars)
	a := &assassin{}
	w.beforeAWS(a.hook)
	w.beforeSource(a.hook)
	// The longest life in requests: long enough that batches are settled, short enough that many lives are needed.
	life := map[string]int{"sqs": 20, "apigateway": 220}[name]
	rank, moved := -1, 0
	for kills < most && rank < len(ranks)-1 {
		p := launch(t, vars, "run")
		a.aim(p, 1+random.IntN(life), death(random.IntN(int(deaths))), time.Duration(random.IntN(int(20*time.Millisecond))))
		p.wait(t, soon)
		kills++
		now := savedRank(t, vars["SLUICE_STATE_DIR"], ranks)
		if now < rank {
			t.Fatalf("the checkpoint went back from batch %d to batch %d", rank, now)
		}
		if now > rank {
			moved++
		}
		rank = now
	}
	a.aim(nil, 0, 0, 0)
	deliverRest(t, vars)
	got := w.wantWhole(t)
	bound := kills * crashInFlight * crashPage
	if got.Duplicates > bound {
		t.Errorf("%d duplicates, want at most %d: what was in flight at each kill", got.Duplicates, bound)
	}
	t.Logf("%s: %d kills, %d records: %d lost, %d altered, %d duplicates (bound %d); the checkpoint moved in %d lives",
		name, kills, got.Sent, got.Lost, got.Altered+got.Ghosts, got.Duplicates, bound, moved)
	return kills
}

// A death is the moment of a kill, as seen from a request.
type death int

const (
	unseen   death = iota // the request never reaches the server
	answered              // the server does what it is asked, and nobody hears the answer
	later                 // the answer is heard, and then some milliseconds pass: death may hit a save or the next read
	stalled               // the request hangs while others are answered, so that batches after its own are settled
	deaths
)

// An assassin stands before the servers and kills their client at a chosen request.
type assassin struct {
	mu     sync.Mutex
	victim *process
	left   int // requests until the kill
	how    death
	delay  time.Duration
}

// aim chooses the next victim, or nobody.
func (a *assassin) aim(p *process, requests int, how death, delay time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.victim, a.left, a.how, a.delay = p, requests, how, delay
}

// turn counts a request and returns whom to kill at it.
func (a *assassin) turn() (victim *process, how death, delay time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left--; a.victim == nil || a.left != 0 {
		return nil, 0, 0
	}
	return a.victim, a.how, a.delay
}

func (a *assassin) hook(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	victim, how, delay := a.turn()
	if victim == nil {
		serve(w, r)
		return
	}
	kill := func() {
		_ = victim.cmd.Process.Kill()
		<-victim.done
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		kill()
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch how {
	case unseen:
		kill()
	case answered:
		serve(discard{http.Header{}}, r)
		kill()
	case later:
		serve(w, r)
		time.AfterFunc(delay, kill)
	case stalled:
		time.AfterFunc(4*delay, kill)
		<-victim.done
	}
}

// discard is an answer that nobody hears.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// cursorRanks reads the whole source in this process and returns the place of each cursor in the order of an
// undisturbed run.
func cursorRanks(t *testing.T, vars map[string]string) map[ingest.Cursor]int {
	t.Helper()
	source, err := httpapi.New(httpapi.Config{
		URL: vars["SLUICE_HTTP_URL"], Records: vars["SLUICE_HTTP_RECORDS"], Pagination: vars["SLUICE_HTTP_PAGINATION"],
		OffsetParam: "offset", OffsetStart: 1, LimitParam: "limit", Limit: crashPage,
		SinceParam: vars["SLUICE_HTTP_SINCE_PARAM"], SincePath: vars["SLUICE_HTTP_SINCE_PATH"],
		SinceType: vars["SLUICE_HTTP_SINCE_TYPE"], SinceFormat: vars["SLUICE_HTTP_SINCE_FORMAT"],
		Timeout: time.Minute, MaxPageBytes: 64 << 20, MaxRecordBytes: 1 << 20, Interval: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	ranks := map[ingest.Cursor]int{}
	for cursor := ingest.Cursor(""); ; {
		batch, err := source.Read(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		if cursor = batch.Next; batch.CaughtUp {
			ranks[cursor] = len(ranks)
			return ranks
		}
		ranks[cursor] = len(ranks)
	}
}

// savedRank returns the place of the cursor in the checkpoint, -1 without one. A checkpoint that cannot be read fails the
// test: a crash leaves the old one or the new one, whole.
func savedRank(t *testing.T, dir string, ranks map[ingest.Cursor]int) int {
	t.Helper()
	saved, err := ingest.ReadCheckpoint(ingest.CheckpointPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return -1
	}
	if err != nil {
		t.Fatal(err)
	}
	rank, ok := ranks[saved.Cursor]
	if !ok {
		// The feed is caught up: sweeps that find nothing may change the cursor and yet not its place.
		return len(ranks)
	}
	return rank
}
