package awscreds

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/backoff"
	"sluice/internal/fault"
)

const (
	endMargin    = 10 * time.Second // credentials are not used in the last seconds of their life: the request takes time
	fetchTimeout = 10 * time.Second // for one renewal
	chainTimeout = 5 * time.Second  // for what the default chain does; slow metadata must not hold up a start
	staleFor     = time.Minute      // how long credentials are used that came already expired, for want of better ones
)

// renewals is how renewals that fail are spaced.
var renewals = backoff.Policy{Min: time.Second, Max: time.Minute}

// A cache holds one set of credentials and keeps it fresh. The SDK's own cache renews on demand only, and throws away
// credentials that are still valid when a renewal fails; so it is not enough for a daemon.
//
// Whoever needs a renewal joins the one that is under way. Safe for concurrent use.
type cache struct {
	fetch func(ctx context.Context) (aws.Credentials, error) // makes a new set; errors carry a verdict
	limit time.Duration                                      // for one fetch

	ctx    context.Context // ends with close; a renewal belongs to the cache and not to the caller who wanted it
	cancel context.CancelFunc
	wg     sync.WaitGroup
	stored chan struct{} // told of every new set, so that the background loop plans anew

	mu     sync.Mutex
	cur    aws.Credentials
	born   time.Time // when cur came; zero: there is none
	until  time.Time // end of use of cur; zero: never
	flight *flight   // the renewal under way
	failed error     // what the last renewal ended with; nil: it did not fail
	tried  time.Time // when it ended
}

// A flight is one renewal. Its results are valid once done is closed.
type flight struct {
	done  chan struct{}
	creds aws.Credentials
	err   error
}

// newCache starts the background loop; close ends it.
func newCache(fetch func(ctx context.Context) (aws.Credentials, error), limit time.Duration) *cache {
	c := &cache{fetch: fetch, limit: limit, stored: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.wg.Go(c.keepFresh)
	return c
}

// close ends the background loop and any renewal under way, and waits for both.
func (c *cache) close() {
	c.mu.Lock()
	c.cancel() // under mu, so that no flight starts after it
	c.mu.Unlock()
	c.wg.Wait()
}

// Retrieve returns the credentials at hand, or waits for a renewal if they are over. Right after one that failed it fails
// in the same way, so that whoever comes then is not kept waiting for another.
func (c *cache) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c.mu.Lock()
	if c.usable() {
		defer c.mu.Unlock()
		return c.cur, nil
	}
	if c.flight == nil && c.failed != nil && time.Since(c.tried) < renewals.Min {
		defer c.mu.Unlock()
		return aws.Credentials{}, c.failed
	}
	f := c.join()
	c.mu.Unlock()
	return f.wait(ctx)
}

// Refresh returns credentials other than rejected, which a service has called expired. All callers who saw the same
// credentials expire share one renewal. It fails if there are no others.
func (c *cache) Refresh(ctx context.Context, rejected aws.Credentials) (aws.Credentials, error) {
	for range 2 { // a renewal that was already under way may bring what has been rejected; the next one is ours
		c.mu.Lock()
		if !c.born.IsZero() && !same(c.cur, rejected) && c.usable() {
			defer c.mu.Unlock()
			return c.cur, nil
		}
		joined := c.flight != nil
		f := c.join()
		c.mu.Unlock()
		creds, err := f.wait(ctx)
		if err != nil || !same(creds, rejected) {
			return creds, err
		}
		if !joined {
			break
		}
	}
	return aws.Credentials{}, unchanged(rejected)
}

// same reports whether a and b are one set. Not only the key counts: a session token may be renewed under the same key.
func same(a, b aws.Credentials) bool {
	return a.AccessKeyID == b.AccessKeyID && a.SecretAccessKey == b.SecretAccessKey && a.SessionToken == b.SessionToken
}

// usable reports whether cur may be signed with now. The caller holds mu.
func (c *cache) usable() bool {
	return !c.born.IsZero() && (c.until.IsZero() || time.Now().Before(c.until))
}

// join returns the renewal under way, or starts one. The caller holds mu.
func (c *cache) join() *flight {
	if c.flight != nil {
		return c.flight
	}
	f := &flight{done: make(chan struct{})}
	if c.ctx.Err() != nil {
		f.err = &fault.Error{Reason: "cancelled", Op: "awscreds", Err: c.ctx.Err()}
		close(f.done)
		return f
	}
	c.flight = f
	c.wg.Go(func() { c.fly(f) })
	return f
}

// fly makes the renewal f and stores what it brings.
func (c *cache) fly(f *flight) {
	ctx, cancel := Limit(c.ctx, c.limit, "")
	defer cancel()
	f.creds, f.err = c.fetch(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flight, c.failed, c.tried = nil, f.err, time.Now()
	if f.err == nil {
		c.cur, c.born, c.until = f.creds, time.Now(), time.Time{}
		if c.cur.CanExpire {
			c.until = c.cur.Expires.Add(-endMargin)
			// Instance metadata may hand out credentials that are over while its own supply is broken, and asks that
			// they be used all the same.
			if stale := c.born.Add(staleFor); c.until.Before(stale) {
				c.until = stale
			}
		}
		select {
		case c.stored <- struct{}{}:
		default:
		}
	}
	close(f.done)
}

// wait returns what the renewal brought, or earlier when ctx ends; the renewal goes on without the caller.
func (f *flight) wait(ctx context.Context) (aws.Credentials, error) {
	select {
	case <-f.done:
		return f.creds, f.err
	case <-ctx.Done():
		return aws.Credentials{}, endOf(ctx)
	}
}

// keepFresh renews the credentials in the background until the cache is closed.
func (c *cache) keepFresh() {
	failures := 0
	var refused error // by the last renewal
	for {
		wait, ever, of := c.plan(failures)
		if failures > 0 && fault.Is(refused, fault.Blocked) { // a person has to act; whoever needs credentials asks too
			wait = max(wait, renewals.Max)
		}
		if !c.sleep(wait, ever) {
			if c.ctx.Err() != nil {
				return
			}
			failures = 0 // somebody else renewed; plan anew
			continue
		}
		c.mu.Lock()
		if !c.born.Equal(of) { // somebody else renewed between the end of the wait and here
			c.mu.Unlock()
			failures = 0
			continue
		}
		f := c.join()
		c.mu.Unlock()
		if _, err := f.wait(c.ctx); err != nil {
			failures, refused = failures+1, err
			continue
		}
		failures = 0
	}
}

// plan returns how long to wait before the next renewal, and when the credentials came that it is a renewal of; ever is
// false if none is needed.
func (c *cache) plan(failures int) (wait time.Duration, ever bool, of time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.stored: // it is c.cur, which this plan knows
	default:
	}
	switch {
	case failures > 0:
		return renewals.Wait(failures), true, c.born
	case c.born.IsZero():
		return 0, true, c.born
	case !c.cur.CanExpire:
		return 0, false, c.born
	}
	life := c.cur.Expires.Sub(c.born)
	if life <= 0 {
		return staleFor / 2, true, c.born
	}
	// Jitter, so that many daemons started at once do not meet at STS for ever.
	at := time.Duration(float64(life) * (0.5 + 0.2*rand.Float64()))
	return max(time.Until(c.born.Add(at)), time.Second), true, c.born
}

// sleep reports whether the wait is over; false means that new credentials came first, or that the cache is closed.
func (c *cache) sleep(wait time.Duration, ever bool) bool {
	var due <-chan time.Time
	if ever {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
		return true
	case <-c.stored:
		return false
	case <-c.ctx.Done():
		return false
	}
}
