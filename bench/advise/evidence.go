package advise

import (
	"errors"
	"fmt"
	"time"

	"sluice/bench/cost"
	"sluice/bench/stats"
)

// Evidence is what was measured of one option.
type Evidence struct {
	Option  cost.Option
	StandIn bool // measured at a stand-in or, for a broker, on a machine that is not the one that will run it

	Rate     float64       // records per second that were offered
	Linger   time.Duration // that the measured sender waited
	Attempts float64       // requests made per request needed; 0: not counted
	SendFill float64       // records per request; 0: not counted
	Empty    float64       // receives that brought nothing, per record

	// Latencies holds, by metric, the geometric mean over the trials and its 95 % interval.
	Latencies map[string]Latency

	Records int // that were accepted and audited
	Lost    int
	Ghosts  int // rejected, and yet there
}

// A Latency is a measured quantile with its interval.
type Latency struct{ Value, Low, High time.Duration }

// A Compared is the judgement on one metric of two options that were measured in pairs.
type Compared struct {
	A, B cost.Option
	stats.Judgement
}

// An Input is everything that an advice rests on. Book is needed; Evidence and Compared may be empty.
type Input struct {
	Question Question
	Evidence []Evidence
	Compared []Compared
	Book     *cost.Book
}

func (in Input) validate() error {
	var errs []error
	if in.Book == nil {
		errs = append(errs, errors.New("an advice needs a price book"))
	}
	seen := map[cost.Option]bool{}
	for _, e := range in.Evidence {
		if seen[e.Option] {
			errs = append(errs, fmt.Errorf("%s was measured twice: choose one of the results", e.Option))
		}
		seen[e.Option] = true
		if e.Attempts != 0 && e.Attempts < 1 || e.Records < 0 || e.Lost < 0 || e.Ghosts < 0 {
			errs = append(errs, fmt.Errorf("%s: the measurement has a number that cannot be: %+v", e.Option, e))
		}
	}
	return errors.Join(append(errs, in.Question.Validate())...)
}

// of returns what was measured of o, or nil.
func (in Input) of(o cost.Option) *Evidence {
	for i, e := range in.Evidence {
		if e.Option == o {
			return &in.Evidence[i]
		}
	}
	return nil
}

// atRate reports whether e was measured at the rate that is asked about, to a tenth.
func (e *Evidence) atRate(q Question) bool { return e.Rate >= 0.9*q.Rate && e.Rate <= 1.1*q.Rate }
