// Package experiment runs a workload: pairs of trials in random order, the comparisons that follow from them, and what has
// to be known of the machine to believe them.
package experiment

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/bench/workload"
	"sluice/internal/fault"
)

// An Experiment is one run of a workload.
type Experiment struct {
	Runner  *trial.Runner
	Ends    map[string]*trial.FarEnd // by transport
	Repeats int                      // how many of the trials that only the client has spoiled are repeated

	// Whoever watches is told of every finished trial, step of a search, and search. Functions may be nil.
	Told     func(Event)
	Stepped  func(transport string, s result.Step)
	Searched func(result.Search)

	purse purse
}

// An Event is a finished trial.
type Event struct {
	Trial       result.Trial
	Again       bool // the client spoiled it, and it is repeated
	Done, Total int
	Left        time.Duration // for the rest, if it goes on as it did
	USD         float64       // of all trials so far
}

// Run runs all trials and then all searches, and adds them to f. When ctx ends, or more is spent than the budget allows, f
// has what was finished, and says that it is partial. So it does beside an error.
func (e *Experiment) Run(ctx context.Context, f *result.File) error {
	e.purse = purse{limit: e.Runner.Workload.Budget.MaxUSD}
	err := e.trials(ctx, f)
	f.Warnings = append(f.Warnings, warnings(f, e.Runner.Workload.Budget.MaxRPS)...)
	if err != nil || f.Run.Partial != "" {
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
	series := &series{Experiment: e, file: f, start: time.Now(), total: total, repeats: e.Repeats}
	for pair := range w.Trials.Pairs {
		slot := 0
		for _, side := range w.Order(pair) {
			end := e.Ends[side.Name]
			if end == nil {
				continue // it is not there, which the run has said already
			}
			for again := true; again; slot++ {
				var err error
				if again, err = series.trial(ctx, end, pair, slot); err != nil || f.Run.Partial != "" {
					return err
				}
			}
		}
	}
	return nil
}

// OneInRepeated is the share of the trials that a run should repeat at most: one in so many.
const OneInRepeated = 10

// A series is the trials of a run.
type series struct {
	*Experiment
	file    *result.File
	start   time.Time
	total   int // trials, of which
	number  int // are done, which
	usd     float64
	repeats int // trials that may still be repeated
}

// trial runs one. Its client may have been busy elsewhere at the wrong moment, which says nothing of the destination: the
// trial stays in the file, invalid, and is to be done again.
func (s *series) trial(ctx context.Context, end *trial.FarEnd, pair, slot int) (again bool, err error) {
	t, err := s.Runner.Trial(ctx, end, s.number, pair, slot)
	partial := &s.file.Run.Partial
	switch {
	case ctx.Err() != nil:
		*partial = fmt.Sprintf("interrupted after %d of %d trials", s.number, s.total)
		return false, nil
	case err != nil:
		*partial = fmt.Sprintf("failed after %d of %d trials: %v", s.number, s.total, err)
		return false, fmt.Errorf("%s, pair %d: %w", end.Target.Transport, pair+1, err)
	}
	s.file.Trials = append(s.file.Trials, t)
	s.number, s.usd = s.number+1, s.usd+t.USD
	if again = t.Spoiled() && s.repeats > 0; again {
		s.repeats, s.total = s.repeats-1, s.total+1
	}
	if s.Told != nil {
		left := time.Duration(float64(time.Since(s.start)) / float64(s.number) * float64(s.total-s.number))
		s.Told(Event{Trial: t, Again: again, Done: s.number, Total: s.total, Left: left, USD: s.usd})
	}
	if a := t.Audit; a.Accepted == 0 && a.Rejected > 0 && a.Rejected == a.Sent {
		err = fmt.Errorf("%s rejected every record: %s", end.Target.Transport, mostOften(t.Errors))
		*partial = fmt.Sprintf("stopped after %d of %d trials: %v", s.number, s.total, err)
		return false, &fault.Error{Class: fault.Rejected, Reason: "all_rejected", Err: err}
	}
	if why := s.purse.pay(end.Target, t.USD); why != "" && s.number < s.total {
		*partial = fmt.Sprintf("stopped after %d of %d trials: %s", s.number, s.total, why)
	}
	return again, nil
}

// mostOften is the error that came most often.
func mostOften(errors map[string]int) string {
	names := slices.SortedFunc(maps.Keys(errors), func(a, b string) int { return cmp.Or(cmp.Compare(errors[b], errors[a]), cmp.Compare(a, b)) })
	if len(names) == 0 {
		return "it gave no reason"
	}
	return names[0]
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
