package simulation

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"sluice/ingest"
	"sluice/internal/awslocal"
	"sluice/internal/awslocal/faults"
	"sluice/internal/proof"
	"sluice/internal/telemetry"
)

var (
	seeds = flag.Int("seeds", 60, "simulations to run; go test ./internal/simulation -seeds 5000")
	only  = flag.Int64("seed", -1, "the one simulation to run; negative: -seeds of them")
)

const (
	many     = 150       // records issued while there are faults
	patience = time.Hour // for all to be settled when they are over
)

// course is how long there are faults in a seed, and how often it asks the source. In a long one credentials, which live
// for 15 minutes, are renewed in the middle of a life, and end if STS is away for long.
func course(seed uint64) (troubled, poll time.Duration) {
	if seed%4 == 3 {
		return 50 * time.Minute, 30 * time.Second
	}
	return 12 * time.Minute, 10 * time.Second
}

// transports are what seeds deliver through, in turn.
var transports = []string{"sqs", "fifo", "apigateway"}

// TestDaemon runs the whole daemon in virtual time, a seed after the other. A seed gives the same records, script, lives
// and backoffs each time; what goroutines do side by side is up to the scheduler, so a rare failure may need -count.
func TestDaemon(t *testing.T) {
	total := tally{}
	first, end := uint64(0), uint64(*seeds)
	if *only >= 0 {
		first, end = uint64(*only), uint64(*only)+1
	}
	for seed := first; seed < end; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, seed)
			synctest.Test(t, func(t *testing.T) { total.add(simulate(t, seed)) })
		})
	}
	total.report(t)
	if *only < 0 && *seeds >= 60 && !t.Failed() {
		for _, menu := range []map[string]choice{ofSource, ofSend, ofBatch, ofPost, ofSTS} {
			for kind := range menu {
				if total["fault "+kind] == 0 {
					t.Errorf("%s never struck in %d seeds: the simulation shows nothing about it", kind, *seeds)
				}
			}
		}
		for _, what := range []string{proof.Duplicates, proof.DeadLetters, proof.Crashes, proof.Stops, "renewals"} {
			if total[what] == 0 {
				t.Errorf("%s: none in %d seeds: the simulation shows nothing about them", what, *seeds)
			}
		}
	}
}

// A tally is what was counted.
type tally map[string]int

func (a tally) add(b tally) {
	for what, n := range b {
		a[what] += n
	}
}

// report passes on what 'make prove' adds up.
func (a tally) report(t *testing.T) {
	for what, n := range a {
		if kind, isFault := strings.CutPrefix(what, "fault "); isFault {
			proof.Fault(t, kind, n)
		} else if what != "renewals" {
			proof.Count(t, what, n)
		}
	}
	t.Logf("%v", map[string]int(a))
}

type simulation struct {
	t         *testing.T
	seed      uint64
	rnd       *rand.Rand // of the plan; nobody draws while the daemon lives
	transport string     // sqs, fifo or apigateway
	script    faults.Script
	troubled  time.Duration // how long there are faults
	poll      time.Duration // between two sweeps of the source
	net       network
	standIn   *awslocal.Server
	env       map[string]string
	oracle    *oracle
	monitor   atomic.Pointer[telemetry.Monitor]

	mu    sync.Mutex
	waits *rand.Rand // under mu: of the backoffs
}

// jitter is the chance in the daemon's backoffs.
func (s *simulation) jitter() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waits.Float64()
}

// simulate runs one seed, and says how to run it again if it fails.
func simulate(t *testing.T, seed uint64) tally {
	s := &simulation{t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 1)), waits: rand.New(rand.NewPCG(seed, 2)), transport: transports[seed%3]}
	s.troubled, s.poll = course(seed)
	s.script = drawScript(s.rnd, seed, s.transport)
	t.Cleanup(s.explain)
	s.build()
	start := time.Now()
	result := tally{proof.Seeds: 1, proof.Lost: 0}
	s.plan(start, result)
	s.verdict(result)
	result[proof.VirtualSeconds] = int(time.Since(start) / time.Second)
	return result
}

