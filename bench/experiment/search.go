package experiment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/bench/cost"
	"sluice/bench/result"
	"sluice/bench/stats"
	"sluice/bench/trial"
	"sluice/bench/workload"
)

// What a search does and asks.
const (
	mostConcurrency = 128
	leastGain       = 1.05  // a doubling that gains less has found the most
	leastSteps      = 6     // closed steps that a fit of the law of scalability needs
	mostErrors      = 0.001 // of the attempts
	precision       = 0.05  // of the rate, to which the highest one that passes is found
	confirmations   = 3     // of it
	mostRepeats     = 5     // of steps that the client spoiled
	mostRetreats    = 5     // rates that are tried to be confirmed, each lower by the precision
	mostHalvings    = 8     // between two rates of the ladder, down to the precision or as near to it as that gets
	kneeAt          = 2.0   // times the median of the lowest step
	longestClosed   = 5 * time.Second
	closedSteps     = 8 // doublings from 1 to mostConcurrency
)

// prober is what a search needs of a trial.Probe.
type prober interface {
	Open(ctx context.Context, rate float64, length time.Duration) (result.Phase, error)
	Closed(ctx context.Context, n int, length time.Duration) (result.Phase, error)
}

// searches runs the search phases of the workload through every far end, one after the other.
func (e *Experiment) searches(ctx context.Context, f *result.File) error {
	number := len(f.Trials)
	for _, phase := range e.Runner.Workload.Phases {
		if phase.Kind != workload.Search {
			continue
		}
		for _, side := range e.searched() {
			number++
			s, why, err := e.search(ctx, side, phase, number)
			f.Searches = append(f.Searches, s)
			switch {
			case ctx.Err() != nil:
				f.Run.Partial = "interrupted in the search of " + side.Name
				return nil
			case err != nil:
				f.Run.Partial = fmt.Sprintf("failed in the search of %s: %v", side.Name, err)
				return fmt.Errorf("%s, search %s: %w", side.Name, phase.Name, err)
			case why != "":
				f.Run.Partial = fmt.Sprintf("stopped in the search of %s: %s", side.Name, why)
				return nil
			}
			if e.Searched != nil {
				e.Searched(s)
			}
		}
	}
	return nil
}

// errSpent ends a search beyond the budget.
var errSpent = errors.New("the budget is spent")

// search runs one. why says that it had to end for the budget.
func (e *Experiment) search(ctx context.Context, side workload.Side, phase workload.Phase, number int) (found result.Search, why string, err error) {
	end := e.Ends[side.Name]
	s := &search{Search: result.Search{Transport: end.Target.Transport, Phase: phase.Name, SLO: phase.Search.SLO.String(), Steps: []result.Step{}},
		ladder: phase.Search, limit: e.Runner.Workload.Budget.MaxRPS}
	s.stepped = func(step result.Step, records int) error {
		if e.Stepped != nil {
			e.Stepped(side.Name, step)
		}
		usd, err := e.stepCost(side, end, step, records)
		if err == nil {
			if why = e.purse.pay(end.Target, usd); why != "" {
				err = errSpent
			}
		}
		return err
	}
	probe, err := e.Runner.Probe(ctx, end, number)
	if err != nil {
		return s.Search, "", err
	}
	s.probe = probe
	err = s.run(ctx)
	if closed := probe.Close(ctx); err == nil { // when ctx has ended, it waits for nothing
		err = closed
	}
	if errors.Is(err, errSpent) {
		err = nil
	}
	return s.Search, why, err
}

// stepCost is what a step has cost by the formulas: its requests are not counted.
func (e *Experiment) stepCost(side workload.Side, end *trial.FarEnd, step result.Step, records int) (float64, error) {
	if !Paid(end.Target) {
		return 0, nil
	}
	rate := step.Offered
	if step.Kind == "closed" {
		rate = crowded
	}
	plan := planOf(e.Runner.Workload, e.Runner.Pool, side, end, rate)
	plan.Records = int64(records)
	bill, err := e.Runner.Book.Estimate([]cost.Plan{plan})
	return bill.USD, err
}

