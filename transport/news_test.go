package transport_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// verdicts gives the records of a request these errors, in order.
func verdicts(errs ...error) transporttest.Step {
	return func(_ context.Context, recs []transport.Record) []transport.Result {
		results := make([]transport.Result, len(recs))
		for i := range results {
			results[i].Err = errs[i]
		}
		return results
	}
}

// TestNeverMoreAtOnceThanTheDestinationAllows, whatever the settings say.
func TestNeverMoreAtOnceThanTheDestinationAllows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ allowed, set, want int }{{0, 0, 16}, {0, 8, 8}, {2, 8, 2}, {2, 0, 2}, {9, 3, 3}} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			now, most := 0, 0
			tr := transporttest.Script(func(_ context.Context, recs []transport.Record) []transport.Result {
				mu.Lock()
				now++
				most = max(most, now)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				now--
				mu.Unlock()
				return make([]transport.Result, len(recs))
			})
			tr.Limits = transport.Capabilities{MaxRecords: 1, MaxInFlight: c.allowed}
			d := &transport.Deliverer{Transport: tr, Concurrency: c.set}
			if s := d.Status(); s.Limit != c.want {
				t.Errorf("%+v: the limit is %d before the first Deliver", c, s.Limit)
			}
			wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(40)))
			if most != c.want {
				t.Errorf("%+v: %d requests at once", c, most)
			}
		})
	}
}

// TestTheLongestThatIsAskedForCounts, of the records of one request, and of two that were under way together.
func TestTheLongestThatIsAskedForCounts(t *testing.T) {
	t.Parallel()
	hour, second := &fault.Error{Op: "test", RetryAfter: time.Hour}, &fault.Error{Op: "test", RetryAfter: time.Second}
	soon, later := time.Millisecond, 2*time.Millisecond // both are under way
	for name, c := range map[string]struct {
		steps    []transporttest.Step
		requests int
	}{
		"the longer first":   {[]transporttest.Step{verdicts(hour, second, nil)}, 1},
		"the shorter first":  {[]transporttest.Step{verdicts(second, hour, nil)}, 1},
		"in the later one":   {[]transporttest.Step{transporttest.After(soon, transporttest.Fail(second)), transporttest.After(later, transporttest.Fail(hour))}, 2},
		"in the earlier one": {[]transporttest.Step{transporttest.After(soon, transporttest.Fail(hour)), transporttest.After(later, transporttest.Fail(second))}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				tr := transporttest.Script(append(c.steps, transporttest.Accept())...)
				d := &transport.Deliverer{Transport: tr}
				var all sync.WaitGroup
				for range c.requests {
					all.Go(func() { wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(3))) })
				}
				all.Wait()
				if waited := tr.Sends()[c.requests].At.Sub(start); waited < time.Hour {
					t.Errorf("sent again after %v, want the hour that was asked for", waited)
				}
			})
		})
	}
}