// explain saves the script of a seed that has failed.
func (s *simulation) explain() {
	if !s.t.Failed() {
		return
	}
	where := "no file: "
	if f, err := os.CreateTemp("", fmt.Sprintf("sluice-seed-%d-*.yaml", s.seed)); err == nil {
		_, err = f.Write(s.script.Format())
		where = f.Name()
		if err != nil || f.Close() != nil {
			where += " (not whole)"
		}
	}
	s.t.Logf("again:  go test ./internal/simulation -run TestDaemon -seed %d\nscript: %s, over %s; sluice demo --faults runs it for real",
		s.seed, where, s.transport)
}

// build starts the far ends.
func (s *simulation) build() {
	t := s.t
	o := awslocal.Options{BaseURL: "http://" + awsHost}
	if s.transport == "fifo" {
		o.Queue = "records.fifo"
	}
	var err error
	if s.standIn, err = awslocal.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.standIn.Close)
	s.env = map[string]string{}
	for _, v := range s.standIn.Environment() {
		s.env[v.Name] = v.Value
	}
	s.oracle = &oracle{t: t, draining: make(chan struct{}, 1), dir: stateDir(t), url: aws.String(s.env["SLUICE_SQS_QUEUE_URL"]),
		byBody: map[string]int{}, byID: map[string]int{}, arrived: map[int]int{}, messages: map[int]map[string]bool{},
		place: map[ingest.Cursor]int{}, unknown: map[int]int{}, excused: map[int]int{}, tries: map[int][2]time.Time{}}
	s.net.serve(t, awsHost, s.standIn)
	s.net.serve(t, sourceHost, s.standIn.Source(s.oracle))
	s.net.serve(t, foreignHost, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("T3: %s %s has followed a redirect to another host, with the headers %v", r.Method, r.URL, slices.Sorted(maps.Keys(r.Header)))
		_, _ = io.WriteString(w, "{}")
	}))
	tr := &http.Transport{DialContext: s.net.dial}
	t.Cleanup(tr.CloseIdleConnections)
	s.oracle.queue = sqs.New(sqs.Options{Region: s.env["AWS_REGION"], BaseEndpoint: aws.String("http://" + awsHost), HTTPClient: &http.Client{Transport: tr},
		Retryer: aws.NopRetryer{}, Credentials: keys(s.env)})
}

// stateDir is in memory where the system has a place for that: what a disk does with fsync is not what is simulated, and
// takes longer than all the rest.
func stateDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "sluice-simulation-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// plan is the whole course of a seed: records are issued, lives end, the faults end, one more record is issued.
func (s *simulation) plan(start time.Time, result tally) {
	t := s.t
	last := start
	for i := range many {
		born := start.Add(time.Duration(i) * s.troubled / many)
		if s.seed%2 == 0 {
			born = start.Add(time.Duration(i/50) * s.troubled / 4) // in bursts
		}
		if at := s.mass(); at > 0 && i < many*2/3 {
			born = start.Add(at + time.Second) // enough of them for a breaker
		}
		if born.Before(last) {
			born = last // nothing appears behind what has been read
		}
		s.oracle.issue(born)
		last = born
	}
	if err := s.standIn.Arm(s.script); err != nil {
		t.Fatal(err)
	}
	for end := start.Add(s.troubled); time.Now().Before(end); {
		life := min(time.Until(end), time.Duration(s.rnd.Int64N(int64(s.troubled/2))))
		kind, grace := proof.Stops, drain
		if s.rnd.IntN(2) == 0 {
			kind, grace = proof.Crashes, 0
		}
		result[kind]++
		ctx, cancel := context.WithTimeout(t.Context(), life)
		s.live(ctx, grace)
		cancel()
	}
	// The last life begins under the old faults and sees them end.
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.live(ctx, drain)
	}()
	time.Sleep(30 * time.Second)
	result.add(s.calm())
	s.awaitFresh(s.oracle.issue(time.Now()))
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && !s.settled(); {
		time.Sleep(s.poll)
	}
	cancel()
	<-ended
	result[proof.Stops]++
	result["renewals"] += max(0, s.standIn.Calls()["AssumeRole"]-result[proof.Stops]-result[proof.Crashes])
}

