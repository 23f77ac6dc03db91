package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

// A readFunc is a Source that is one function.
type readFunc func(ctx context.Context, after ingest.Cursor) (ingest.Batch, error)

func (f readFunc) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	return f(ctx, after)
}

// TestAReadThatIsCutOffByTheStopMovesNothing: what a Read returns beside its error is no batch, and its cursor, the empty
// one, is that of the beginning. Whether it would be saved is left to chance, so it is tried often.
func TestAReadThatIsCutOffByTheStopMovesNothing(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			source := func(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
				if after == "" {
					return ingest.Batch{Items: numbered(1), Next: "1"}, nil
				}
				<-ctx.Done()
				return ingest.Batch{}, ctx.Err()
			}
			p, ck, _ := pipeline(readFunc(source), &memory.Transport{})
			time.AfterFunc(time.Second, stop)
			if err := p.Run(ctx); err != nil || ck.cursor != "1" {
				t.Fatalf("Run = %v at cursor %q, want the one after the batch", err, ck.cursor)
			}
		})
	}
}

// An unwilling dead letter file fails, some of the times only when it is given up.
type unwilling struct{ late bool }

func (u unwilling) Put(ctx context.Context, _ ingest.Refused) error {
	if u.late {
		<-ctx.Done()
	}
	return errors.New("no space left on device")
}

// TestADeadLetterThatWasNotKeptAtTheStopIsNotSettled: I1, also where the time to drain is over.
func TestADeadLetterThatWasNotKeptAtTheStopIsNotSettled(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("late %v", late), func(t *testing.T) {
			for range 50 { // what is done with a context that has ended is left to chance
				synctest.Test(t, func(t *testing.T) {
					ctx, stop := context.WithCancel(t.Context())
					refused := &fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"}
					p, ck, _ := pipeline(&sliceSource{items: numbered(1), page: 1}, transporttest.Script(transporttest.Fail(refused)))
					p.DeadLetter, p.Drain = unwilling{late}, time.Second
					time.AfterFunc(time.Second, stop)
					if err := p.Run(ctx); !errors.Is(err, ingest.ErrUnsettled) || ck.cursor != "" {
						t.Fatalf("Run = %v at cursor %q, want ErrUnsettled and none", err, ck.cursor)
					}
				})
			}
		})
	}
}

// TestAPartThatIsBlockedIsTriedOnceAProbe, whatever the backoff is, and not before the time that it asks for.
func TestAPartThatIsBlockedIsTriedOnceAProbe(t *testing.T) {
	for _, asked := range []time.Duration{0, time.Second, 5 * time.Minute} {
		for _, part := range []ingest.Part{ingest.PartSource, ingest.PartCheckpoint, ingest.PartDeadLetter} {
			t.Run(fmt.Sprint(part, " asks for ", asked), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var mu sync.Mutex
					var tries []time.Time
					blocked := func() error {
						mu.Lock()
						defer mu.Unlock()
						tries = append(tries, time.Now())
						return &fault.Error{Class: fault.Blocked, Reason: "denied", Op: "test", RetryAfter: asked}
					}
					src := &sliceSource{items: numbered(1), page: 1, ends: true}
					p, ck, dl := pipeline(src, transporttest.Script(transporttest.Fail(&fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"})))
					p.Probe = 2 * time.Minute
					switch part {
					case ingest.PartSource:
						src.disturb = func(int) error { return blocked() }
					case ingest.PartCheckpoint:
						ck.onSave = func(ingest.Cursor) error { return blocked() }
					default:
						dl.fail = blocked
					}
					asks := time.Now().Add(time.Hour) // for a stop, before which there is one more try
					ctx, stop := context.WithDeadline(t.Context(), asks)
					defer stop()
					_ = p.Run(ctx)
					tries = slices.DeleteFunc(tries, func(at time.Time) bool { return !at.Before(asks) })
					if len(tries) < 10 {
						t.Fatalf("%d tries in an hour, want it tried all the time", len(tries))
					}
					for i, at := range tries[1:] {
						if waited := at.Sub(tries[i]); waited < max(2*time.Minute, asked) {
							t.Fatalf("tried again after %v, want at least the probe of 2 min and the %v asked for", waited, asked)
						}
					}
				})
			})
		}
	}
}

