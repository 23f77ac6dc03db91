package ingest

import (
	"context"
	"time"

	"sluice/internal/backoff"
)

// A drain is the time that is left after a Run was asked to stop. Until it begins, whoever waits may wait without end.
type drain struct {
	begun chan struct{} // closed when it begins
	end   time.Time     // set before that
}

func newDrain() *drain { return &drain{begun: make(chan struct{})} }

// begin begins the drain. It is called once.
func (d *drain) begin(end time.Time) {
	d.end = end
	close(d.begun)
}

// on reports whether the drain has begun.
func (d *drain) on() bool {
	select {
	case <-d.begun:
		return true
	default:
		return false
	}
}

// late reports whether what comes after wait comes after the end.
func (d *drain) late(wait time.Duration) bool { return d.on() && time.Now().Add(wait).After(d.end) }

// pause waits until the next try of something that failed, of which asked has to be waited for in any case. When the drain
// begins meanwhile, there is one more try as soon as that is over: it may have been mended. It returns ErrUnsettled at once
// if the next try would come after the end of the drain, or why ctx ended.
func (d *drain) pause(ctx context.Context, wait, asked time.Duration) error {
	if d.late(wait) {
		return ErrUnsettled
	}
	begun := d.begun
	if d.on() {
		begun = nil
	}
	start := time.Now()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-begun:
	}
	left := asked - time.Since(start)
	if d.late(left) {
		return ErrUnsettled
	}
	return backoff.Sleep(ctx, left)
}
