package ingest_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// TestAProbeThatIsRefusedIsNotBlamedForTooLittle: what was refused beside it has to be few of many, since this alarm began.
func TestAProbeThatIsRefusedIsNotBlamedForTooLittle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		items, page int
		refused     func(n int, at time.Duration) bool // by a destination that is broken
		want        int                                // set aside: the first 50 of each time
	}{
		"hardly anything came since": {81, 81, func(n int, at time.Duration) bool { return n <= 50 && at < time.Hour }, 50},
		"much came in the alarm before": {202, 151, func(n int, at time.Duration) bool {
			return n <= 50 && at < 30*time.Second || n > 150 && at < time.Hour
		}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
					var v struct{ N int }
					if err := json.Unmarshal(r.Body, &v); err != nil {
						t.Error(err)
					}
					if c.refused(v.N, time.Since(start)) {
						return &fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"}
					}
					return nil
				}))
				p, _, dl := pipeline(&sliceSource{items: numbered(c.items), page: c.page, ends: true}, tr)
				p.InFlight = 1
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
				defer cancel()
				if err := p.Run(ctx); err != nil || dl.count() != c.want {
					t.Errorf("Run = %v, %d set aside, want %d", err, dl.count(), c.want)
				}
				if took := time.Since(start); took < time.Hour {
					t.Errorf("ended after %v, want it to wait until the destination is mended", took)
				}
			})
		})
	}
}

// TestNothingPausesIfAllMayBeSetAside.
func TestNothingPausesIfAllMayBeSetAside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		tr := transporttest.Script(transporttest.Fail(&fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"}))
		p, ck, dl := pipeline(&sliceSource{items: numbered(2500), page: 100, ends: true}, tr)
		p.MaxDeadShare = 1
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := p.Run(ctx); err != nil || dl.count() != 2500 || ck.cursor != "2500" || time.Since(start) > time.Second {
			t.Errorf("Run = %v at %q after %v, %d set aside, want all of 2500 at once", err, ck.cursor, time.Since(start), dl.count())
		}
	})
}
