package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sluice/examples/earthquakes"
	"sluice/ingest"
	"sluice/ingest/httpapi"
	"sluice/internal/awslocal"
	"sluice/internal/proof"
)

const (
	crashPage     = 40
	crashInFlight = 4
	crashRecord   = 740  // longest record that is not set aside: about one in twenty of the feed is longer
	allEvents     = 1707 // records of the feed
)

// TestCrash kills the daemon with SIGKILL again and again while it delivers, starts it again on the same state folder, and
// compares what has arrived and what was set aside with what the feed held: nothing may be missing or altered, and only
// what was in flight may have come twice. -kills says how often, for each transport.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sqs", "apigateway"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := seeded(t)
			for done := 0; done < *kills; {
				done += crashJourney(t, name, *kills-done, random)
			}
			proof.Row{Area: "process", Fault: "SIGKILL at random moments, " + name, Action: proof.Retry, Promises: "P1 P2 P3 P4 P5"}.Report(t)
		})
	}
}

// crashJourney delivers the whole feed in spite of at most so many kills, and returns how many there were.
func crashJourney(t *testing.T, name string, most int, random *rand.Rand) int {
	t.Helper()
	j := newJourney(t, name)
	a := &assassin{}
	j.w.beforeAWS(a.hook)
	j.w.beforeSource(a.hook)
	// The longest life in requests: long enough that batches are settled, short enough that many lives are needed.
	life := map[string]int{"sqs": 20, "apigateway": 220}[name]
	for j.kills < most && !j.arrived() {
		p := launch(t, j.vars, "run")
		a.aim(p, 1+random.IntN(life), death(random.IntN(int(deaths))), time.Duration(random.IntN(int(20*time.Millisecond))))
		j.wantKilled(t, p)
	}
	a.aim(nil, 0, 0, 0)
	j.finish(t)
	return j.kills
}

// A journey is the delivery of the whole feed by daemons that are killed one after the other.
type journey struct {
	name  string
	w     *world
	vars  map[string]string
	ranks map[ingest.Cursor]int
	rank  int // place of the saved cursor
	kills int
	moved int  // lives in which the checkpoint moved
	asked bool // the daemon was asked to stop too, and may have done so before it was killed
}

// newJourney starts a world whose destination and settings refuse some of the records: those that are too long, and, at
// the gateway, one that it finds fault with.
func newJourney(t *testing.T, name string) *journey {
	t.Helper()
	var poison struct{ ID string }
	if err := json.Unmarshal(earthquakes.Records()[allEvents/2], &poison); err != nil {
		t.Fatal(err)
	}
	w := startWorld(t, allEvents, awslocal.Options{RecordSchema: fmt.Appendf(nil, `{"not": {"properties": {"id": {"enum": [%q]}}}}`, poison.ID)})
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	vars := with(w.settings(), "SLUICE_TRANSPORT", name, "SLUICE_STATE_DIR", dir, "SLUICE_DEADLETTER_MAX_PERCENT", "100",
		"SLUICE_HTTP_LIMIT", fmt.Sprint(crashPage), "SLUICE_INFLIGHT", fmt.Sprint(crashInFlight), "SLUICE_HTTP_INTERVAL", "5ms",
		"SLUICE_HTTP_MAX_RECORD_BYTES", fmt.Sprint(crashRecord))
	return &journey{name: name, w: w, vars: vars, ranks: cursorRanks(t, vars), rank: -1}
}

// arrived reports whether the whole feed is delivered.
func (j *journey) arrived() bool { return j.rank >= len(j.ranks)-1 }

// wantKilled waits for the end of p, which must not come by itself, and looks at what it has left behind.
func (j *journey) wantKilled(t *testing.T, p *process) {
	t.Helper()
	if code := p.wait(t, soon); code != -1 && !(code == 0 && j.asked) {
		t.Fatalf("after %d kills the program ended by itself with %d:\n%s", j.kills, code, p.said())
	}
	j.kills++
	now := savedRank(t, j.vars["SLUICE_STATE_DIR"], j.ranks)
	if now < j.rank {
		t.Fatalf("the checkpoint went back from batch %d to batch %d", j.rank, now)
	}
	if now > j.rank {
		j.moved++
	}
	j.rank = now
}

