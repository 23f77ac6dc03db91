package experiment

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"sluice/bench/result"
	"sluice/bench/workload"
)

// A server serves capacity records a second and takes service for one that does not wait; what comes beyond waits. To be
// processed takes twice the time of being accepted.
type server struct {
	capacity float64
	service  time.Duration
	bound    float64                 // a closed loop is held down to it; 0: none
	fails    func(rate float64) bool // attempts fail at this rate; nil: never
	loses    func(rate float64) bool // nine of ten records vanish at this rate; nil: never
	queues   func(rate float64) bool // very many records wait at this rate; nil: never
	busy     int                     // so many open steps are spoiled by the client, which makes them long
	thin     int                     // after so many open steps, each has 50 records; 0: never
	late     bool                    // the client is late in all open steps, which does no harm
	asked    []float64
}

func (s *server) Closed(_ context.Context, n int, length time.Duration) (result.Phase, error) {
	rate := min(s.capacity, float64(n)/s.service.Seconds())
	held := s.bound > 0 && rate > s.bound
	if held {
		rate = s.bound
	}
	p, err := s.phase("closed", n, rate, rate, s.service, length)
	if s.loses != nil && s.loses(rate) {
		p.Processed /= 10
	}
	if s.bound > 0 {
		p.Checks = []result.Check{{Name: "held", OK: !held}}
	}
	return p, err
}

func (s *server) Open(_ context.Context, rate float64, length time.Duration) (result.Phase, error) {
	s.asked = append(s.asked, rate)
	load := rate / s.capacity
	latency := time.Duration(float64(s.service) / max(0.01, 1-load)) // M/M/1
	if load > 1 {
		latency = length
	}
	if s.thin > 0 && len(s.asked) > s.thin {
		length = time.Duration(50.5 / rate * float64(time.Second))
	}
	p, err := s.phase("open", 0, rate, min(rate, s.capacity), latency, length)
	if s.loses != nil && s.loses(rate) {
		p.Processed /= 10
	}
	if s.queues != nil && s.queues(rate) {
		p.MaxQueue = 5000
	}
	if s.busy > 0 {
		s.busy--
		p, err = s.phase("open", 0, rate, min(rate, s.capacity), time.Minute, length)
		p.Checks = []result.Check{{Name: "late_send", Text: "the client was late"}}
	}
	if s.late {
		p.Checks = []result.Check{{Name: "late_send", Text: "the client was late"}}
	}
	return p, err
}

func (s *server) phase(kind string, n int, offered, achieved float64, latency, length time.Duration) (result.Phase, error) {
	p := result.Phase{Kind: kind, Concurrency: n, OfferedRate: offered, AcceptedRate: achieved,
		Offered: int(offered * length.Seconds()), Accepted: int(achieved * length.Seconds())}
	p.Processed = p.Accepted
	h, done := result.NewHistogram(), result.NewHistogram()
	for range min(2000, p.Accepted) {
		h.Record(latency)
		done.Record(2 * latency)
	}
	var err error
	if p.HDR.Accept, err = h.Encode(); err == nil {
		p.HDR.Processed, err = done.Encode()
	}
	p.Latency.Accept, p.Latency.Processed = h.Summary(), done.Summary()
	second := result.Second{Accepted: p.Accepted}
	if s.fails != nil && s.fails(offered) {
		second.Errors = p.Accepted / 100
	}
	p.Series = []result.Second{second}
	return p, err
}

func searchAt(t *testing.T, s *server, slo workload.SLO) result.Search {
	t.Helper()
	under := &search{probe: s, ladder: workload.Ladder{SLO: slo, Until: 1.1, Step: 10 * time.Second}}
	if err := under.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return under.Search
}

