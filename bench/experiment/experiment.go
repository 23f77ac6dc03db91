// Package experiment runs a workload: pairs of trials in random order, the comparisons that follow from them, and what has
// to be known of the machine to believe them.
package experiment

import (
	"context"
	"fmt"
	"time"

	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/bench/workload"
)

// An Experiment is one run of a workload.
type Experiment struct {
	Runner *trial.Runner
	Ends   map[string]*trial.FarEnd // by transport

	// Whoever watches is told of every finished trial, step of a search, and search. Functions may be nil.
	Told     func(Event)
	Stepped  func(transport string, s result.Step)
	Searched func(result.Search)

	purse purse
}

// An Event is a finished trial.
type Event struct {
	Trial       result.Trial
	Done, Total int
	Left        time.Duration // for the rest, if it goes on as it did
	USD         float64       // of all trials so far
}

// Run runs all trials and then all searches, and adds them to f. When ctx ends, or more is spent than the budget allows, f
// has what was finished, and says that it is partial. So it does beside an error.
func (e *Experiment) Run(ctx context.Context, f *result.File) error {
	e.purse = purse{limit: e.Runner.Workload.Budget.MaxUSD}
	if err := e.trials(ctx, f); err != nil || f.Run.Partial != "" {
		return err
	}
	return e.searches(ctx, f)
}

// Trials is how many trials there are.
func (e *Experiment) Trials() int {
	w := e.Runner.Workload
	for _, p := range w.Phases {
		if p.Kind != workload.Search { // which is no part of a trial
			return w.Trials.Pairs * len(e.Ends)
		}
	}
	return 0
}

func (e *Experiment) trials(ctx context.Context, f *result.File) error {
	w := e.Runner.Workload
	total := e.Trials()
	if total == 0 {
		return nil
	}
	start := time.Now()
	number, usd := 0, 0.0
	for pair := range w.Trials.Pairs {
		slot := 0
		for _, side := range w.Order(pair) {
			end := e.Ends[side.Name]
			if end == nil {
				continue // it is not there, which the run has said already
			}
			t, err := e.Runner.Trial(ctx, end, number, pair, slot)
			switch {
			case ctx.Err() != nil:
				f.Run.Partial = fmt.Sprintf("interrupted after %d of %d trials", number, total)
				return nil
			case err != nil:
				f.Run.Partial = fmt.Sprintf("failed after %d of %d trials: %v", number, total, err)
				return fmt.Errorf("%s, pair %d: %w", side.Name, pair+1, err)
			}
			f.Trials = append(f.Trials, t)
			number, slot, usd = number+1, slot+1, usd+t.USD
			if e.Told != nil {
				left := time.Duration(float64(time.Since(start)) / float64(number) * float64(total-number))
				e.Told(Event{Trial: t, Done: number, Total: total, Left: left, USD: usd})
			}
			if why := e.purse.pay(end.Target, t.USD); why != "" && number < total {
				f.Run.Partial = fmt.Sprintf("stopped after %d of %d trials: %s", number, total, why)
				return nil
			}
		}
	}
	return nil
}

// Lasts is about how long the trials take, and at most how long the searches do.
func (e *Experiment) Lasts() (trials, searches time.Duration) {
	const around = time.Second // for starting a sender, and for what is under way at the end
	w := e.Runner.Workload
	each := w.Trials.Warmup + around
	for _, p := range w.Phases {
		each += p.Total()
	}
	for _, p := range w.Phases {
		if p.Kind == workload.Search {
			searches += time.Duration(openSteps(p.Search))*p.Search.Step + closedSteps*closedStep(p.Search)
		}
	}
	return time.Duration(e.Trials()) * each, time.Duration(len(e.searched())) * searches
}

// searched are the transports that a search goes through, in the order of the workload: those with a destination.
func (e *Experiment) searched() []workload.Side {
	var all []workload.Side
	for _, s := range e.Runner.Workload.Transports {
		if end := e.Ends[s.Name]; end != nil && end.Target.Kind != result.Null {
			all = append(all, s)
		}
	}
	return all
}
