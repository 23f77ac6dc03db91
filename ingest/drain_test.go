package ingest_test

import (
	"cmp"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

// drainAfter is when the runs below are asked to stop: between two probes of what is blocked.
const drainAfter = 95 * time.Second

// A drainTrial is a Run that cannot settle anything, and then is asked to stop.
type drainTrial struct {
	err   error         // the fault of everything that fails
	until time.Duration // since the start: then it is mended; 0: never
	slow  time.Duration // that a try takes
	tries []time.Duration
	start time.Time
}

// try counts, and fails while the fault lasts.
func (d *drainTrial) try() error {
	now := time.Since(d.start)
	d.tries = append(d.tries, now)
	time.Sleep(d.slow)
	if d.until > 0 && now >= d.until {
		return nil
	}
	return d.err
}

// inDrain is when it was tried, counted from the stop.
func (d *drainTrial) inDrain() (at []time.Duration) {
	for _, t := range d.tries {
		if t >= drainAfter {
			at = append(at, t-drainAfter)
		}
	}
	return at
}

// The parts that can fail, each under one batch in flight.
var drainParts = map[string]func(*ingest.Pipeline, *drainTrial){
	"destination": func(p *ingest.Pipeline, d *drainTrial) {
		sink := &memory.Transport{}
		p.Deliverer.Transport = transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
			if err := d.try(); err != nil {
				return transporttest.Fail(err)(ctx, recs)
			}
			return sink.Send(ctx, recs)
		})
	},
	"dead letters": func(p *ingest.Pipeline, d *drainTrial) {
		p.Parse = func([]byte) ([]transport.Record, error) { return nil, errors.New("no record") }
		p.DeadLetter = &memDeadLetter{fail: d.try}
	},
	"checkpoint": func(p *ingest.Pipeline, d *drainTrial) {
		p.Checkpoint = &memCheckpoint{onSave: func(ingest.Cursor) error { return d.try() }}
	},
}

func TestAStopWaitsForNothingThatCannotBeTriedInTime(t *testing.T) {
	t.Parallel()
	const drain, probe = 25 * time.Second, time.Minute
	blocked := &fault.Error{Class: fault.Blocked, Reason: "access_denied", Op: "test"}
	for name, c := range map[string]struct {
		drainTrial
		backoff time.Duration // at most, and always nearly as much; 0: 5 s
		probe   time.Duration
		took    time.Duration // at most, from the stop to the end
		tries   int           // in that time
		settled bool
	}{
		"blocked": {drainTrial: drainTrial{err: blocked}, probe: probe, took: 0, tries: 1},
		"blocked, and mended shortly before": {drainTrial: drainTrial{err: blocked, until: drainAfter - time.Second}, probe: probe,
			took: 0, tries: 1, settled: true},
		"blocked, with a probe soon": {drainTrial: drainTrial{err: blocked}, probe: 10 * time.Second, took: 20 * time.Second, tries: 3},
		"blocked, with a probe soon, and mended in the drain": {drainTrial: drainTrial{err: blocked, until: drainAfter + 15*time.Second}, probe: 10 * time.Second,
			took: 20 * time.Second, tries: 3, settled: true},
		"it has asked for a time after the end": {drainTrial: drainTrial{err: &fault.Error{Class: fault.Throttled, Reason: "quota_exhausted", Op: "test", RetryAfter: time.Hour}},
			probe: probe, took: 0, tries: 0},
		"it has asked for a time before the end": {drainTrial: drainTrial{err: &fault.Error{Class: fault.Throttled, Op: "test", RetryAfter: 100 * time.Second}, until: drainAfter},
			probe: probe, took: 20 * time.Second, tries: 1, settled: true},
		"failing for so long that it is tried rarely": {drainTrial: drainTrial{err: &fault.Error{Op: "test"}}, backoff: 40 * time.Second, probe: probe, took: 0, tries: 1},
	} {
		for part, broken := range drainParts {
			t.Run(name+", "+part, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					d := c.drainTrial
					p, _, _ := pipeline(&sliceSource{items: numbered(1), page: 10}, &memory.Transport{})
					p.InFlight, p.Drain, p.Probe, p.Deliverer.Probe = 1, drain, c.probe, c.probe
					p.Backoff = backoff.Policy{Min: time.Second, Max: cmp.Or(c.backoff, 5*time.Second), Rand: func() float64 { return 0.999 }}
					p.Deliverer.Backoff = p.Backoff
					broken(p, &d)
					ctx, stop := context.WithTimeout(t.Context(), drainAfter)
					defer stop()
					d.start = time.Now()
					err := p.Run(ctx)
					if took := time.Since(d.start) - drainAfter; took > c.took {
						t.Errorf("ended %v after it was asked to, want at most %v", took, c.took)
					}
					if at := d.inDrain(); len(at) != c.tries {
						t.Errorf("tried %v after the stop, want %d times", at, c.tries)
					}
					if want := map[bool]error{false: ingest.ErrUnsettled}[c.settled]; !errors.Is(err, want) {
						t.Errorf("Run = %v, want %v", err, want)
					}
				})
			})
		}
	}
}

func TestAStopWaitsForAProbeOfAMassOnlyIfItComesInTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at, took time.Duration // of the stop; from there to the end
		want     error
	}{
		"next probe after the end":  {at: 90 * time.Second, want: ingest.ErrUnsettled},
		"next probe before the end": {at: 110 * time.Second, took: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				p, _, _ := pipeline(&sliceSource{items: numbered(100), page: 100}, transporttest.Script(transporttest.Each(func(transport.Record) error {
					if time.Since(start) < 100*time.Second {
						return refused
					}
					return nil
				})))
				p.Drain = 25 * time.Second
				ctx, stop := context.WithTimeout(t.Context(), c.at)
				defer stop()
				err := p.Run(ctx)
				if took := time.Since(start) - c.at; took != c.took || !errors.Is(err, c.want) {
					t.Errorf("ended with %v %v after it was asked to, want %v after %v", err, took, c.want, c.took)
				}
			})
		})
	}
}