func TestSearchFindsTheHighestRateOfTheObjective(t *testing.T) {
	// 10 ms in an empty system; under 40 ms, and processed in under 80 ms, as long as the load is below 0.75.
	s := &server{capacity: 1000, service: 10 * time.Millisecond}
	got := searchAt(t, s, workload.SLO{Metric: "processed", Quantile: 0.99, Bound: 80 * time.Millisecond})
	if want := 750.0; math.Abs(got.MaxAtSLO-want) > 0.06*want {
		t.Errorf("the highest rate is %.0f/s, want %.0f/s within 6 %%", got.MaxAtSLO, want)
	}
	if got.MaxAtSLO > 750 {
		t.Errorf("%.0f/s was confirmed, where the objective is missed", got.MaxAtSLO)
	}
	if last := s.asked[len(s.asked)-3:]; last[0] != got.MaxAtSLO || last[1] != got.MaxAtSLO || last[2] != got.MaxAtSLO {
		t.Errorf("the last three steps were at %v, want the answer confirmed three times", last)
	}
	if math.Abs(got.MaxClosed-1000) > 1 {
		t.Errorf("the most of a closed loop is %.0f/s, want 1000/s", got.MaxClosed)
	}
	if got.Knee < 500 || got.Knee > 650 { // the median doubles at a load of 0.55, since the first step is at 0.1
		t.Errorf("the knee is at %.0f/s, want between 500/s and 650/s", got.Knee)
	}
	if got.USL == nil || got.USL.Lambda < 50 || got.USL.Lambda > 150 {
		t.Errorf("law of scalability %+v, want about 100/s at a concurrency of one", got.USL)
	}
}

func TestSearchSaysWhyARateDoesNotPass(t *testing.T) {
	for _, c := range []struct {
		name string
		s    *server
		slo  workload.SLO
		want string // in the reason of some step
	}{
		{"latency", &server{capacity: 1000, service: 10 * time.Millisecond}, workload.SLO{Metric: "accept", Quantile: 0.99, Bound: 15 * time.Millisecond}, "accept is "},
		{"errors", &server{capacity: 1000, service: time.Millisecond, fails: func(rate float64) bool { return rate > 500 }},
			workload.SLO{Metric: "accept", Quantile: 0.99, Bound: time.Minute}, "attempts failed"},
		{"overload", &server{capacity: 1000, service: time.Millisecond}, workload.SLO{Metric: "accept", Quantile: 0.5, Bound: time.Hour}, "were accepted"},
		{"losses", &server{capacity: 1000, service: time.Millisecond, loses: func(rate float64) bool { return rate > 500 }},
			workload.SLO{Metric: "accept", Quantile: 0.99, Bound: time.Minute}, " that were accepted were not processed"},
		{"a queue", &server{capacity: 1000, service: time.Millisecond, queues: func(rate float64) bool { return rate > 500 }},
			workload.SLO{Metric: "accept", Quantile: 0.99, Bound: time.Minute}, "5000 records were waiting, want at most 1000"},
		{"too few records", &server{capacity: 1000, service: time.Millisecond}, workload.SLO{Metric: "accept", Quantile: 0.999, Bound: time.Hour}, "too few"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := searchAt(t, c.s, c.slo)
			for _, step := range got.Steps {
				if strings.Contains(step.Because, c.want) {
					return
				}
			}
			t.Errorf("no step says %q: %+v", c.want, got.Steps)
		})
	}
}

// A record that vanishes has no latency: the objective sees only the others.
func TestARateAtWhichRecordsVanishDoesNotPass(t *testing.T) {
	slo := workload.SLO{Metric: "processed", Quantile: 0.5, Bound: time.Hour}
	got := searchAt(t, &server{capacity: 1000, service: time.Millisecond, loses: func(rate float64) bool { return rate > 500 }}, slo)
	if got.MaxAtSLO > 500 || got.MaxAtSLO < 450 {
		t.Errorf("%.0f/s was found, want just below the 500/s above which records vanish", got.MaxAtSLO)
	}
	for _, step := range got.Steps {
		if step.Kind == "closed" && step.Passed == (step.Achieved > 500) {
			t.Errorf("the closed step at %.0f/s passed: %v, want what vanishes to count there too", step.Achieved, step.Passed)
		}
	}
	s := &server{capacity: 1000, service: time.Millisecond, loses: func(float64) bool { return true }, late: true}
	if got = searchAt(t, s, slo); got.MaxAtSLO != 0 || !strings.HasPrefix(got.Because, "the lowest rate did not pass: 900 of the 1000 records that were accepted") || len(s.asked) != 1 {
		t.Errorf("%.0f/s after %d open steps because %q, want none after one step: a late client loses nothing", got.MaxAtSLO, len(s.asked), got.Because)
	}
}

