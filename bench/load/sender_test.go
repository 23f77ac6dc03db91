package load

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/bench/audit"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

func TestFatesFollowFromAttempts(t *testing.T) {
	t.Parallel()
	unknown := transporttest.Fail(&fault.Error{Reason: "reset", Ambiguous: true})
	for _, c := range []struct {
		name              string
		steps             []transporttest.Step
		fate              audit.Fate
		attempts, unknown uint32
		errors            map[string]int
	}{
		{"accepted at once", []transporttest.Step{transporttest.Accept()}, audit.Accepted, 1, 0, nil},
		{"accepted after a throttle", []transporttest.Step{transporttest.Fail(&fault.Error{Class: fault.Throttled, Reason: "slow"}), transporttest.Accept()},
			audit.Accepted, 2, 0, map[string]int{"throttled: slow": 1}},
		{"accepted after a lost reply", []transporttest.Step{unknown, transporttest.Accept()}, audit.Accepted, 2, 1, map[string]int{"transient: reset": 1}},
		{"rejected", []transporttest.Step{transporttest.Fail(&fault.Error{Class: fault.Rejected, Reason: "too_long"})},
			audit.Rejected, 1, 0, map[string]int{"rejected: too_long": 1}},
		{"rejected after a lost reply", []transporttest.Step{unknown, transporttest.Fail(&fault.Error{Class: fault.Rejected})},
			audit.InDoubt, 2, 1, map[string]int{"transient: reset": 1, "rejected": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := senderTo(transporttest.Script(c.steps...)).Send(t.Context(), Phase{Due: []time.Duration{0}, MaxRecords: 1, Patience: time.Minute})
				e := r.Entries[0]
				if e.Fate != c.fate || e.Attempts != c.attempts || e.Unknown != c.unknown {
					t.Errorf("got %v after %d attempts, %d of them unknown; want %v, %d, %d", e.Fate, e.Attempts, e.Unknown, c.fate, c.attempts, c.unknown)
				}
				if len(r.Errors) != len(c.errors) {
					t.Errorf("errors: got %v, want %v", r.Errors, c.errors)
				}
				for name, n := range c.errors {
					if r.Errors[name] != n {
						t.Errorf("errors: got %v, want %v", r.Errors, c.errors)
					}
				}
				if r.Requests != int64(c.attempts) {
					t.Errorf("%d requests, want %d", r.Requests, c.attempts)
				}
			})
		})
	}
}

func TestServiceIsTheTimeOfTheAttemptThatWasAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := senderTo(transporttest.Script(
			transporttest.After(40*ms, transporttest.Fail(&fault.Error{Class: fault.Throttled, RetryAfter: time.Second})),
			transporttest.After(5*ms, transporttest.Accept())))
		e := s.Send(t.Context(), Phase{Due: []time.Duration{0}, MaxRecords: 1, Patience: time.Minute}).Entries[0]
		if e.Accepted-e.Start != int64(5*ms) || e.First != e.Due || e.Start-e.First < int64(time.Second+40*ms) {
			t.Errorf("first tried after %v, the accepted attempt began after %v and took %v; want 0s, over 1.04s, 5ms",
				time.Duration(e.First-e.Due), time.Duration(e.Start-e.Due), time.Duration(e.Accepted-e.Start))
		}
	})
}

func TestBytesAreCountedAsTheyAreBilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := senderTo(&memory.Transport{})
		s.Record = func(seq int) transport.Record {
			body := make([]byte, 40<<10)
			return transport.Record{ID: audit.ID("run", 1, seq, body), Body: body}
		}
		r := s.Send(t.Context(), Phase{Due: make([]time.Duration, 5), MaxRecords: 3, Patience: time.Second})
		// Requests of 120 and 80 KiB: two chunks of 64 KiB each, one unit of 512 KiB each.
		if r.Requests != 2 || r.Bytes != 200<<10 || r.Served != (Billable{2, 4, 2}) {
			t.Errorf("got %d requests, %d bytes, billed as %+v; want 2, %d, 2 with 4 chunks and 2 units", r.Requests, r.Bytes, r.Served, 200<<10)
		}
	})
}

func TestClosedKeepsItsNumberInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inFlight atomic.Int64
		s := senderTo(transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
			inFlight.Add(1)
			defer inFlight.Add(-1)
			time.Sleep(5 * ms)
			if n := inFlight.Load(); n != 5 {
				t.Errorf("%d are in flight, want 5", n)
			}
			time.Sleep(5 * ms)
			return transporttest.Accept()(ctx, recs)
		}))
		r := s.Send(t.Context(), Phase{First: 3, Concurrency: 5, For: time.Second, Most: 1 << 20, MaxRecords: 4, Patience: time.Second})
		wantFates(t, r, map[audit.Fate]int{audit.Accepted: 2000}) // 5 senders, 100 times, 4 records
		if math.Abs(r.InSystem-20) > 0.01 {
			t.Errorf("%.3f records were in the system in the mean, want 20", r.InSystem)
		}
		if r.after(r.Ended) != time.Second {
			t.Errorf("ended after %v, want 1s", r.after(r.Ended))
		}
	})
}

func TestClosedEndsWithMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := senderTo(transporttest.Script(transporttest.After(10*ms, transporttest.Accept())))
		r := s.Send(t.Context(), Phase{Concurrency: 2, For: time.Hour, Most: 11, MaxRecords: 2, Patience: time.Second})
		wantFates(t, r, map[audit.Fate]int{audit.Accepted: 11})
		if r.after(r.Ended) != 30*ms {
			t.Errorf("ended after %v, want 30ms: six requests by two senders, the last of which then finds nothing to send", r.after(r.Ended))
		}
	})
}

// Little's law is an identity if, and only if, nothing is forgotten: records that are rejected, or given up, leave too.
func TestLittlesLaw(t *testing.T) {
	t.Parallel()
	reject := transporttest.Fail(&fault.Error{Class: fault.Rejected})
	for name, steps := range map[string][]transporttest.Step{
		"all accepted":      {transporttest.After(30*ms, transporttest.Accept())},
		"some rejected":     {transporttest.After(30*ms, reject), transporttest.After(90*ms, reject), transporttest.After(30*ms, transporttest.Accept())},
		"some late":         {transporttest.Fail(&fault.Error{Class: fault.Throttled}), transporttest.After(30*ms, transporttest.Accept())},
		"some are given up": {transporttest.After(30*ms, transporttest.Accept()), transporttest.After(time.Hour, transporttest.Accept())},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				r := senderTo(transporttest.Script(steps...)).Send(t.Context(), Phase{Due: every(7*ms, 500), MaxRecords: 3, Linger: 20 * ms, Patience: 100 * ms})
				span := time.Since(start)
				var inside time.Duration
				for _, e := range r.Entries {
					inside += time.Duration(e.Left - e.Released)
				}
				if want := inside.Seconds() / span.Seconds(); math.Abs(r.InSystem-want) > 1e-6 || want < 1 {
					t.Errorf("%.6f records in the system, want %.6f, which is more than 1", r.InSystem, want)
				}
			})
		})
	}
}

func TestNullTransportAddsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := senderTo(&memory.Transport{Discard: true}).Send(t.Context(), Phase{Due: every(ms, 1000), MaxRecords: 10, Patience: time.Second})
		for i, e := range r.Entries {
			if e.Accepted != e.Due || e.Attempts != 1 {
				t.Fatalf("record %d: accepted %v after it was due, after %d attempts; want 0s, 1", i, time.Duration(e.Accepted-e.Due), e.Attempts)
			}
		}
		if r.MaxQueue > 1 {
			t.Errorf("%d records were waiting, want 1", r.MaxQueue)
		}
	})
}

// The null transport in real time: ns/op is what a record takes from release to acceptance, the generator's wait excluded.
func BenchmarkNullTransport(b *testing.B) {
	s := senderTo(&memory.Transport{Discard: true})
	b.ReportAllocs()
	r := s.Send(b.Context(), Phase{Due: every(50*time.Microsecond, b.N), MaxRecords: 1, Patience: time.Second})
	var sum int64
	for _, e := range r.Entries {
		sum += e.Accepted - e.Released
	}
	b.ReportMetric(float64(sum)/float64(b.N), "release-to-accept-ns")
}

// What measuring takes per record.
func BenchmarkObserve(b *testing.B) {
	m := newMeasuring()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.record(i % len(m.attempts))
	}
}

func TestMeasuringCostIsThatOfOneRecord(t *testing.T) {
	m := newMeasuring()
	m.cost()
	for i := range m.attempts {
		if e := m.ledger.at(i); e.Attempts != 1 || e.Fate != audit.Accepted || e.Released == 0 {
			t.Fatalf("record %d was not measured as a record is: %+v", i, *e)
		}
	}
	if got := m.occupied.n; got != 0 {
		t.Errorf("%d records are still in the system, want 0", got)
	}
	if cost := MeasuringCost(); cost <= 0 || cost > time.Millisecond {
		t.Errorf("measuring takes %v, want more than nothing and less than a millisecond", cost)
	}
}
