// Package backoff says how long to wait before trying again.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// A Policy is a capped exponential wait with full jitter: after n failures in a row, a random time between zero and
// Min·2ⁿ, at most Max. Full jitter spreads many waiters best and costs the peer the fewest requests. The zero Policy
// waits up to 100 ms at first and up to 30 s in the end.
type Policy struct {
	Min, Max time.Duration
	Rand     func() float64 // in [0, 1); nil: math/rand/v2. Simulations set it to replay a seed
}

const (
	defaultMin = 100 * time.Millisecond
	defaultMax = 30 * time.Second
)

// Wait returns the time to wait after failures failures in a row, counted from 1. Never negative, never above Max.
func (p Policy) Wait(failures int) time.Duration {
	ceiling, limit := p.Min, p.Max
	if ceiling <= 0 {
		ceiling = defaultMin
	}
	if limit <= 0 {
		limit = defaultMax
	}
	for i := 0; i < failures && ceiling < limit; i++ {
		ceiling *= 2
	}
	return p.part(min(ceiling, limit))
}

// After returns the time to wait after failures failures in a row, counted from 1, if the peer asked for at least asked:
// never less than that. On top of it comes what Wait says, or a random part of a tenth of asked if that is more, so that
// many who were told the same do not come back together.
func (p Policy) After(asked time.Duration, failures int) time.Duration {
	wait := p.Wait(failures)
	if asked <= 0 {
		return wait
	}
	return asked + max(wait, p.part(asked/10))
}

// part returns a random part of d.
func (p Policy) part(d time.Duration) time.Duration {
	random := rand.Float64
	if p.Rand != nil {
		random = p.Rand
	}
	return time.Duration(random() * float64(d))
}

// Sleep waits for d or until ctx ends, and then returns why it ended.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
