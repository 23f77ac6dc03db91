package experiment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/bench/cost"
	"sluice/bench/result"
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
	ladder  workload.Ladder
	limit   float64 // highest rate that may be offered; 0: none
	probe   prober
	repeats int
	held    bool                                      // the budget has held the closed loop down
	few     bool                                      // a rate of the ladder brought too few records
	medians []measurement                             // of the open steps that the client did not spoil
	stepped func(step result.Step, records int) error // of every step; its error ends the search
}

// run finds the most by closed loops, climbs the ladder until a rate fails, halves the distance to the last that passed, and
// confirms what it has found.
func (s *search) run(ctx context.Context) error {
	defer func() {
		s.Knee = s.knee()
		s.Because = strings.Trim(s.Because+"; "+s.remark(), "; ")
	}()
	if err := s.closed(ctx); err != nil {
		return err
	}
	low, high, err := s.climb(ctx)
	if err != nil {
		return err
	}
	if low == 0 {
		s.Because = s.none(high)
		return nil
	}
	for range mostHalvings {
		if high == 0 || high-low <= precision*low {
			break
		}
		middle := (low + high) / 2
		v, err := s.open(ctx, middle)
		if err != nil {
			return err
		}
		if v == passed {
			low = middle
		} else {
			high = middle
		}
	}
	return s.confirm(ctx, low)
}

// climb tries the rates of the ladder until one fails, and returns the last that passed and that which failed; 0: none. A
// rate that brings too few records is passed by: the next brings more.
func (s *search) climb(ctx context.Context) (low, high float64, err error) {
	for _, rate := range rates(s.ladder, s.MaxClosed, s.limit) {
		v, err := s.open(ctx, rate)
		if err != nil {
			return low, high, err
		}
		switch v {
		case passed:
			low = rate
		case failed:
			return low, rate, nil
		case undecided:
			s.few = true
		}
	}
	return low, 0, nil
}

// none says why no rate of the ladder passed; the last step was at high, which failed, or else none did.
func (s *search) none(high float64) string {
	last := s.Steps[len(s.Steps)-1].Because
	switch {
	case high == 0:
		return "not decided: " + last
	case s.few:
		return fmt.Sprintf("not decided: %.0f/s did not pass: %s; below, there were too few records for this quantile; make the step longer", high, last)
	}
	return "the lowest rate did not pass: " + last
}

// open tries a rate. A step that does not pass and that the client itself spoiled says nothing of the destination: it is
// kept, and the rate is tried again. One that passes, passes: latencies count from the intended arrival, so that a late
// client makes them longer and not shorter. And no client makes records vanish that were accepted.
func (s *search) open(ctx context.Context, rate float64) (verdict, error) {
	for {
		p, err := s.probe.Open(ctx, rate, s.ladder.Step)
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return undecided, err
		}
		step, v := s.step(p, rate)
		if err := s.keep(step, p); err != nil || v != failed || s.repeats == mostRepeats || p.Spoiled() == "" || lossOf(p) != "" {
			return v, err
		}
		s.repeats++
	}
}

func (s *search) keep(step result.Step, p result.Phase) error {
	s.Steps = append(s.Steps, step)
	if s.stepped == nil {
		return nil
	}
	return s.stepped(step, p.Offered)
}

// confirm repeats the best rate, and goes down by the precision until it passes every time.
func (s *search) confirm(ctx context.Context, rate float64) error {
	for range mostRetreats {
		passes := 0
		for range confirmations {
			v, err := s.open(ctx, rate)
			if err != nil {
				return err
			}
			if v == undecided {
				s.Because = "not decided: " + s.Steps[len(s.Steps)-1].Because
				return nil
			}
			if v == failed {
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
