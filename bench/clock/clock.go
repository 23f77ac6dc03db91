// Package clock reads one clock from several processes of a machine, so that a time taken by the sender can be subtracted
// from one taken by the consumer.
package clock

import "time"

// A Clock tells nanoseconds since a moment that all processes of this machine share. It runs evenly: setting the
// machine's date does not move it.
type Clock struct {
	start time.Time // with the reading of Go's monotonic clock
	base  int64     // what the shared clock said then
}

// New returns a Clock.
func New() Clock {
	start := time.Now()
	return Clock{start: start, base: shared()}
}

// Now is the time.
func (c Clock) Now() int64 { return c.At(time.Now()) }

// At is the time at t, which must have been taken in this process.
func (c Clock) At(t time.Time) int64 { return c.base + int64(t.Sub(c.start)) }

// Until is how long it takes to be at.
func (c Clock) Until(at int64) time.Duration { return time.Duration(at - c.Now()) }
