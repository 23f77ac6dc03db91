package transport

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/fault"
)

// An Attempt is one finished Send. Its slices are valid during the call of Observe only.
type Attempt struct {
	Start   time.Time
	Took    time.Duration
	Records []Record
	Bytes   int // sum of Size
	Results []Result

	// Doubt says, for each record, when the first of its earlier attempts with an Unknown outcome began: since then the
	// destination may have it. Zero: there was none. Nil: there was none for any of them.
	Doubt []time.Time
	// Missed is the number of records that this attempt may have duplicated although the destination drops repeats: it
	// ended later after their Doubt than the destination remembers them (Capabilities.Dedup), and was not refused.
	Missed int
}

// An Outcome is what is known of one record after one attempt.
type Outcome uint8

const (
	Accepted Outcome = iota // the destination has it, durably
	Refused                 // the destination does not have it: sending it again makes no duplicate
	Rejected                // the destination does not have it and never will: this record, whatever stands beside it
	Unknown                 // nobody knows whether the destination has it: sending it again may make a duplicate
)

// outcomes holds the name of every Outcome at its value.
var outcomes = [...]string{"accepted", "refused", "rejected", "unknown"}

// String is the name used in logs.
func (o Outcome) String() string {
	if int(o) < len(outcomes) {
		return outcomes[o]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Outcome returns what came of the record at i.
func (a Attempt) Outcome(i int) Outcome {
	e := fault.From(a.Results[i].Err)
	switch {
	case e == nil:
		return Accepted
	case e.Class == fault.Rejected && e.Whole && len(a.Records) > 1: // it is sent again, with fewer others
		return Refused
	case e.Class == fault.Rejected:
		return Rejected
	case e.Ambiguous:
		return Unknown
	}
	return Refused
}

// attempt makes one Send of the records at request, notes since when they are in doubt, and tells Observe.
func (v *delivery) attempt(ctx context.Context, request []int) Attempt {
	a := Attempt{Records: make([]Record, len(request))}
	for k, i := range request {
		a.Records[k] = v.recs[i]
	}
	timeout := v.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	a.Start = time.Now()
	a.Results = v.Transport.Send(ctx, a.Records)
	a.Took = time.Since(a.Start)
	if len(a.Results) != len(request) { // I3: silence is no fate
		a.Results = spread(len(request), &fault.Error{Op: "deliver", Reason: "broken_driver", Ambiguous: true,
			Err: fmt.Errorf("the driver returned %d results for %d records", len(a.Results), len(request))})
	}
	v.note(&a, request)
	if v.Observe != nil {
		for _, r := range a.Records {
			a.Bytes += v.Transport.Size(r)
		}
		v.Observe(a)
	}
	return a
}

// note carries over into a since when its records are in doubt, and begins the doubt of those that are so from now on. It
// is the end of the attempt that counts for Missed, and the beginning for a doubt: the destination may have taken a record
// at any moment between the two, and what lies furthest apart is the worst.
func (v *delivery) note(a *Attempt, request []int) {
	for k, i := range request {
		outcome := a.Outcome(k)
		since := v.doubt[i]
		switch {
		case since.IsZero() && outcome == Unknown:
			v.doubt[i] = a.Start
		case !since.IsZero():
			if a.Doubt == nil {
				a.Doubt = make([]time.Time, len(request))
			}
			a.Doubt[k] = since
			taken := outcome == Accepted || outcome == Unknown
			if taken && v.caps.Dedup > 0 && a.Start.Add(a.Took).Sub(since) > v.caps.Dedup {
				a.Missed++
			}
		}
	}
}

// spread returns n Results with the same error.
func spread(n int, err error) []Result {
	results := make([]Result, n)
	for i := range results {
		results[i].Err = err
	}
	return results
}
