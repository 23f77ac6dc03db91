package clock

import (
	"context"
	"time"
)

// An Alarm waits for moments of a Clock, one after the other, until its context ends. It is for one goroutine.
type Alarm struct {
	clock Clock
	done  <-chan struct{}
	timer *kernelTimer // nil: Go's timers do
}

// Alarm returns an Alarm that waits with Go's timers, which a bubble of testing/synctest can bend. On Linux they are up to
// a millisecond late while nothing else happens: the poller that they sleep in counts milliseconds.
func (c Clock) Alarm(ctx context.Context) *Alarm { return &Alarm{clock: c, done: ctx.Done()} }

// PreciseAlarm returns an Alarm that waits with a timer of the kernel where there is one, which is late by a tenth of a
// millisecond.
func (c Clock) PreciseAlarm(ctx context.Context) *Alarm {
	a := c.Alarm(ctx)
	a.timer = newKernelTimer(ctx)
	return a
}

// Wait waits until the Clock says at, and reports false, at once, when the context has ended.
func (a *Alarm) Wait(at int64) bool {
	if a.clock.Now() < at {
		if a.timer == nil || !a.timer.wait(at) {
			a.sleep(at)
		}
	}
	select {
	case <-a.done:
		return false
	default:
		return true
	}
}

// sleep waits with a timer of Go's.
func (a *Alarm) sleep(at int64) {
	timer := time.NewTimer(a.clock.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.done:
	}
}

// Stop frees what the Alarm holds.
func (a *Alarm) Stop() {
	if a.timer != nil {
		a.timer.stop()
	}
}
