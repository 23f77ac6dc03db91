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