func TestARateWithTooFewRecordsIsPassedBy(t *testing.T) {
	slo := workload.SLO{Metric: "accept", Quantile: 0.99, Bound: 15 * time.Millisecond}
	under := func(s *server, until workload.Share, step time.Duration) result.Search {
		search := &search{probe: s, ladder: workload.Ladder{SLO: slo, Until: until, Step: step}}
		if err := search.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return search.Search
	}
	// Ten milliseconds up to a load of a third: 300/s are the most. From 200/s on, 5 s bring the 1,000 records of a p99.
	if got := under(&server{capacity: 1000, service: 10 * time.Millisecond}, 1.1, 5*time.Second); got.MaxAtSLO < 200 || got.MaxAtSLO > 335 || got.Because != "" {
		t.Errorf("%.0f/s because %q, want about 333/s", got.MaxAtSLO, got.Because)
	}
	for _, c := range []struct {
		name  string
		s     *server
		until workload.Share
		step  time.Duration
		want  string
	}{
		{"all of them", &server{capacity: 100, service: 10 * time.Millisecond}, 0.9, time.Second, "not decided: 90 records are too few for this quantile; make the step longer"},
		{"those below the first failure", &server{capacity: 1000, service: 10 * time.Millisecond}, 1.1, 2 * time.Second, "not decided: 600/s did not pass: accept is "},
		{"that which is confirmed", &server{capacity: 1000, service: time.Millisecond, thin: 7}, 0.9, 10 * time.Second, "not decided: 50 records are too few"},
		{"none", &server{capacity: 1000, service: 20 * time.Millisecond}, 1.1, 20 * time.Second, "the lowest rate did not pass: accept is "},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := under(c.s, c.until, c.step); got.MaxAtSLO != 0 || !strings.HasPrefix(got.Because, c.want) {
				t.Errorf("%.0f/s because %q, want none, and %q", got.MaxAtSLO, got.Because, c.want)
			}
		})
	}
}

// A latency by the rate: the median doubles at 450/s, which is tried after 600/s and 500/s.
type stairs struct {
	*server
	spoiled int // so many of the first steps have a client that is late, and a latency of a second
}

func (s *stairs) Open(_ context.Context, rate float64, length time.Duration) (result.Phase, error) {
	latency := 10 * time.Millisecond
	if rate >= 450 {
		latency = 21 * time.Millisecond
	}
	if rate >= 475 {
		latency = time.Second
	}
	if s.spoiled > 0 {
		latency = time.Second
	}
	p, err := s.phase("open", 0, rate, rate, latency, length)
	if s.spoiled > 0 {
		s.spoiled--
		p.Checks = []result.Check{{Name: "late_send", Text: "the client was late"}}
	}
	return p, err
}

func TestTheKneeIsTheLowestRateBeyondIt(t *testing.T) {
	for _, spoiled := range []int{0, 1, 3} {
		s := &stairs{server: &server{capacity: 1000, service: 10 * time.Millisecond}, spoiled: spoiled}
		under := &search{probe: s, ladder: workload.Ladder{From: 200, SLO: workload.SLO{Metric: "accept", Quantile: 0.99, Bound: 500 * time.Millisecond}, Until: 1.1, Step: 10 * time.Second}}
		if err := under.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if under.Knee < 450 || under.Knee >= 475 {
			t.Errorf("with %d steps that the client spoiled the knee is at %.0f/s, want at the first rate from 450/s on: %+v", spoiled, under.Knee, under.Steps)
		}
	}
}

func TestSearchWithoutAPassSaysSo(t *testing.T) {
	got := searchAt(t, &server{capacity: 100, service: time.Second}, workload.SLO{Metric: "accept", Quantile: 0.5, Bound: time.Millisecond})
	if got.MaxAtSLO != 0 || got.Because == "" {
		t.Errorf("highest rate %v because %q, want none and a reason", got.MaxAtSLO, got.Because)
	}
}

func TestSearchStopsClimbingAtTheFirstFailure(t *testing.T) {
	s := &server{capacity: 1000, service: 10 * time.Millisecond}
	got := searchAt(t, s, workload.SLO{Metric: "accept", Quantile: 0.5, Bound: 15 * time.Millisecond})
	for _, rate := range s.asked {
		if rate > 600 {
			t.Errorf("%.0f/s was tried, although 400/s missed the objective: %+v", rate, got.Steps)
		}
	}
}

