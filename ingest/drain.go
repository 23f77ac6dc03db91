package ingest

import (
	"context"
	"time"
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
// begins meanwhile, or again is closed, there is one more try as soon as that is over: it may have been mended. It returns ErrUnsettled at once
// if the next try would come after the end of the drain, or why ctx ended.
func (d *drain) pause(ctx context.Context, wait, asked time.Duration, again <-chan struct{}) error {
	begun := d.begun
	if d.on() {
		begun = nil
	}
	for start := time.Now(); !d.late(wait); wait = asked - time.Since(start) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-begun:
			begun = nil
		case <-again:
			again = nil
		}
		timer.Stop()
	}
	return ErrUnsettled
}
