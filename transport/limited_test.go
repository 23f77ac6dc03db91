package transport_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// Requests that wait for the limiter when the destination asks to be left alone have not left yet: they stay, and so does
// the rate once it takes requests again.
func TestRequestsThatTheLimiterHoldsObeyWhatIsAskedMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		tr := transporttest.Script(transporttest.Fail(slower(time.Hour)), transporttest.Accept())
		tr.Limits.MaxRecords = 1
		d := &transport.Deliverer{Transport: tr, Concurrency: 16, Limiter: rate.NewLimiter(1, 1)}
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(40)))
		sends := tr.Sends()
		if len(sends) != 41 {
			t.Errorf("%d requests, want 41", len(sends))
		}
		for i, s := range sends[1:] {
			if waited := s.At.Sub(begin); waited < time.Hour {
				t.Fatalf("request %d left after %v, want at least the hour that was asked for", i+2, waited)
			}
			if gap := s.At.Sub(sends[i].At); gap < 999*time.Millisecond {
				t.Errorf("request %d left %v after the one before, want a second", i+2, gap)
			}
		}
	})
}

// TestRequestsThatTheLimiterHoldsWaitAlthoughAPartPassed: the destination took a part and asked for a pause.
func TestRequestsThatTheLimiterHoldsWaitAlthoughAPartPassed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		part := func(_ context.Context, recs []transport.Record) []transport.Result {
			return append(make([]transport.Result, len(recs)-1), transport.Result{Err: slower(30 * time.Second)})
		}
		tr := transporttest.Script(part, transporttest.Accept())
		tr.Limits.MaxRecords = 2
		d := &transport.Deliverer{Transport: tr, Limiter: rate.NewLimiter(1, 1)}
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(8)))
		if waited := tr.Sends()[1].At.Sub(begin); waited < 30*time.Second {
			t.Errorf("the second request left after %v, want the 30 s that were asked for", waited)
		}
	})
}

// TestRequestsThatTheLimiterHoldsDoNotComeBackTogether: they have their permits from before the first one failed. One of them
// knocks, for ten seconds each time.
func TestRequestsThatTheLimiterHoldsDoNotComeBackTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		down := transporttest.Fail(&fault.Error{Op: "test"})
		tr := transporttest.Script(transporttest.After(500*time.Millisecond, down), transporttest.After(10*time.Second, down))
		tr.Limits.MaxRecords = 1
		d := &transport.Deliverer{Transport: tr, Limiter: rate.NewLimiter(1, 1), Backoff: always(time.Millisecond)}
		var all sync.WaitGroup
		for range 12 {
			all.Go(func() { d.Deliver(ctx, transporttest.Records(1)) })
		}
		all.Wait()
		if n := len(tr.Sends()); n < 3 || n > 7 {
			t.Errorf("%d requests in a minute to a destination that is down, want one after the other", n)
		}
	})
}

// moody is a Limiter that fails a few times.
type moody struct{ fails, asked int }

func (m *moody) Wait(context.Context) error {
	if m.asked++; m.asked <= m.fails {
		return errors.New("the limiter has no time")
	}
	return nil
}

// TestALimiterThatFailsCostsNoPermit: nothing is sent, it is asked again after the backoff, and the lane stays open.
func TestALimiterThatFailsCostsNoPermit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		tr, limiter := transporttest.Script(transporttest.Accept()), &moody{fails: 3}
		d := &transport.Deliverer{Transport: tr, Concurrency: 1, Limiter: limiter, Backoff: always(time.Second)}
		start := time.Now()
		wantAccepted(t, d.Deliver(ctx, transporttest.Records(1)))
		if took := time.Since(start); limiter.asked != 4 || len(tr.Sends()) != 1 || took != 3*time.Second {
			t.Errorf("asked the limiter %d times, %d requests, %v, want 4, 1 and 3 s", limiter.asked, len(tr.Sends()), took)
		}
		if s := d.Status(); s.InFlight != 0 {
			t.Errorf("%d requests under way, want none", s.InFlight)
		}
	})
}

// TestWhoNeverGotAPermitGivesNoneBack: the context ends while the lane is full.
func TestWhoNeverGotAPermitGivesNoneBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := transporttest.Script(transporttest.After(10*time.Second, transporttest.Accept()))
		d := &transport.Deliverer{Transport: tr, Concurrency: 1, Limiter: rate.NewLimiter(rate.Inf, 1)}
		var first sync.WaitGroup
		first.Go(func() { wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(1))) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.Deliver(ctx, transporttest.Records(1))[0].Err; err == nil {
			t.Error("accepted without a request")
		}
		if s := d.Status(); s.InFlight != 1 {
			t.Errorf("%d requests under way, want the first", s.InFlight)
		}
		first.Wait()
	})
}
