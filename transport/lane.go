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
	pace     pace
	inFlight int
	left     int // requests that have left so far
	// Sixteen requests that fail together are one setback, not sixteen: each setback begins a new epoch, as each lowering
	// of the limit does, and a request counts only if it left in the present one.
	epoch    int
	current  int       // requests in flight that left in the present epoch
	knocks   int       // calls of knock
	failures int       // setbacks since anything passed
	since    time.Time // when the first of them happened
	until    time.Time // no request before
	asked    time.Time // no request before, because the destination has said so
	held     error     // why not before until
	last     error     // what the newest setback said; nil while requests pass
	reported bool
	untold   []error // for Report, the oldest first; at most two
	telling  bool    // somebody is calling Report

	finishing chan struct{} // closed by finish
	end       time.Time     // no request after; zero: before finish
}

// troubled is the number of setbacks in a row after which a lane counts as troubled. One may be chance.
const troubled = 2

// A permit is the right to make one request; it ends with release.
type permit struct {
	epoch int
	alone bool // no other request was under way when it left
	left  int  // requests that had left by then, this one included
	knock int  // calls of knock by then
}

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
		free := l.inFlight < l.pace.limit && (l.last == nil || l.current == 0) && (len(l.queue) == 0 || l.queue[0] == me)
		if free && wait <= 0 {
			l.inFlight++
			l.current++
			l.left++
			l.leave(me)
			return permit{epoch: l.epoch, alone: l.inFlight == 1, left: l.left, knock: l.knocks}, nil
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

// stillOpen reports whether a request with the permit p, which has not left yet, may still go.
func (l *lane) stillOpen(p permit) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !time.Now().Before(l.until) && (l.last == nil || p.epoch == l.epoch) && !l.late(time.Now())
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

// finish lets no request go after end, and one right away if nothing but our own backoff holds it back.
func (l *lane) finish(end time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end.IsZero() {
		close(l.finishing)
	}
	l.end = end
	l.hasten()
	l.call()
}

// knock lets one request go right away if nothing but our own backoff or probe holds it back.
func (l *lane) knock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.knocks++
	l.hasten()
	l.call()
}

// hasten takes back what only we have decided to wait. The caller holds mu.
func (l *lane) hasten() {
	if l.until.After(l.asked) {
		l.until = l.asked
	}
}

// lastTry returns what is closed when finish is called; nil if it has been.
func (l *lane) lastTry() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.end.IsZero() {
		return nil
	}
	return l.finishing
}

// late reports whether t is after the time of finish. The caller holds mu.
func (l *lane) late(t time.Time) bool { return !l.end.IsZero() && t.After(l.end) }

// hopeless returns why there is no use in waiting: the destination is blocked, or has let nothing through for longer
// than patience, or wants to be left alone for longer, or until after the time of finish, or that time is over. A patience of
// zero is without end. The caller holds mu.
func (l *lane) hopeless(patience time.Duration) error {
	switch {
	case l.late(l.until):
		return l.held
	case l.late(time.Now()):
		return &fault.Error{Op: "deliver", Err: errNotTried}
	case patience <= 0:
		return nil
	case l.last != nil && (fault.Is(l.last, fault.Blocked) || time.Since(l.since) > patience):
		return l.last
	case time.Until(l.until) > patience:
		return l.held
	}
	return nil
}

// news is what one request tells about the destination.
type news struct {
	passed     bool // it took or judged at least one record
	took       time.Duration
	throttled  bool          // it asked for less, or could not keep up
	err        error         // why nothing passed, or what throttled; nil without passed: nothing was learnt
	retryAfter time.Duration // least wait it asked for
}

// newsOf reads a finished request.
func newsOf(a Attempt) news {
	n := news{took: a.Took}
	unanswered := false
	for _, r := range a.Results {
		e := fault.From(r.Err)
		if e == nil || e.Class == fault.Rejected {
			n.passed = true
			continue
		}
		n.retryAfter = max(n.retryAfter, e.RetryAfter)
		n.throttled = n.throttled || e.Class == fault.Throttled
		unanswered = unanswered || e.Ambiguous
		if n.err == nil || e.Class == fault.Blocked {
			n.err = r.Err
		}
	}
	// A destination that answers too late takes records twice for as long as it gets as many at once.
	n.throttled = n.throttled || unanswered && !n.passed
	return n
}

