package apigateway

import (
	"sync"
	"time"
)

// environments are the places in which the functions behind an API run, one invocation at a time in each. Without limits
// and cold starts there is nothing to count, and it is nil.
type environments struct {
	most int                  // invocations at the same time; 0: without bound
	cold func() time.Duration // how long an invocation waits for a new environment; nil: not at all
	life time.Duration        // how long an environment without work is kept

	mu      sync.Mutex
	running int
	idle    []time.Time // since when; the last one is used first
}

// enter takes an environment. It says how long it takes until the function begins, or that there is none to be had.
func (e *environments) enter() (wait time.Duration, ok bool) {
	if e == nil {
		return 0, true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.most > 0 && e.running >= e.most {
		return 0, false
	}
	e.running++
	if n := len(e.idle); n > 0 {
		since := e.idle[n-1]
		e.idle = e.idle[:n-1]
		if time.Since(since) < e.life {
			return 0, true
		}
		e.idle = nil // the others have waited for longer
	}
	if e.cold == nil {
		return 0, true
	}
	return e.cold(), true
}

// leave gives the environment of one invocation back.
func (e *environments) leave() {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running--
	if e.cold != nil {
		e.idle = append(e.idle, time.Now())
	}
}
