package load

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"sluice/bench/audit"
	"sluice/bench/clock"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

const ms = time.Millisecond

// senderTo sends synthetic records to tr.
func senderTo(tr transport.Transport) *Sender {
	return &Sender{Transport: tr, Clock: clock.New(), Record: func(seq int) transport.Record {
		body := []byte(strconv.Itoa(seq))
		return transport.Record{ID: audit.ID("run", 1, seq, body), Body: body}
	}}
}

// every spaces n arrivals evenly.
func every(gap time.Duration, n int) []time.Duration {
	due := make([]time.Duration, n)
	for i := range due {
		due[i] = time.Duration(i) * gap
	}
	return due
}

// fates counts the fates of a report.
func fates(r Report) map[audit.Fate]int {
	all := map[audit.Fate]int{}
	for _, e := range r.Entries {
		all[e.Fate]++
	}
	return all
}

func wantFates(t *testing.T, r Report, want map[audit.Fate]int) {
	t.Helper()
	if got := fates(r); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("fates: got %v, want %v", got, want)
	}
}

// after is a time of an entry, from the start of the phase.
func (r Report) after(at int64) time.Duration { return time.Duration(at - r.Start) }

func TestRecordsAreReleasedWhenTheyAreDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := senderTo(transporttest.Script(transporttest.After(5*ms, transporttest.Accept())))
		start := s.Clock.Now() + int64(time.Second)
		r := s.Send(t.Context(), Phase{First: 7, Start: start, Due: every(10*ms, 100), MaxRecords: 1, Patience: time.Second})
		if r.Start != start {
			t.Errorf("began %v after it was to", time.Duration(r.Start-start))
		}
		for i, e := range r.Entries {
			due := time.Duration(i) * 10 * ms
			if r.after(e.Due) != due || r.after(e.Released) != due || r.after(e.First) != due || r.after(e.Accepted) != due+5*ms {
				t.Fatalf("record %d: due %v, released %v, first tried %v, accepted %v; want %v three times, and 5 ms later",
					i, r.after(e.Due), r.after(e.Released), r.after(e.First), r.after(e.Accepted), due)
			}
		}
		wantFates(t, r, map[audit.Fate]int{audit.Accepted: 100})
	})
}

// Nothing is dropped and nothing is forgiven: what comes while the destination stands still waits, and its latency counts
// from when it was to be sent.
func TestABlockedDestinationQueuesAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := time.Now().Add(time.Second)
		s := senderTo(transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
			time.Sleep(time.Until(open))
			return transporttest.Accept()(ctx, recs)
		}))
		s.Concurrency = 2
		r := s.Send(t.Context(), Phase{Due: every(ms, 1000), MaxRecords: 1, Patience: time.Minute})
		wantFates(t, r, map[audit.Fate]int{audit.Accepted: 1000})
		if r.MaxQueue != 1000 {
			t.Errorf("%d records waited at once, want all 1,000", r.MaxQueue)
		}
		for i, e := range r.Entries {
			if got, want := time.Duration(e.Accepted-e.Due), time.Second-time.Duration(i)*ms; got != want {
				t.Fatalf("record %d: accepted %v after it was due, want %v", i, got, want)
			}
			if e.Released != e.Due {
				t.Fatalf("record %d: released %v late", i, time.Duration(e.Released-e.Due))
			}
		}
		if got := r.Entries[500].First - r.Entries[500].Released; got != int64(500*ms) {
			t.Errorf("record 500 was first tried %v after its release, want 500 ms", time.Duration(got))
		}
	})
}

func TestWhatIsHandedOverIsDeliveredInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transporttest.Script(transporttest.After(10*ms, transporttest.Accept()))
		s := senderTo(tr)
		s.Concurrency = 1
		s.Send(t.Context(), Phase{Due: every(ms, 200), MaxRecords: 1, Patience: time.Minute})
		for place, sent := range tr.Sends() {
			if id, _ := audit.ParseID(sent.IDs[0]); id.Seq != place {
				t.Fatalf("record %d was sent as number %d", id.Seq, place)
			}
		}
	})
}

