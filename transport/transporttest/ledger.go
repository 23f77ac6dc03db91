package transporttest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/transport"
)

// A Ledger writes down what a Deliverer does, and checks at the end that every record has exactly one fate.
type Ledger struct {
	mu       sync.Mutex
	attempts []attempt
	reports  []*fault.Error // nil: well again
	then     func(n int)
}

// An attempt is one Send.
type attempt struct {
	start, end time.Time
	ids        []string
	faults     []*fault.Error // one for each id; nil: accepted
}

// Keep makes l follow d. Call it before the first Deliver.
func (l *Ledger) Keep(d *transport.Deliverer) *Ledger {
	d.Observe = func(a transport.Attempt) {
		seen := attempt{start: a.Start, end: a.Start.Add(a.Took)}
		for i, r := range a.Records {
			seen.ids = append(seen.ids, r.ID)
			seen.faults = append(seen.faults, fault.From(a.Results[i].Err))
		}
		l.mu.Lock()
		l.attempts = append(l.attempts, seen)
		n, then := len(l.attempts), l.then
		l.mu.Unlock()
		if then != nil {
			then(n)
		}
	}
	d.Report = func(err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.reports = append(l.reports, fault.From(err))
	}
	return l
}

// Then calls f after every Send with their number so far. Call it before the first Deliver.
func (l *Ledger) Then(f func(n int)) *Ledger {
	l.then = f
	return l
}

// Sends is the number of requests.
func (l *Ledger) Sends() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.attempts)
}

// Starts returns when each request left, in the order in which they came back.
func (l *Ledger) Starts() []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []time.Time
	for _, a := range l.attempts {
		all = append(all, a.start)
	}
	return all
}

// Failed is the number of attempts at records that were not accepted.
func (l *Ledger) Failed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, a := range l.attempts {
		for _, e := range a.faults {
			if e != nil {
				n++
			}
		}
	}
	return n
}

// Of returns what came of each attempt at one record.
func (l *Ledger) Of(id string) []*fault.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*fault.Error
	for _, a := range l.attempts {
		if i := slices.Index(a.ids, id); i >= 0 {
			all = append(all, a.faults[i])
		}
	}
	return all
}

// Unknown is the number of attempts at one record that may have been accepted although they failed.
func (l *Ledger) Unknown(id string) int {
	n := 0
	for _, e := range l.Of(id) {
		if e != nil && e.Ambiguous {
			n++
		}
	}
	return n
}

// Settled fails unless each of recs has exactly one fate: accepted, and in stored byte for byte, with no more copies than
// its unknown outcomes explain; or rejected, and not in stored beyond those. It returns the rejected ones, in order.
func (l *Ledger) Settled(t testing.TB, recs []transport.Record, results []transport.Result, stored []transport.Record) (dead []string) {
	t.Helper()
	copies := map[string]int{}
	bodies := map[string]string{}
	for _, r := range recs {
		bodies[r.ID] = string(r.Body)
	}
	for _, r := range stored {
		if want, issued := bodies[r.ID]; !issued || want != string(r.Body) {
			t.Errorf("stored: %q with %d bytes, which is not what was sent", r.ID, len(r.Body))
		}
		copies[r.ID]++
	}
	for i, r := range recs {
		most := l.Unknown(r.ID)
		switch e := fault.From(results[i].Err); {
		case e == nil:
			most++
			if copies[r.ID] == 0 {
				t.Errorf("%s: accepted, and lost", r.ID)
			}
		case e.Class == fault.Rejected:
			dead = append(dead, r.ID)
		default:
			t.Errorf("%s: not settled: %v", r.ID, e)
		}
		if copies[r.ID] > most {
			t.Errorf("%s: stored %d times, want at most %d", r.ID, copies[r.ID], most)
		}
	}
	return dead
}

// First returns the first verdict that was not an acceptance, nil if there was none.
func (l *Ledger) First() *fault.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.attempts {
		for _, e := range a.faults {
			if e != nil {
				return e
			}
		}
	}
	return nil
}

// Retried fails unless the first thing that went wrong was tried again, with this reason.
func (l *Ledger) Retried(t testing.TB, reason string) {
	t.Helper()
	e := l.First()
	if e == nil || e.Class != fault.Transient && e.Class != fault.Throttled || e.Reason != reason {
		t.Errorf("first verdict: %+v, want %s, to be tried again", e, reason)
	}
	if n := l.Sends(); n < 2 {
		t.Errorf("%d requests, want another after the first", n)
	}
}

// Paused fails unless the lane stood still for this reason: said so at once, knocked with one request per probe, and said
// in the end that it is well again.
func (l *Ledger) Paused(t testing.TB, reason string, probe time.Duration) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.reports) < 2 || l.reports[0] == nil || l.reports[0].Class != fault.Blocked || l.reports[0].Reason != reason || l.reports[len(l.reports)-1] != nil {
		t.Errorf("reported %+v, want first Blocked %s, and in the end that all is well", l.reports, reason)
	}
	knocks := 0
	var until time.Time
	for _, a := range l.attempts {
		if a.start.Before(until) {
			t.Errorf("a request left %v before the next probe", until.Sub(a.start))
		}
		if slices.ContainsFunc(a.faults, func(e *fault.Error) bool { return e != nil && e.Class == fault.Blocked }) {
			knocks++
			until = a.end.Add(probe)
		}
	}
	if knocks < 2 {
		t.Errorf("%d refused requests, want two at least, so that a probe was refused too", knocks)
	}
}

// Split fails unless the request was refused as a whole for this reason, and every record sent again in a smaller one.
func (l *Ledger) Split(t testing.TB, reason string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.attempts) < 3 {
		t.Fatalf("%d requests, want the first and its parts", len(l.attempts))
	}
	first := l.attempts[0]
	for i, e := range first.faults {
		if e != nil && (e.Class != fault.Rejected || !e.Whole || e.Reason != reason) {
			t.Errorf("first verdict on %s: %+v, want Rejected as a whole, %s", first.ids[i], e, reason)
		}
	}
	for _, a := range l.attempts[1:] {
		if len(a.ids) >= len(first.ids) {
			t.Errorf("a request with %d records after one with %d, want fewer", len(a.ids), len(first.ids))
		}
	}
}
