package transport

import (
	"context"
	"slices"
	"sync"
	"time"

	"sluice/internal/backoff"
	"sluice/internal/fault"
)

// A lane is the way to one destination, shared by all Delivers of a Deliverer. It decides when the next request may go:
// as many at once as the limit says while requests pass, and one knock per backoff while none does.
type lane struct {
	mu       sync.Mutex
	queue    []waiter // who waits for a permit, the first to come first
	ceiling  int      // the limit never grows above it
	limit    int      // requests in flight at once
	passed   int      // requests that passed since the limit last changed
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

// A waiter is somebody in the queue; the channel tells it to look whether it may go on.
type waiter chan struct{}

// acquire waits until a request may go, and until all who came before have gone or given up. It gives up when ctx ends or
// when hopeless says so.
func (l *lane) acquire(ctx context.Context, patience time.Duration) (permit, error) {
	var me waiter // nil: not in the queue yet
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if ctx.Err() != nil {
			l.leave(me)
			return permit{}, &fault.Error{Op: "deliver", Err: context.Cause(ctx)}
		}
		if err := l.hopeless(patience); err != nil {
			l.leave(me)
			return permit{}, err
		}
		wait := time.Until(l.until)
		free := l.inFlight < l.limit && (l.last == nil || l.current == 0) && (len(l.queue) == 0 || l.queue[0] == me)
		if free && wait <= 0 {
			l.inFlight++
			l.current++
			l.leave(me)
			return permit{epoch: l.epoch}, nil
		}
		if me == nil {
			me = make(waiter, 1)
			l.queue = append(l.queue, me)
		}
		if !free {
			wait = time.Hour // somebody calls us long before
		}
		l.mu.Unlock()
		waitFor(ctx, wait, me)
		l.mu.Lock()
	}
}

// leave takes a waiter out of the queue, and lets the next one look. The caller holds mu.
func (l *lane) leave(w waiter) {
	if i := slices.Index(l.queue, w); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
	l.call()
}

// call lets the first in the queue look whether it may go on. The caller holds mu.
func (l *lane) call() {
	if len(l.queue) > 0 {
		select {
		case l.queue[0] <- struct{}{}:
		default: // it has been called and has not looked yet
		}
	}
}

// waitFor waits until d is over, somebody calls or ctx ends.
func waitFor(ctx context.Context, d time.Duration, called <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-called:
	case <-ctx.Done():
	}
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
	l.call()
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
	// A destination that wants to be left alone for as long as a blocked one is in trouble for sure.
	if (blocked || l.failures >= troubled || o.retryAfter >= probe) && report != nil {
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