// TestWhatALaneTells of one request after another: the reason, at once if it is worth it, and since when.
func TestWhatALaneTells(t *testing.T) {
	t.Parallel()
	failed, blocked := &fault.Error{Op: "test"}, &fault.Error{Class: fault.Blocked, Reason: "denied", Op: "test"}
	for name, c := range map[string]struct {
		first   transporttest.Step
		told    error // while the destination is left alone
		trouble bool  // for Status
		wait    time.Duration
	}{
		"one failure may be chance":                {verdicts(failed, failed), nil, true, 0},
		"blocked after a failure in the request":   {verdicts(failed, blocked), blocked, true, 10 * time.Minute},
		"blocked before a failure in the request":  {verdicts(blocked, failed), blocked, true, 10 * time.Minute},
		"asked for less than a probe":              {verdicts(slower(5*time.Minute), failed), nil, true, 5 * time.Minute},
		"asked for more than a probe":              {verdicts(slower(time.Hour), failed), slower(time.Hour), true, time.Hour},
		"a part passed, asked for less":            {verdicts(nil, slower(5*time.Minute)), nil, false, 5 * time.Minute},
		"a part passed, asked for more":            {verdicts(nil, slower(time.Hour)), slower(time.Hour), true, time.Hour},
		"a part was rejected, and asked for more":  {verdicts(&fault.Error{Class: fault.Rejected, Op: "test"}, slower(time.Hour)), slower(time.Hour), true, time.Hour},
		"a part passed, another failed for itself": {verdicts(nil, failed), nil, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var told []error
				tr := transporttest.Script(c.first, transporttest.Accept())
				d := &transport.Deliverer{Transport: tr, Backoff: always(time.Second), Probe: 10 * time.Minute, Report: func(err error) {
					mu.Lock()
					defer mu.Unlock()
					told = append(told, err)
				}}
				start := time.Now()
				var all sync.WaitGroup
				all.Go(func() { d.Deliver(t.Context(), transporttest.Records(2)) })
				synctest.Wait()
				all.Go(func() { wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(2))) }) // the lane holds others too
				synctest.Wait()
				s := d.Status()
				if (s.Err != nil) != c.trouble || c.trouble && !s.Since.Equal(start) {
					t.Errorf("status = %+v, want trouble: %v, and since the first request", s, c.trouble)
				}
				mu.Lock()
				if len(told) > 1 || (len(told) == 1) != (c.told != nil) || c.told != nil && told[0].Error() != c.told.Error() {
					t.Errorf("told %v, want %v", told, c.told)
				}
				mu.Unlock()
				all.Wait()
				if waited := tr.Sends()[1].At.Sub(start); waited < c.wait {
					t.Errorf("sent again after %v, want %v", waited, c.wait)
				}
				if s := d.Status(); s.Err != nil {
					t.Errorf("status = %+v after all was accepted", s)
				}
				if c.told != nil && (len(told) != 2 || told[1] != nil) {
					t.Errorf("told %v, want that it is well in the end", told)
				}
			})
		})
	}
}

// TestNewsIsToldOnce: a failure that may be chance is not told, and so its end is not, also after a trouble that was.
func TestNewsIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []error
		failed := transporttest.Fail(&fault.Error{Op: "test"})
		tr := transporttest.Script(failed, transporttest.Accept(), failed, failed, failed, transporttest.Accept(), failed, transporttest.Accept())
		var begun, since time.Time
		d := &transport.Deliverer{Transport: tr, Backoff: always(time.Minute), Report: func(err error) { told = append(told, err) }}
		d.Observe = func(transport.Attempt) {
			if s := d.Status(); s.Err != nil {
				since = s.Since
			}
		}
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(1)))
		begun = time.Now()
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(1)))
		if !since.Equal(begun) {
			t.Errorf("in trouble since %v, want since the first of three failures, %v", since, begun)
		}
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(1)))
		if len(told) != 3 || told[0] == nil || told[1] == nil || told[2] != nil {
			t.Errorf("told %v, want the trouble at its second and third failure and its end", told)
		}
	})
}

// TestAnAttemptKnowsTheDoubtOfAllItsRecords, and how large it is.
func TestAnAttemptKnowsTheDoubtOfAllItsRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		recs := transporttest.Records(3)
		tr := transporttest.Script(transporttest.Fail(&fault.Error{Op: "test", Ambiguous: true}), transporttest.Accept())
		var last transport.Attempt
		d := &transport.Deliverer{Transport: tr, Backoff: always(time.Second), Observe: func(a transport.Attempt) { last = a }}
		wantAccepted(t, d.Deliver(t.Context(), recs))
		if len(last.Doubt) != len(recs) {
			t.Fatalf("doubt %v, want one for each record", last.Doubt)
		}
		size := 0
		for i, since := range last.Doubt {
			size += tr.Size(recs[i])
			if !since.Equal(start) {
				t.Errorf("record %d is in doubt since %v, want %v", i, since, start)
			}
		}
		if last.Bytes != size || size == 0 {
			t.Errorf("%d bytes, want the %d of its records", last.Bytes, size)
		}
	})
}
