package ingest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault"
	"sluice/transport/transporttest"
)

func TestOnceDoesNotWaitLongerThanItsPatience(t *testing.T) {
	later := &fault.Error{Class: fault.Throttled, Reason: "quota_exhausted", Op: "test", RetryAfter: time.Hour}
	for name, c := range map[string]struct {
		source, send error
	}{
		"source":      {source: later},
		"destination": {send: later},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := &sliceSource{items: numbered(30), page: 10, disturb: func(int) error { return c.source }}
				p, _, _ := pipeline(src, transporttest.Script(transporttest.Fail(c.send)))
				p.Once, p.Patience, p.Deliverer.Patience = true, 15*time.Second, 15*time.Second
				start := time.Now()
				if err := p.Run(t.Context()); !errors.Is(err, later) {
					t.Errorf("Run = %v, want what it was told", err)
				}
				if took := time.Since(start); took > 15*time.Second {
					t.Errorf("took %v, want no more than the patience of 15 s", took)
				}
			})
		})
	}
}
