package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/internal/awslocal"
	"sluice/internal/proof"
)

// A moment is when the daemon is asked to stop.
type moment string

// The moments. A request that is held is answered when the daemon has said that it is stopping, but for unanswered.
const (
	idle       moment = "idle"
	fetching   moment = "while a page is awaited"
	sending    moment = "while a request is in flight"
	unanswered moment = "while a request is never answered"
	waiting    moment = "in backoff"
	refreshing moment = "while credentials are awaited"
	saving     moment = "while the checkpoint is saved"
	anywhere   moment = "at a random request"
	hurried    moment = "at a random request, with too little time"
)

// slack is what an end may take beyond its limit on a machine that is busy. It is exact in internal/simulation.
const slack = 10 * time.Second

var moments = []moment{idle, fetching, sending, unanswered, waiting, refreshing, saving}

// TestStop asks the daemon to stop at every named moment and at random ones, -stops for each transport. It must end in
// time and with 0, read nothing more, and leave nothing behind that does not arrive after the next start.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sqs", "apigateway"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := seeded(t)
			seen := map[moment]bool{}
			for n := range max(*stops, len(moments)+2) {
				m := anywhere
				switch {
				case n < len(moments):
					m = moments[n]
				case n%2 == 0:
					m = hurried
				}
				first := !seen[m]
				seen[m] = true
				s := &stopper{moment: m, come: make(chan struct{}), release: make(chan struct{}), left: 1 + random.IntN(12),
					delay: time.Duration(random.IntN(int(10 * time.Millisecond)))}
				t.Run(fmt.Sprintf("%d %s", n+1, m), func(t *testing.T) {
					t.Parallel()
					stopAt(t, name, s)
					if first {
						proof.Row{Area: "process", Fault: "SIGTERM " + string(m) + ", " + name, Action: proof.Exit, Promises: "P1 P5 P9"}.Report(t)
					}
				})
			}
		})
	}
}

// stopAt runs a daemon, stops it when s says, and then has another deliver the rest.
func stopAt(t *testing.T, name string, s *stopper) {
	t.Helper()
	w, m := startWorld(t, 120, awslocal.Options{}), s.moment
	if m == waiting {
		s.left = 3 // failures in a row; then the waits are far longer than the requests
	}
	limit := map[moment]time.Duration{unanswered: 300 * time.Millisecond, waiting: 300 * time.Millisecond, hurried: 5 * time.Millisecond}[m]
	if limit == 0 {
		limit = 20 * time.Second
	}
	dir := t.TempDir() + "/state"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	vars := with(w.settings(), "SLUICE_TRANSPORT", name, "SLUICE_STATE_DIR", dir, "SLUICE_HTTP_LIMIT", "20", "SLUICE_HTTP_INTERVAL", "2ms",
		"SLUICE_INFLIGHT", "2", "SLUICE_SQS_TIMEOUT", "10m", "SLUICE_APIGATEWAY_TIMEOUT", "10m", "SLUICE_SHUTDOWN_TIMEOUT", limit.String())
	w.beforeAWS(s.aws)
	w.beforeSource(s.source)
	stopWatching := watchState(t, dir, func(step string) {
		if m == saving && step == "ckpt-tmp-created" {
			s.now()
		}
	})
	defer stopWatching()
	p := start(t, vars, "run")
	receive(t, string(m), s.come)
	p.signal(t, syscall.SIGTERM)
	asked := time.Now()
	p.log(t, "stopping")
	before := s.fetched()
	close(s.release)
	code := p.wait(t, soon)
	took := time.Since(asked)
	if most := limit + slack; took > most {
		t.Errorf("%s %s: ended %v after it was asked to, want at most %v", name, m, took, most)
	}
	if code != 0 {
		t.Errorf("%s %s: ended with %d (%v), want 0:\n%s", name, m, code, p.cmd.ProcessState, p.said())
	}
	if n := s.fetched() - before; n > 1 { // one may have been on its way
		t.Errorf("%s %s: %d reads after it was asked to stop, want none", name, m, n)
	}
	w.awsHook.Store(nil)
	w.sourceHook.Store(nil)
	deliverRest(t, vars)
	a := w.wantWhole(t)
	bound := 0
	if m == unanswered || m == hurried {
		bound = 2 * 20 // what was in flight
	}
	if a.Duplicates > bound {
		t.Errorf("%s %s: %d duplicates, want at most %d", name, m, a.Duplicates, bound)
	}
	proof.Count(t, proof.Stops, 1)
	proof.Count(t, proof.Obligations, a.Sent)
	proof.Count(t, proof.Lost, a.Lost)
	proof.Count(t, proof.Duplicates, a.Duplicates)
	proof.Count(t, proof.DuplicateBound, bound)
	t.Logf("%s: %s: ended after %v, %d duplicates", name, m, took.Round(time.Millisecond), a.Duplicates)
}

// A stopper stands before the servers and finds the moment.
type stopper struct {
	moment  moment
	come    chan struct{} // closed at the moment
	release chan struct{} // closed when the daemon has heard
	delay   time.Duration // between a random request and the signal

	once    sync.Once
	mu      sync.Mutex
	left    int // random: requests until the moment
	fetches int
}

func (s *stopper) now() { s.once.Do(func() { close(s.come) }) }

// fetched is the number of reads so far.
func (s *stopper) fetched() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

// held marks the moment and waits until the daemon has heard of it, or has given up.
func (s *stopper) held(r *http.Request) {
	s.now()
	select {
	case <-s.release:
	case <-r.Context().Done():
	}
}

// count reports whether the random moment has come.
func (s *stopper) count() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moment != anywhere && s.moment != hurried {
		return false
	}
	s.left--
	return s.left == 0
}

func (s *stopper) source(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	s.mu.Lock()
	s.fetches++
	n := s.fetches
	s.mu.Unlock()
	switch {
	case s.count():
		time.AfterFunc(s.delay, s.now)
	case s.moment == fetching && n == 3:
		s.held(r)
	case s.moment == idle && n == 40: // 120 records are six pages; it has long been asking for more
		s.now()
	}
	serve(w, r)
}

func (s *stopper) aws(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	body, err := io.ReadAll(r.Body) // only then does the server watch whether the client is still there
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case s.moment == refreshing && strings.Contains(string(body), "Action=AssumeRole"):
		s.held(r)
	case !isSend(r):
	case s.count():
		time.AfterFunc(s.delay, s.now)
	case s.moment == hurried: // so that something is in flight
		select {
		case <-time.After(s.delay):
		case <-r.Context().Done():
			return
		}
	case s.moment == sending:
		s.held(r)
	case s.moment == unanswered:
		s.now()
		serve(discard{http.Header{}}, r)
		<-r.Context().Done()
		return
	case s.moment == waiting:
		answering(http.StatusServiceUnavailable, "later")(w, r, serve)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.left--; s.left == 0 {
			s.now()
		}
		return
	}
	serve(w, r)
}