// search is one under way.
type search struct {
	result.Search
	ladder   workload.Ladder
	limit    float64 // highest rate that may be offered; 0: none
	probe    prober
	repeats  int
	unloaded float64                                   // median accept latency of the lowest open step, in milliseconds
	stepped  func(step result.Step, records int) error // of every step; its error ends the search
}

// run finds the most by closed loops, climbs the ladder until a rate does not pass, halves the distance to the last that
// did, and confirms what it has found.
func (s *search) run(ctx context.Context) error {
	if err := s.closed(ctx); err != nil {
		return err
	}
	passed, failed := 0.0, 0.0
	for _, rate := range rates(s.ladder, s.MaxClosed, s.limit) {
		ok, err := s.open(ctx, rate)
		if err != nil {
			return err
		}
		if !ok {
			failed = rate
			break
		}
		passed = rate
	}
	if passed == 0 {
		s.Because = "the lowest rate did not pass: " + s.Steps[len(s.Steps)-1].Because
		return nil
	}
	for range mostHalvings {
		if failed == 0 || failed-passed <= precision*passed {
			break
		}
		ok, err := s.open(ctx, (passed+failed)/2)
		if err != nil {
			return err
		}
		if ok {
			passed = (passed + failed) / 2
		} else {
			failed = (passed + failed) / 2
		}
	}
	return s.confirm(ctx, passed)
}

// closed doubles the concurrency until that gains little, and fits the law of scalability to the steps.
func (s *search) closed(ctx context.Context) error {
	var steps []stats.Step
	before := 0.0
	for n := 1; n <= mostConcurrency; n *= 2 {
		p, err := s.probe.Closed(ctx, n, closedStep(s.ladder))
		if err == nil {
			err = context.Cause(ctx) // a phase that was cut short is no step
		}
		if err != nil {
			return err
		}
		step := stepOf(p)
		step.Passed = true
		if err := s.keep(step, p); err != nil {
			return err
		}
		steps = append(steps, stats.Step{Concurrency: float64(n), Throughput: p.AcceptedRate})
		s.MaxClosed = max(s.MaxClosed, p.AcceptedRate)
		if len(steps) >= leastSteps && p.AcceptedRate < leastGain*before {
			break
		}
		before = p.AcceptedRate
	}
	if s.MaxClosed == 0 {
		return fmt.Errorf("nothing was accepted in a closed loop")
	}
	law, err := stats.FitUSL(steps)
	if err != nil {
		return nil // too few steps for a law; the steps are there
	}
	s.USL = &result.USL{Lambda: law.Lambda, Sigma: law.Sigma, Kappa: law.Kappa, R2: fitOf(law, steps)}
	if n, ok := law.Peak(); ok {
		s.USL.Peak = n
	}
	return nil
}

// open tries a rate. A step that does not pass and that the client itself spoiled says nothing of the destination: it is
// kept, and the rate is tried again. One that passes, passes: latencies count from the intended arrival, so that a late
// client makes them longer and not shorter.
func (s *search) open(ctx context.Context, rate float64) (bool, error) {
	for {
		p, err := s.probe.Open(ctx, rate, s.ladder.Step)
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return false, err
		}
		step := s.step(p, rate)
		if err := s.keep(step, p); err != nil || step.Passed || s.repeats == mostRepeats || p.Spoiled() == "" {
			return step.Passed, err
		}
		s.repeats++
	}
}

// step judges an open step, the first of which is that of an unloaded destination.
func (s *search) step(p result.Phase, rate float64) result.Step {
	step := stepOf(p)
	median := p.Latency.Accept.Mean
	if q := p.Latency.Accept.P50; q != nil {
		median = *q
	}
	if s.unloaded == 0 {
		s.unloaded = median
	}
	step.Because = s.judge(p, step)
	if client := p.Spoiled(); step.Because != "" && client != "" {
		step.Because += "; the client had its part in it: " + client
	}
	if step.Passed = step.Because == ""; s.Knee == 0 && median > kneeAt*s.unloaded {
		s.Knee = rate
	}
	return step
}

