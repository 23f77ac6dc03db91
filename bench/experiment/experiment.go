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
	Told   func(Event)              // of every finished trial
	// Searched is told of every finished search.
	Searched func(result.Search)
}

// An Event is a finished trial.
type Event struct {
	Trial       result.Trial
	Done, Total int
	Left        time.Duration // for the rest, if it goes on as it did
	USD         float64       // of all trials so far
}

// Run runs all pairs and adds their trials to f. When ctx ends, f has what was finished, and says that it is partial.
func (e *Experiment) Run(ctx context.Context, f *result.File) error {
	w := e.Runner.Workload
	start := time.Now()
	number, usd := 0, 0.0
	total := w.Trials.Pairs * len(e.Ends)
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
		}
	}
	return nil
}

// Sides returns the transports of the workload that take part, in its order.
func (e *Experiment) Sides() []workload.Side {
	var all []workload.Side
	for _, s := range e.Runner.Workload.Transports {
		if e.Ends[s.Name] != nil {
			all = append(all, s)
		}
	}
	return all
}
