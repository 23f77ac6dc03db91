package transport_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// TestFinishEndsWhatCannotBeTriedInTime has one record that fails beside others that pass, so that it is a Deliver that waits
// and not the lane.
func TestFinishEndsWhatCannotBeTriedInTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		asked  time.Duration // by the destination, of the record that fails
		mended bool          // when Finish is called
		wait   time.Duration // between two tries
		took   time.Duration // from Finish to the end
	}{
		"waits for its own backoff":                    {wait: time.Hour},
		"waits for its own backoff, and is mended":     {wait: time.Hour, mended: true},
		"was told to wait for longer":                  {asked: time.Hour},
		"was told to wait for less, and is mended":     {asked: 12 * time.Second, mended: true, took: 2 * time.Second},
		"was told to wait for less, and fails again":   {asked: 12 * time.Second, wait: 3 * time.Second, took: 2 * time.Second},
		"is tried as often as there is time, each 2 s": {wait: 2 * time.Second, took: 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var mended atomic.Bool
				tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
					if r.ID == transporttest.Records(2)[1].ID && !mended.Load() {
						return &fault.Error{Op: "test", RetryAfter: c.asked}
					}
					return nil
				}))
				d := &transport.Deliverer{Transport: tr, Backoff: backoff.Policy{Min: c.wait, Max: c.wait, Rand: func() float64 { return 1 }}}
				if c.asked > 0 {
					d.Backoff.Rand = func() float64 { return 0 }
				}
				start := time.Now().Add(10*time.Second + 10*time.Millisecond)
				time.AfterFunc(time.Until(start), func() {
					mended.Store(c.mended)
					d.Finish(start.Add(5 * time.Second))
				})
				results := d.Deliver(t.Context(), transporttest.Records(2))
				if took := time.Since(start).Round(time.Second); took != c.took {
					t.Errorf("ended %v after Finish, want %v", took, c.took)
				}
				if got := results[1].Err == nil; results[0].Err != nil || got != c.mended {
					t.Errorf("results %v, want the first accepted and the second: %v", results, c.mended)
				}
				sends := tr.Sends()
				if last := sends[len(sends)-1].At; c.asked > 0 && last.Before(sends[0].At.Add(c.asked)) && last != sends[0].At {
					t.Errorf("sent %v after it was told to wait for %v", last.Sub(sends[0].At), c.asked)
				}
			})
		})
	}
}

// TestFinishKeepsToWhatTheDestinationAskedFor has two requests under way: the answer to one blocks the lane for a minute, that
// to the other asks for half of it. Only what is above that is ours to give up.
func TestFinishKeepsToWhatTheDestinationAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		later := &fault.Error{Class: fault.Throttled, Op: "test", RetryAfter: 30 * time.Second}
		tr := transporttest.Script(transporttest.After(time.Millisecond, transporttest.Fail(&fault.Error{Class: fault.Blocked, Op: "test"})),
			transporttest.After(time.Second, transporttest.Fail(later)), transporttest.Accept())
		d := &transport.Deliverer{Transport: tr, Backoff: backoff.Policy{Rand: func() float64 { return 0 }}}
		start := time.Now()
		time.AfterFunc(10*time.Second, func() { d.Finish(start.Add(50 * time.Second)) })
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() { wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(1))) })
		}
		all.Wait()
		sends := tr.Sends()
		if len(sends) != 4 {
			t.Fatalf("%d requests, want 4", len(sends))
		}
		if at := sends[2].At.Sub(start); at != 31*time.Second {
			t.Errorf("knocked after %v, want the 31 s that were asked for", at)
		}
	})
}

// TestNothingIsSentAfterFinish has a Deliver that begins after its time, and one that waits for the limiter until then.
func TestNothingIsSentAfterFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := transporttest.Script(transporttest.Accept())
		d := &transport.Deliverer{Transport: tr, Limiter: rate.NewLimiter(rate.Every(10*time.Second), 1)}
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(1)))
		d.Finish(time.Now().Add(5 * time.Second))
		for _, name := range []string{"waits for the limiter", "begins later"} {
			if e := fault.From(d.Deliver(t.Context(), transporttest.Records(1))[0].Err); e == nil || e.Class != fault.Transient {
				t.Errorf("%s: result = %v, want unsettled", name, e)
			}
			time.Sleep(time.Minute)
		}
		if n := len(tr.Sends()); n != 1 {
			t.Errorf("%d requests, want none after the end", n-1)
		}
	})
}