// TestASourceThatHasNothingIsReadOnceAnIdle, even if it does not say that it is caught up.
func TestASourceThatHasNothingIsReadOnceAnIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		reads := 0
		p, _, _ := pipeline(readFunc(func(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
			if reads++; reads > 1000 {
				stop()
			}
			return ingest.Batch{Next: after}, ctx.Err()
		}), &memory.Transport{})
		p.Idle = 10 * time.Second
		if err := p.Run(ctx); err != nil || reads > 361 || reads < 300 {
			t.Errorf("Run = %v, after %d reads, want 360 in the hour", err, reads)
		}
	})
}

// TestOnceEndsWithAMass: nobody is there to mend it.
func TestOnceEndsWithAMass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		src := &sliceSource{items: numbered(200), page: 100}
		p, ck, dl := pipeline(src, transporttest.Script(transporttest.Fail(&fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"})))
		p.Once, p.InFlight = true, 1
		start := time.Now()
		err := p.Run(ctx)
		if e := fault.From(err); err == nil || e.Class != fault.Blocked || e.Reason != "mass_dead_letters" {
			t.Errorf("Run = %v, want the alarm", err)
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("took %v, want no wait for a probe", took)
		}
		if ck.cursor != "" || dl.count() != 50 {
			t.Errorf("cursor %q after %d dead letters, want none and the 50 of before the alarm", ck.cursor, dl.count())
		}
	})
}

// everyFortieth refuses one record in 40.
type everyFortieth struct{ transport.Transport }

func (e everyFortieth) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	results := e.Transport.Send(ctx, recs)
	for i, r := range recs {
		var n int
		if _, err := fmt.Sscanf(string(r.Body), `{"n":%d}`, &n); err == nil && n%40 == 0 {
			results[i] = transport.Result{Err: &fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"}}
		}
	}
	return results
}

// TestAFewBadRecordsForeverAreNoMass: the share is that of the latest records, and not that of a lifetime.
func TestAFewBadRecordsForeverAreNoMass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all = 8000
		p, ck, dl := pipeline(&sliceSource{items: numbered(all), page: 100, ends: true}, everyFortieth{&memory.Transport{}})
		var alarms []error
		var mu sync.Mutex
		p.Observe.Trouble = func(_ ingest.Part, err error) {
			mu.Lock()
			defer mu.Unlock()
			alarms = append(alarms, err)
		}
		if err := p.Run(t.Context()); err != nil || ck.cursor != ingest.Cursor(strconv.Itoa(all)) || dl.count() != all/40 {
			t.Errorf("Run = %v at cursor %q with %d dead letters, want the end and %d", err, ck.cursor, dl.count(), all/40)
		}
		if slices.ContainsFunc(alarms, func(err error) bool { return err != nil }) {
			t.Errorf("alarms %v for one bad record in 40, want none", alarms)
		}
	})
}

// TestTheFirstProbeAfterAMassWaitsToo: nothing is sent between the alarm and the first probe.
func TestTheFirstProbeAfterAMassWaitsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		start := time.Now()
		early, late := 0, 0
		p, _, _ := pipeline(&sliceSource{items: numbered(60), page: 60}, transporttest.Script(transporttest.Fail(&fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"})))
		p.InFlight, p.Probe = 1, 3*time.Minute
		p.Deliverer.Observe = func(a transport.Attempt) {
			if time.Since(start) < 3*time.Minute {
				early += len(a.Results)
			} else {
				late += len(a.Results)
			}
		}
		_ = p.Run(ctx)
		if early != 60 || late < 2 || late > 3 {
			t.Errorf("%d records were sent in the first three minutes and %d in the next seven, want 60, each once, and a probe every three minutes", early, late)
		}
	})
}