// release ends a permit and learns from the request. report is told when the lane becomes troubled (with the reason) and
// when it is well again (nil), without the lock: whoever reads it slowly holds up nobody else.
func (l *lane) release(p permit, n news, policy backoff.Policy, probe time.Duration, report func(error)) {
	l.mu.Lock()
	l.inFlight--
	fresh := p.epoch == l.epoch
	if fresh {
		l.current--
	}
	if n.passed {
		l.heal()
	}
	switch {
	case n.err == nil && !n.passed:
	case n.passed && !n.throttled:
		if fresh && l.pace.pass(n.took, p.alone && p.left == l.left) {
			l.turn()
		}
	case fresh:
		l.setback(n, policy, probe)
		if p.knock != l.knocks { // it left before the knock: what was mended is yet to be tried
			l.hasten()
		}
	case n.retryAfter > 0:
		l.postpone(policy.After(n.retryAfter, 1), n)
		if n.retryAfter >= probe {
			l.trouble(n.err)
		}
	}
	l.call()
	l.tell(report)
}

// turn begins a new epoch. The caller holds mu.
func (l *lane) turn() { l.epoch, l.current = l.epoch+1, 0 }

// heal opens the lane: the destination lets requests through. While it wants to be left alone nothing is healed: the
// request that passed has left before it said so. The caller holds mu.
func (l *lane) heal() {
	if l.last == nil || time.Now().Before(l.asked) {
		return
	}
	l.failures, l.last, l.until = 0, nil, time.Time{}
	if l.reported {
		l.note(nil)
	}
	l.reported = false
}

// setback begins a new epoch after a request that did not pass, or passed in part and was throttled. The caller holds mu.
func (l *lane) setback(n news, policy backoff.Policy, probe time.Duration) {
	l.turn()
	if n.throttled {
		l.pace.halve()
	}
	if n.passed {
		l.postpone(policy.After(n.retryAfter, 1), n)
		if n.retryAfter >= probe {
			l.trouble(n.err)
		}
		return
	}
	l.failures++
	if l.last == nil {
		l.since = time.Now()
	}
	l.last = n.err
	blocked := fault.Is(n.err, fault.Blocked)
	wait := policy.After(n.retryAfter, l.failures)
	if blocked {
		wait = max(probe, n.retryAfter)
	}
	l.postpone(wait, n)
	if blocked || l.failures >= troubled || n.retryAfter >= probe {
		l.trouble(n.err)
	}
}

// trouble reports the lane: it is blocked, has failed more than once, or wants to be left alone for as long as a blocked
// one. The caller holds mu.
func (l *lane) trouble(err error) {
	if l.last == nil {
		l.since = time.Now()
	}
	l.last, l.reported = err, true
	l.note(err)
}

// postpone holds requests back for at least d, because of n. The caller holds mu.
func (l *lane) postpone(d time.Duration, n news) {
	t := time.Now().Add(d)
	if t.After(l.until) {
		l.until, l.held = t, n.err
	}
	if n.retryAfter > 0 {
		l.asked = latest(l.asked, t)
	}
}

// note keeps err for Report. Of what has not been told yet only the newest state counts, and whether there was another
// one. The caller holds mu.
func (l *lane) note(err error) {
	if n := len(l.untold); n == 2 || n == 1 && (l.untold[0] == nil) == (err == nil) {
		l.untold = l.untold[:0]
	}
	l.untold = append(l.untold, err)
}

// tell gives up mu, which the caller holds, and calls report with what has not been told yet, unless somebody else is
// about it: then that one goes on with ours.
func (l *lane) tell(report func(error)) {
	defer l.mu.Unlock()
	for !l.telling && len(l.untold) > 0 {
		err := l.untold[0]
		l.untold = l.untold[1:]
		if report == nil {
			continue
		}
		l.telling = true
		l.mu.Unlock()
		report(err)
		l.mu.Lock()
		l.telling = false
	}
}
