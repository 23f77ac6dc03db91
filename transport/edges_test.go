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

func TestASendThatWeCutShortIsNoNewsAboutTheDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transporttest.Script(transporttest.Hang())
		var told []error
		d := &transport.Deliverer{Transport: tr, Report: func(err error) { told = append(told, err) }}
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			results := d.Deliver(ctx, transporttest.Records(1))
			cancel()
			if e := fault.From(results[0].Err); e == nil || e.Class != fault.Transient {
				t.Errorf("result = %v, want unsettled", results[0].Err)
			}
		}
		if s := d.Status(); s.Err != nil || s.InFlight != 0 || time.Now().Before(s.RetryAt) {
			t.Errorf("status = %+v, want nothing wrong and nothing to wait for", s)
		}
		if len(told) > 0 {
			t.Errorf("told %v of a destination that was never heard", told)
		}
	})
}

// TestPatienceDoesNotOutwaitRetryAfter: whether nothing passes or a part does.
func TestPatienceDoesNotOutwaitRetryAfter(t *testing.T) {
	for name, step := range map[string]transporttest.Step{
		"nothing passes": transporttest.Fail(slower(time.Hour)),
		"a part passes": transporttest.Each(func(r transport.Record) error {
			if r.ID == "record-0000" {
				return nil
			}
			return slower(time.Hour)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := transporttest.Script(step)
				tr.Limits.MaxRecords = 2
				d := &transport.Deliverer{Transport: tr, Concurrency: 1, Patience: 10 * time.Second}
				start := time.Now()
				var wg sync.WaitGroup
				for range 2 {
					wg.Go(func() {
						results := d.Deliver(t.Context(), transporttest.Records(6))
						if last := results[5].Err; !fault.Is(last, fault.Throttled) {
							t.Errorf("last record: %v, want throttled", last)
						}
					})
				}
				wg.Wait()
				if took := time.Since(start); took > 10*time.Second {
					t.Errorf("gave up after %v, want within the patience of 10 s", took)
				}
			})
		})
	}
}

// TestSlowDestinationGetsFewerAtOnce sends to a server that works on one request at a time, half a second each, also on
// those that the client has given up.
func TestSlowDestinationGetsFewerAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var busy time.Time
		tr := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
			mu.Lock()
			if now := time.Now(); busy.Before(now) {
				busy = now
			}
			busy = busy.Add(500 * time.Millisecond)
			wait := time.Until(busy)
			mu.Unlock()
			return transporttest.After(wait, transporttest.Accept())(ctx, recs)
		})
		tr.Limits.MaxRecords = 1
		d := &transport.Deliverer{Transport: tr, Concurrency: 16, Timeout: 3 * time.Second}
		start := time.Now()
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(120)))
		if n := len(tr.Sends()); n > 180 {
			t.Errorf("%d requests for 120 records, want few more than one each", n)
		}
		if took := time.Since(start); took > 3*time.Minute {
			t.Errorf("took %v, the work itself is one minute", took)
		}
	})
}