func (s *search) keep(step result.Step, p result.Phase) error {
	s.Steps = append(s.Steps, step)
	if s.stepped == nil {
		return nil
	}
	return s.stepped(step, p.Offered)
}

// judge says why a rate does not pass; empty if it does: almost all was accepted, at once or nearly so, by a destination that
// keeps up, within the objective.
func (s *search) judge(p result.Phase, step result.Step) string {
	achieved := float64(p.Accepted) / float64(max(1, p.Offered))
	limit := max(1000, 3*p.OfferedRate*s.unloaded/1000)
	value, enough := objective(p, s.ladder.SLO)
	switch {
	case achieved < 0.99:
		return fmt.Sprintf("%.1f %% of the records were accepted, want 99 %%", achieved*100)
	case step.Errors > mostErrors:
		return fmt.Sprintf("%.2f %% of the attempts failed, want at most %.1f %%", step.Errors*100, mostErrors*100)
	case float64(p.MaxQueue) > limit:
		return fmt.Sprintf("%d records were waiting, want at most %.0f", p.MaxQueue, limit)
	}
	for _, c := range p.Checks {
		if c.Name == "stable" && !c.OK {
			return c.Text
		}
	}
	switch {
	case !enough:
		return fmt.Sprintf("%d records are too few for this quantile; make the step longer", p.Accepted)
	case value >= s.ladder.SLO.Bound:
		return fmt.Sprintf("%s is %v, want under %v", s.ladder.SLO.Metric, value.Round(time.Microsecond), s.ladder.SLO.Bound)
	}
	return ""
}

// objective returns the latency that the SLO is about, and whether there are records enough for its quantile.
func objective(p result.Phase, slo workload.SLO) (time.Duration, bool) {
	text := p.HDR.Accept
	if slo.Metric == "processed" {
		text = p.HDR.Processed
	}
	h, err := result.DecodeHistogram(text)
	if err != nil || !stats.Admissible(int(h.N()), slo.Quantile) {
		return 0, false
	}
	return h.Quantile(slo.Quantile), true
}

// confirm repeats the best rate, and goes down by the precision until it passes every time.
func (s *search) confirm(ctx context.Context, rate float64) error {
	for range mostRetreats {
		passes := 0
		for range confirmations {
			ok, err := s.open(ctx, rate)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			passes++
		}
		if passes == confirmations {
			s.MaxAtSLO = rate
			return nil
		}
		rate *= 1 - precision
	}
	s.Because = "no rate passed three times in a row"
	return nil
}

// stepOf makes a step of a phase.
func stepOf(p result.Phase) result.Step {
	step := result.Step{Kind: p.Kind, Concurrency: p.Concurrency, Offered: p.OfferedRate, Achieved: p.AcceptedRate,
		AcceptP50: p.Latency.Accept.P50, AcceptP99: p.Latency.Accept.P99, ProcessedP99: p.Latency.Processed.P99}
	failed := 0
	for _, second := range p.Series {
		failed += second.Errors
	}
	if attempts := p.Accepted + failed; attempts > 0 {
		step.Errors = float64(failed) / float64(attempts)
	}
	for _, c := range p.Checks {
		if c.Name == "stable" {
			step.BacklogSlope = c.Value
		}
	}
	return step
}

// fitOf is the share of the variance of the rates that the law explains.
func fitOf(law stats.USL, steps []stats.Step) float64 {
	mean := 0.0
	for _, s := range steps {
		mean += s.Throughput / float64(len(steps))
	}
	within, total := 0.0, 0.0
	for _, s := range steps {
		x, err := law.At(s.Concurrency)
		if err != nil {
			return 0
		}
		within += (s.Throughput - x) * (s.Throughput - x)
		total += (s.Throughput - mean) * (s.Throughput - mean)
	}
	if total == 0 {
		return 0
	}
	return 1 - within/total
}