func TestRates(t *testing.T) {
	for _, c := range []struct {
		name        string
		ladder      workload.Ladder
		limit, most float64 // most: of a closed loop
		want        []float64
	}{
		{"from a tenth", workload.Ladder{Until: 1.1}, 0, 1000, []float64{100, 200, 400, 600, 700, 800, 900, 1000, 1100}},
		{"from a rate that is no step", workload.Ladder{From: 450, Until: 0.8}, 0, 1000, []float64{450, 600, 700, 800}},
		{"from a step", workload.Ladder{From: 400, Until: 0.7}, 0, 1000, []float64{400, 600, 700}},
		{"to a share that is no step", workload.Ladder{Until: 0.5}, 0, 1000, []float64{100, 200, 400, 500}},
		{"no more than may be offered", workload.Ladder{Until: 1.1}, 250, 1000, []float64{100, 200, 250}},
		{"less than the first step may be offered", workload.Ladder{Until: 1.1}, 50, 1000, []float64{50}},
		{"a first rate beyond the last", workload.Ladder{From: 5000, Until: 1.1}, 0, 1000, []float64{1100}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := rates(c.ladder, c.most, c.limit)
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i := range got {
				if math.Abs(got[i]-c.want[i]) > 1e-6 {
					t.Errorf("got %v, want %v", got, c.want)
				}
			}
		})
	}
}

func TestSearchKeepsToItsBounds(t *testing.T) {
	s := &server{capacity: 1000, service: 10 * time.Millisecond}
	under := &search{probe: s, limit: 300, ladder: workload.Ladder{SLO: workload.SLO{Metric: "accept", Quantile: 0.5, Bound: time.Hour}, Until: 1.1, Step: 10 * time.Second}}
	if err := under.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, rate := range s.asked {
		if rate > 300 {
			t.Errorf("%.0f/s was offered, where 300/s may be", rate)
		}
	}
	if under.MaxAtSLO != 300 || len(s.asked) > openSteps(under.ladder) {
		t.Errorf("found %.0f/s in %d open steps, want 300/s in at most %d", under.MaxAtSLO, len(s.asked), openSteps(under.ladder))
	}
}

// The budget allows 300/s: two senders reach 200/s, four would reach 400/s.
func TestASearchSaysThatTheBudgetHeldItDown(t *testing.T) {
	closedLoop := "budget.max_rps, 300/s, held the closed loop down, which may reach more"
	for _, c := range []struct {
		name  string
		bound time.Duration
		want  string
	}{
		{"within the objective to the last", time.Hour, closedLoop + "; budget.max_rps let nothing above 300/s be tried"},
		{"beyond the objective before", 13 * time.Millisecond, closedLoop},
		{"beyond the objective at once", time.Millisecond, "the lowest rate did not pass: accept is 10.314ms, want under 1ms; " + closedLoop},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &server{capacity: 1000, service: 10 * time.Millisecond, bound: 300}
			under := &search{probe: s, limit: 300, ladder: workload.Ladder{SLO: workload.SLO{Metric: "accept", Quantile: 0.5, Bound: c.bound}, Until: 1.1, Step: 10 * time.Second}}
			if err := under.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if under.Because != c.want {
				t.Errorf("%q, want %q", under.Because, c.want)
			}
			closed := 0
			for _, step := range under.Steps {
				if step.Kind == "closed" {
					closed++
				}
			}
			if closed != 3 || under.USL != nil {
				t.Errorf("%d closed steps and the law %+v, want three steps, and no law of the budget", closed, under.USL)
			}
		})
	}
}

func TestAStepThatTheClientSpoiledIsRepeated(t *testing.T) {
	slo := workload.SLO{Metric: "accept", Quantile: 0.5, Bound: 15 * time.Millisecond}
	calm := searchAt(t, &server{capacity: 1000, service: 10 * time.Millisecond}, slo)
	got := searchAt(t, &server{capacity: 1000, service: 10 * time.Millisecond, busy: 3}, slo)
	if got.MaxAtSLO != calm.MaxAtSLO || len(got.Steps) != len(calm.Steps)+3 {
		t.Errorf("%.0f/s in %d steps, want %.0f/s as without, and three steps more than %d, none of them hidden", got.MaxAtSLO, len(got.Steps), calm.MaxAtSLO, len(calm.Steps))
	}
	late := searchAt(t, &server{capacity: 1000, service: 10 * time.Millisecond, late: true}, slo)
	if late.MaxAtSLO == 0 || len(late.Steps) > len(calm.Steps)+mostRepeats {
		t.Errorf("%.0f/s in %d steps: a late client that keeps the objective all the same must not end the search", late.MaxAtSLO, len(late.Steps))
	}
	s := &server{capacity: 1000, service: 10 * time.Millisecond, busy: 1000}
	got = searchAt(t, s, slo)
	if want := "the lowest rate did not pass: accept is 1m0.028879s, want under 15ms; the client had its part in it: the client was late"; got.Because != want || len(s.asked) != 1+mostRepeats {
		t.Errorf("%q after %d steps, want %q after %d", got.Because, len(s.asked), want, 1+mostRepeats)
	}
}