// finish delivers what is left, and takes stock.
func (j *journey) finish(t *testing.T) {
	t.Helper()
	deliverRest(t, j.vars)
	arrived, err := j.w.bodies("")
	if err != nil {
		t.Fatal(err)
	}
	dead := deadItems(t, j.vars["SLUICE_STATE_DIR"])
	got := auditBodies(j.w.want, append(arrived, dead...))
	if !got.Whole() || got.Sent != len(j.w.want) {
		t.Errorf("%+v, want %d sent, nothing lost, nothing altered", got, len(j.w.want))
	}
	if n := refusedTwice(arrived, dead); n > 0 {
		t.Errorf("%d records have arrived and were set aside too", n)
	}
	bound := j.kills * crashInFlight * crashPage
	if got.Duplicates > bound {
		t.Errorf("%d duplicates, want at most %d: what was in flight at each kill", got.Duplicates, bound)
	}
	proof.Count(t, proof.Kills, j.kills)
	proof.Count(t, proof.Obligations, got.Sent)
	proof.Count(t, proof.Lost, got.Lost)
	proof.Count(t, proof.Altered, got.Altered+got.Ghosts)
	proof.Count(t, proof.Duplicates, got.Duplicates)
	proof.Count(t, proof.DuplicateBound, bound)
	proof.Count(t, proof.DeadLetters, len(dead))
	if len(dead) == 0 {
		t.Error("no record was set aside; what became of dead letters is not known")
	}
	t.Logf("%s: %d kills, %d records: %d lost, %d altered, %d duplicates (bound %d), %d dead letters; the checkpoint moved in %d lives",
		j.name, j.kills, got.Sent, got.Lost, got.Altered+got.Ghosts, got.Duplicates, bound, len(dead), j.moved)
}

// deadItems reads the items of the dead letters in a state folder, whatever file they are in: a kill in the middle of a line
// leaves a torn one, which counts for nothing, and the next begins another file.
func deadItems(t *testing.T, dir string) [][]byte {
	t.Helper()
	var items [][]byte
	err := ingest.ReadDeadLetters(dir, func(l ingest.Letter) error {
		if l.Spoiled != nil {
			return nil
		}
		item, err := l.Raw()
		items = append(items, item)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return items
}

// refusedTwice counts the records that are among the dead letters and have arrived all the same: a record has one fate.
func refusedTwice(arrived, dead [][]byte) int {
	seen := map[string]bool{}
	for _, body := range arrived {
		seen[string(body)] = true
	}
	n := 0
	for _, item := range dead {
		if seen[string(item)] {
			n++
		}
	}
	return n
}

// seeded returns a source of chance and logs how to repeat it.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := *seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("again: go test ./cmd/sluice -run '^%s$' -count=1 -seed %d -kills %d -stops %d", t.Name(), seed, *kills, *stops)
	return rand.New(rand.NewPCG(seed, 1))
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
	c := httpapi.Default()
	c.URL, c.Records, c.Pagination = vars["SLUICE_HTTP_URL"], vars["SLUICE_HTTP_RECORDS"], vars["SLUICE_HTTP_PAGINATION"]
	c.OffsetStart, c.Limit, c.MaxRecordBytes = 1, crashPage, crashRecord
	c.SinceParam, c.SincePath = vars["SLUICE_HTTP_SINCE_PARAM"], vars["SLUICE_HTTP_SINCE_PATH"]
	c.SinceType, c.SinceFormat = vars["SLUICE_HTTP_SINCE_TYPE"], vars["SLUICE_HTTP_SINCE_FORMAT"]
	source, err := httpapi.New(c)
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
