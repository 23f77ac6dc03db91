package transport_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// always waits for d between two tries.
func always(d time.Duration) backoff.Policy {
	return backoff.Policy{Min: d, Max: d, Rand: func() float64 { return 1 }}
}

// TestPatienceCountsFromTheLastProgress has one record pass in each request, and more of them than patience alone allows.
func TestPatienceCountsFromTheLastProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := transporttest.Script(func(_ context.Context, recs []transport.Record) []transport.Result {
			results := make([]transport.Result, len(recs))
			for i := range results[1:] {
				results[1+i].Err = &fault.Error{Op: "test"}
			}
			return results
		})
		d := &transport.Deliverer{Transport: tr, Backoff: always(4 * time.Second), Patience: 10 * time.Second}
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(8)))
	})
}

// TestPatienceIsThatOfEachDeliver: the records of others pass all the time, which opens the lane and is no progress of ours.
func TestPatienceIsThatOfEachDeliver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stuck := transporttest.Records(2)[1:]
		tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
			if r.ID == stuck[0].ID {
				return &fault.Error{Op: "test"}
			}
			return nil
		}))
		d := &transport.Deliverer{Transport: tr, Backoff: always(time.Second), Patience: 10 * time.Second}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		var others sync.WaitGroup
		others.Go(func() {
			for ctx.Err() == nil {
				d.Deliver(ctx, transporttest.Records(1))
				time.Sleep(100 * time.Millisecond)
			}
		})
		start := time.Now()
		if err := d.Deliver(ctx, stuck)[0].Err; err == nil {
			t.Error("the stuck record was accepted")
		}
		if took := time.Since(start); took < 8*time.Second || took > 10*time.Second {
			t.Errorf("gave up after %v, want at the end of the patience of 10 s", took)
		}
		cancel()
		others.Wait()
	})
}

// TestPatienceOutlastsOneFailure: what has failed once is tried again, by whoever waits for it.
func TestPatienceOutlastsOneFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := transporttest.Script(transporttest.Fail(slower(time.Second)), transporttest.Fail(&fault.Error{Op: "test"}), transporttest.Accept())
		d := &transport.Deliverer{Transport: tr, Backoff: always(time.Second), Concurrency: 1, Patience: 10 * time.Second}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(1))) })
		}
		all.Wait()
	})
}

// TestWhoGivesUpInTheQueueLeavesNoPlaceBehind: those who come later, when the destination is well, must pass.
func TestWhoGivesUpInTheQueueLeavesNoPlaceBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		tr := transporttest.Script(transporttest.After(10*time.Second, transporttest.Fail(slower(time.Minute))), transporttest.Accept())
		d := &transport.Deliverer{Transport: tr, Concurrency: 1, Patience: 15 * time.Second, Probe: 2 * time.Minute}
		start := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if err := d.Deliver(ctx, transporttest.Records(1))[0].Err; !fault.Is(err, fault.Throttled) {
					t.Errorf("result = %v, want what the destination said", err)
				}
			})
		}
		all.Wait()
		if took, sends := time.Since(start), len(tr.Sends()); took > 10*time.Second || sends != 1 {
			t.Errorf("gave up after %v and %d requests, want 10 s and 1: it asked for more than the patience", took, sends)
		}
		time.Sleep(2 * time.Minute)
		if s := d.Status(); s.InFlight != 0 {
			t.Errorf("%d requests under way, want none", s.InFlight)
		}
		d.Patience = 0 // nobody delivers at this moment
		wantAccepted(t, d.Deliver(ctx, transporttest.Records(1)))
	})
}

// TestPatienceEndsAtOnceWhenTheDestinationIsBlocked, also for those who have not sent anything, and however soon it is probed.
func TestPatienceEndsAtOnceWhenTheDestinationIsBlocked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := transporttest.Script(transporttest.After(time.Second, transporttest.Fail(&fault.Error{Class: fault.Blocked, Op: "test"})))
		d := &transport.Deliverer{Transport: tr, Concurrency: 1, Patience: time.Minute, Probe: 5 * time.Second}
		start := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if err := d.Deliver(t.Context(), transporttest.Records(1))[0].Err; !fault.Is(err, fault.Blocked) {
					t.Errorf("result = %v, want Blocked", err)
				}
			})
		}
		all.Wait()
		if took, sends := time.Since(start), len(tr.Sends()); took > time.Second || sends != 1 {
			t.Errorf("gave up after %v and %d requests, want 1 s and 1", took, sends)
		}
	})
}
