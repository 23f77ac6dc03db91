package transport

import (
	"context"
	"sync"
	"time"

	"sluice/internal/backoff"
	"sluice/internal/fault"
)

// A lane is the way to one destination, shared by all Delivers of a Deliverer. It decides when the next request may go:
// as many at once as the limit says while requests pass, and one knock per backoff while none does.
type lane struct {
	mu       sync.Mutex
	changed  chan struct{} // closed and replaced whenever somebody who waits may go on
	ceiling  int           // the limit never grows above it
	limit    int           // requests in flight at once
	passed   int           // requests that passed since the limit last changed
	inFlight int
	// Sixteen requests that fail together are one setback, not sixteen: each setback begins a new epoch, and a failure
	// counts only if its request left in the present one.
	epoch    int
	current  int       // requests in flight that left in the present epoch
	failures int       // setbacks since anything passed
	since    time.Time // when the first of them happened
	until    time.Time // no request before
	held     error     // why not before until
	last     error     // what the newest setback said; nil while requests pass
	reported bool
}

// troubled is the number of setbacks in a row after which a lane counts as troubled. One may be chance.
const troubled = 2

// A permit is the right to make one request; it ends with release.
type permit struct{ epoch int }

// acquire waits until a request may go. It gives up when ctx ends or when hopeless says so.
func (l *lane) acquire(ctx context.Context, patience time.Duration) (permit, error) {
	for {
		if ctx.Err() != nil {
			return permit{}, &fault.Error{Op: "deliver", Err: context.Cause(ctx)}
		}
		l.mu.Lock()
		if err := l.hopeless(patience); err != nil {
			l.mu.Unlock()
			return permit{}, err
		}
		wait := time.Until(l.until)
		free := l.inFlight < l.limit && (l.last == nil || l.current == 0)
		if free && wait <= 0 {
			l.inFlight++
			l.current++
			p := permit{epoch: l.epoch}
			l.mu.Unlock()
			return p, nil
		}
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed := l.changed
		l.mu.Unlock()
		if !free {
			wait = time.Hour // a release wakes us long before
		}
		if err := waitFor(ctx, wait, changed); err != nil {
			return permit{}, err
		}
	}
}

// waitFor waits until d is over or changed is closed; an error says that ctx ended first.
func waitFor(ctx context.Context, d time.Duration, changed <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-ctx.Done():
		return &fault.Error{Op: "deliver", Err: context.Cause(ctx)}
	}
	return nil
}

// hopeless returns why there is no use in waiting: the destination is blocked, or has let nothing through for longer
// than patience, or wants to be left alone for longer. Nil if patience is zero, which means without end. The caller holds mu.
func (l *lane) hopeless(patience time.Duration) error {
	switch {
	case patience <= 0:
		return nil
	case l.last != nil && (fault.Is(l.last, fault.Blocked) || time.Since(l.since) > patience):
		return l.last
	case time.Until(l.until) > patience:
		return l.held
	}
	return nil
}

// An outcome is what one request tells about the destination.
type outcome struct {
	passed     bool          // it took or judged at least one record
	throttled  bool          // it asked for less, or could not keep up
	err        error         // why nothing passed, or what throttled; nil without passed: nothing was learnt
	retryAfter time.Duration // least wait it asked for
}

// outcomeOf reads the Results of one request.
func outcomeOf(results []Result) outcome {
	var o outcome
	unanswered := false
	for _, r := range results {
		e := fault.From(r.Err)
		if e == nil || e.Class == fault.Rejected {
			o.passed = true
			continue
		}
		o.retryAfter = max(o.retryAfter, e.RetryAfter)
		o.throttled = o.throttled || e.Class == fault.Throttled
		unanswered = unanswered || e.Ambiguous
		if o.err == nil || e.Class == fault.Blocked {
			o.err = r.Err
		}
	}
	// A destination that answers too late takes records twice for as long as it gets as many at once.
	o.throttled = o.throttled || unanswered && !o.passed
	return o
}

// release ends a permit and learns from the outcome. report is told when the lane becomes troubled (with the reason)
// and when it is well again (nil).
func (l *lane) release(p permit, o outcome, policy backoff.Policy, probe time.Duration, report func(error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	fresh := p.epoch == l.epoch
	if fresh {
		l.current--
	}
	if o.passed {
		l.heal(report)
	}
	switch {
	case o.err == nil && !o.passed:
	case o.passed && !o.throttled:
		l.passed++
		if l.passed >= l.limit && l.limit < l.ceiling { // additive: one more after a whole round passed
			l.limit, l.passed = l.limit+1, 0
		}
	case fresh:
		l.setback(o, policy, probe, report)
	case o.retryAfter > 0:
		l.postpone(o.retryAfter, o.err)
	}
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// heal opens the lane: the destination lets requests through. The caller holds mu.
func (l *lane) heal(report func(error)) {
	if l.last == nil {
		return
	}
	l.failures, l.last, l.until = 0, nil, time.Time{}
	if l.reported && report != nil {
		report(nil)
	}
	l.reported = false
}

// setback begins a new epoch after a request that did not pass, or passed in part and was throttled. The caller holds mu.
func (l *lane) setback(o outcome, policy backoff.Policy, probe time.Duration, report func(error)) {
	l.epoch++
	l.current = 0
	if o.throttled { // multiplicative
		l.limit, l.passed = max(1, l.limit/2), 0
	}
	if o.passed {
		l.postpone(max(policy.Wait(1), o.retryAfter), o.err)
		return
	}
	l.failures++
	if l.failures == 1 {
		l.since = time.Now()
	}
	l.last = o.err
	blocked := fault.Is(o.err, fault.Blocked)
	wait := policy.Wait(l.failures)
	if blocked {
		wait = probe
	}
	l.postpone(max(wait, o.retryAfter), o.err)
	if (blocked || l.failures >= troubled) && report != nil {
		l.reported = true
		report(o.err)
	}
}

// postpone holds requests back for at least d, because of err. The caller holds mu.
func (l *lane) postpone(d time.Duration, err error) {
	if t := time.Now().Add(d); t.After(l.until) {
		l.until, l.held = t, err
	}
}