// mass is when the destination begins to refuse everything, for a minute at most; 0: never.
func (s *simulation) mass() time.Duration {
	for _, r := range s.script.Rules {
		if r.Name == "mass_refusal" {
			return r.After
		}
	}
	return 0
}

// calm ends the faults, and returns how often each kind has struck.
func (s *simulation) calm() tally {
	struck := tally{}
	for _, c := range s.standIn.FaultCounts() {
		struck["fault "+c.Name] += c.Fired
	}
	if err := s.standIn.Arm(faults.Script{}); err != nil {
		s.t.Error(err)
	}
	return struck
}

// settled reports whether the cursor is behind the last record.
func (s *simulation) settled() bool {
	s.oracle.mu.Lock()
	defer s.oracle.mu.Unlock()
	return s.oracle.saved == len(s.oracle.records)
}

// awaitFresh checks P10: a record that was issued when the faults were over arrives, without a restart. The bound is the
// longest wait that a fault may have left behind: a probe of what was blocked, at the source and at the destination, the
// longest request, the longest backoff, a sweep. A breaker that has tripped needs a probe for each bad record before a good one.
func (s *simulation) awaitFresh(n int) {
	bound := 2*time.Minute + 35*time.Second + 30*time.Second + s.poll + 5*time.Second
	if s.mass() > 0 {
		bound += 3 * time.Minute
	}
	for start := time.Now(); time.Since(start) < bound; time.Sleep(time.Second) {
		s.oracle.drain(s.t.Context())
		s.oracle.mu.Lock()
		there := s.oracle.arrived[n] > 0
		s.oracle.mu.Unlock()
		if there {
			return
		}
	}
	s.t.Errorf("P10: %v after the faults were over a fresh record has not arrived; %+v", bound, s.monitor.Load().Readiness())
}

// verdict checks the whole.
func (s *simulation) verdict(result tally) {
	o := s.oracle
	o.drain(s.t.Context())
	dead := o.dead()
	for _, r := range o.records {
		copies, aside := o.arrived[r.n], dead[r.n]
		result[proof.Obligations]++
		switch {
		case copies+aside == 0:
			result[proof.Lost]++
			s.t.Errorf("P1: record %d has neither arrived nor been set aside", r.n)
		case r.bad && (copies > 0 || aside == 0):
			s.t.Errorf("record %d is bad; it arrived %d times and was set aside %d times", r.n, copies, aside)
		case !r.bad && aside > 0 && s.mass() == 0:
			s.t.Errorf("I4: record %d is good, and was set aside", r.n)
		}
		bound := o.unknown[r.n] + o.excused[r.n]
		if copies > 1+bound {
			s.t.Errorf("P5: record %d arrived %d times; %d unknown outcomes and %d ends of a life explain %d",
				r.n, copies, o.unknown[r.n], o.excused[r.n], 1+bound)
		}
		if tried := o.tries[r.n]; s.transport == "fifo" && tried[1].Sub(tried[0])+longest < 5*time.Minute && len(o.messages[r.n]) > 1 {
			s.t.Errorf("P6: record %d, all of whose tries lie within %v, is %d messages", r.n, tried[1].Sub(tried[0]), len(o.messages[r.n]))
		}
		result[proof.Duplicates] += max(0, copies-1)
		result[proof.DuplicateBound] += bound
		result[proof.DeadLetters] += aside
	}
	result[proof.Altered] += o.altered
	if !s.settled() {
		s.t.Errorf("the cursor is behind record %d of %d, %v after the faults were over", o.saved, len(o.records), patience)
	}
}

// TestScriptsCanBeSaved: what a failing seed leaves behind is a script like any other.
func TestScriptsCanBeSaved(t *testing.T) {
	for seed := range uint64(3) {
		s := drawScript(rand.New(rand.NewPCG(seed, 1)), seed, transports[seed])
		if again, err := faults.Parse(s.Format()); err != nil || len(again.Rules) != len(s.Rules) || !slices.Equal(again.Rules[0].Calls, s.Rules[0].Calls) {
			t.Errorf("seed %d: its script cannot be written and read: %v\n%s", seed, err, s.Format())
		}
	}
}