func TestBatchesByCompanyAndLinger(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		due    []time.Duration
		max    int
		limit  int // of the destination
		linger time.Duration
		want   []string // request: time and number of records
	}{
		{"full at once", every(ms, 6), 3, 0, time.Second, []string{"2ms 3", "5ms 3"}},
		{"the first waits for its linger", []time.Duration{0, 2 * ms, 20 * ms}, 10, 0, 5 * ms, []string{"5ms 2", "25ms 1"}},
		{"linger ends when another comes", []time.Duration{0, 5 * ms}, 10, 0, 5 * ms, []string{"5ms 2"}},
		{"no linger takes what is there", []time.Duration{0, 0, 0, ms}, 10, 0, 0, []string{"0s 3", "1ms 1"}},
		{"one record never lingers", every(ms, 3), 1, 0, time.Second, []string{"0s 1", "1ms 1", "2ms 1"}},
		{"the destination takes one", every(ms, 3), 10, 1, time.Second, []string{"0s 1", "1ms 1", "2ms 1"}},
		{"the destination takes fewer", every(ms, 4), 10, 2, time.Second, []string{"1ms 2", "3ms 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tr := transporttest.Script(transporttest.Accept())
				tr.Limits.MaxRecords = c.limit
				start := time.Now()
				r := senderTo(tr).Send(t.Context(), Phase{Due: c.due, MaxRecords: c.max, Linger: c.linger, Patience: time.Second})
				var got []string
				for _, sent := range tr.Sends() {
					got = append(got, fmt.Sprint(sent.At.Sub(start), len(sent.IDs)))
				}
				if fmt.Sprint(got) != fmt.Sprint(c.want) {
					t.Errorf("requests: got %v, want %v", got, c.want)
				}
				if r.Requests != int64(len(c.want)) {
					t.Errorf("%d requests counted, want %d", r.Requests, len(c.want))
				}
			})
		})
	}
}

// A sender that was not ready in time, because it had so many records to make, begins when it is.
func TestALateSenderBeginsLateAsAWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := senderTo(&memory.Transport{})
		r := s.Send(t.Context(), Phase{Start: s.Clock.Now() - int64(time.Hour), Due: every(ms, 3), MaxRecords: 1, Patience: time.Second})
		if late := r.Entries[0].Released - r.Entries[0].Due; late != 0 || r.Start != s.Clock.Now()-int64(2*ms) {
			t.Errorf("record 0 is %v late, the phase began %v ago; want 0s, 2ms", time.Duration(late), time.Duration(s.Clock.Now()-r.Start))
		}
	})
}

// A stand-still of the generator itself is not forgiven either.
func TestAnArrivalKeepsItsTimeWhenTheGeneratorIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := senderTo(transporttest.Script(transporttest.Accept()))
		held := false
		s.Sleep = func(d time.Duration) {
			if !held {
				held = true
				d += 100 * ms
			}
			time.Sleep(d)
		}
		r := s.Send(t.Context(), Phase{Due: every(10*ms, 20), MaxRecords: 1, Patience: time.Second})
		for i, e := range r.Entries[1:11] {
			at := time.Duration(i+1) * 10 * ms
			if r.after(e.Due) != at || r.after(e.Released) != 110*ms || e.Accepted != e.Released {
				t.Errorf("record %d: due %v, released %v; want %v, 110ms", i+1, r.after(e.Due), r.after(e.Released), at)
			}
		}
		if e := r.Entries[12]; e.Released != e.Due {
			t.Errorf("record 12 is %v late, want it in time again", time.Duration(e.Released-e.Due))
		}
	})
}

func TestAnEndedContextLeavesTheRestUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(55*ms, cancel)
		s := senderTo(transporttest.Script(transporttest.After(10*ms, transporttest.Accept())))
		r := s.Send(ctx, Phase{Due: every(10*ms, 10), MaxRecords: 1, Patience: time.Minute})
		wantFates(t, r, map[audit.Fate]int{audit.Accepted: 6, audit.Unsent: 4})
		if r.after(r.Ended) != 55*ms {
			t.Errorf("ended after %v, want 55ms", r.after(r.Ended))
		}
	})
}

func TestAnEndedContextDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*ms, cancel)
		start := time.Now()
		s := senderTo(transporttest.Script(transporttest.Hang()))
		r := s.Send(ctx, Phase{Due: []time.Duration{0, time.Hour}, MaxRecords: 1, Patience: time.Hour})
		if took := time.Since(start); took != 50*ms+stopPatience {
			t.Errorf("it took %v, want %v", took, 50*ms+stopPatience)
		}
		wantFates(t, r, map[audit.Fate]int{audit.InDoubt: 1, audit.Unsent: 1})
	})
}

func TestWhatIsNotSettledInPatienceStaysSo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		step transporttest.Step
		want audit.Fate
	}{
		"nobody knows":     {transporttest.Hang(), audit.InDoubt},
		"refused for now":  {transporttest.Fail(&fault.Error{Class: fault.Throttled}), audit.Unsettled},
		"refused for good": {transporttest.Fail(&fault.Error{Class: fault.Rejected}), audit.Rejected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				r := senderTo(transporttest.Script(c.step)).Send(t.Context(), Phase{Due: every(ms, 2), MaxRecords: 2, Patience: 20 * time.Second})
				wantFates(t, r, map[audit.Fate]int{c.want: 2})
				if took := time.Since(start); took > 20*time.Second+ms {
					t.Errorf("it took %v, want no more than the patience of 20s", took)
				}
			})
		})
	}
}
