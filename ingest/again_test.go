package ingest_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/transport/memory"
)

// TestTryNowTriesWhatWaits has each part fail until a moment that somebody mends it at and says so.
func TestTryNowTriesWhatWaits(t *testing.T) {
	t.Parallel()
	const mended = 10 * time.Second
	blocked := &fault.Error{Class: fault.Blocked, Reason: "access_denied", Op: "test"}
	parts := map[string]func(*ingest.Pipeline, *drainTrial){"source": func(p *ingest.Pipeline, d *drainTrial) {
		p.Source.(*sliceSource).disturb = func(after int) error { return d.try() }
	}}
	for name, broken := range drainParts {
		parts[name] = broken
	}
	for name, c := range map[string]struct {
		drainTrial
		tries []time.Duration // since the start, up to the one that passes
	}{
		"blocked, with a probe every minute": {drainTrial{err: blocked, until: mended}, []time.Duration{0, mended}},
		"failing, with a long backoff":       {drainTrial{err: &fault.Error{Op: "test"}, until: mended}, []time.Duration{0, mended}},
		"said while a try is under way":      {drainTrial{err: blocked, until: mended, slow: 15 * time.Second}, []time.Duration{0, 15 * time.Second}},
		"not before a time that was asked for": {drainTrial{err: &fault.Error{Class: fault.Throttled, Op: "test", RetryAfter: 30 * time.Second}, until: mended},
			[]time.Duration{0, 30 * time.Second}},
		"still broken": {drainTrial{err: blocked, until: 20 * time.Second}, []time.Duration{0, mended, mended + time.Minute}},
	} {
		for part, broken := range parts {
			t.Run(name+", "+part, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					d := c.drainTrial
					p, _, _ := pipeline(&sliceSource{items: numbered(1), page: 10, ends: true}, &memory.Transport{})
					p.InFlight = 1
					p.Backoff = backoff.Policy{Min: 50 * time.Second, Max: 50 * time.Second, Rand: func() float64 { return 1 }}
					if d.err.(*fault.Error).RetryAfter > 0 {
						p.Backoff.Rand = func() float64 { return 0 }
					}
					p.Deliverer.Backoff = p.Backoff
					p.Deliverer.Timeout = time.Hour
					broken(p, &d)
					d.start = time.Now()
					time.AfterFunc(mended, p.TryNow)
					if err := p.Run(t.Context()); err != nil {
						t.Errorf("Run = %v, want nil", err)
					}
					if got := d.tries[:min(len(d.tries), len(c.tries))]; !slices.Equal(got, c.tries) {
						t.Errorf("tried at %v, want %v", d.tries, c.tries)
					}
				})
			})
		}
	}
}

// TestTryNowProbesAMassOfRefusals, which may come of settings that were mended.
func TestTryNowProbesAMassOfRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refusal := &fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"}
		d := &drainTrial{err: refusal, until: 10 * time.Second, start: time.Now()}
		p, _, dl := pipeline(&sliceSource{items: numbered(60), page: 60, ends: true}, &memory.Transport{})
		drainParts["destination"](p, d)
		time.AfterFunc(d.until, p.TryNow)
		if err := p.Run(t.Context()); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if took := time.Since(d.start); took != d.until || dl.count() != 50 {
			t.Errorf("ended after %v with %d dead letters, want %v, as soon as it was mended, and the 50 before the alarm", took, dl.count(), d.until)
		}
	})
}
