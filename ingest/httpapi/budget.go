package httpapi

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"sluice/internal/fault"
	"sluice/internal/secret"
)

const (
	// inRead is how long a Read waits by itself. What takes longer is told as trouble, so that people see why nothing comes.
	inRead = 10 * time.Second
	// unknownReset is how long a limit counts as used up whose end was not told.
	unknownReset = time.Minute
	// leastReset is how long at least: a reset in 0 seconds lies within the second that is running.
	leastReset = time.Second
)

// A quota is what the origin has said of the requests that one credential has left. The budget's lock guards it.
type quota struct {
	token     string // of Tokens; else empty
	place     string // which of Tokens it is, in words; else empty
	known     bool
	limit     int64 // at least 1 if known
	remaining int64
	reset     time.Time     // end of the period
	until     time.Time     // nothing is asked before: Retry-After
	penalty   time.Duration // the last wait of untold; 0: an answer has passed since
	capped    bool          // the end was farther away than MaxWait
	refused   time.Time     // when the origin last did not know the token; zero: it does
}

// ready is the moment from which on a request may be made; the zero time for at once.
func (q *quota) ready(now time.Time, reserve float64) time.Time {
	if q.known && !now.Before(q.reset) {
		q.known, q.capped = false, false
	}
	var at time.Time
	if now.Before(q.until) {
		at = q.until
	}
	if q.known && q.remaining <= q.kept(reserve) && q.reset.After(at) {
		at = q.reset
	}
	return at
}

// kept is how many requests are left to others.
func (q *quota) kept(reserve float64) int64 { return int64(math.Ceil(reserve * float64(q.limit))) }

// left is the rank of q among others: where nothing is known the whole limit may be there.
func (q *quota) left() int64 {
	if !q.known {
		return math.MaxInt64
	}
	return q.remaining
}

// A budget decides when the next request may be made, and with which token. Safe for concurrent use.
type budget struct {
	reserve float64
	maxWait time.Duration
	tokens  secret.Value
	rate    Rate
	bucket  *rate.Limiter // nil: no Rate

	mu     sync.Mutex
	text   string   // of tokens, that quotas were made of
	quotas []*quota // one for each token, or one for all requests
	until  time.Time
}

func newBudget(c Config) *budget {
	b := &budget{reserve: c.RateLimitReserve, maxWait: c.MaxWait, tokens: c.Tokens, rate: c.RequestsPer, quotas: []*quota{{}}}
	if n := b.rate.Requests; n > 0 {
		// A burst of k and n-k+1 more, spread over the period, make no more than n in any stretch as long as it.
		burst := 1 + n/10
		b.bucket = rate.NewLimiter(rate.Limit(float64(n-burst+1)/b.rate.Per.Seconds()), burst)
	}
	return b
}

// sync makes the quotas those of the tokens as they are now. The caller holds mu.
func (b *budget) sync() {
	text := b.tokens.Reveal()
	if text == b.text {
		return
	}
	known := map[string]*quota{}
	for _, q := range b.quotas {
		known[q.token] = q
	}
	b.text, b.quotas = text, nil
	list := splitTokens(text)
	for i, token := range list {
		q := known[token]
		if q == nil {
			q = &quota{token: token}
		}
		q.place, q.refused = fmt.Sprintf("token %d of %d", i+1, len(list)), time.Time{}
		b.quotas = append(b.quotas, q)
	}
}

// usable are the quotas that requests may be made with. If the origin has refused all tokens, it may have been the origin's
// mistake, so the one that was refused first is tried again. The caller holds mu.
func (b *budget) usable() []*quota {
	var good []*quota
	first := b.quotas[0]
	for _, q := range b.quotas {
		if q.refused.IsZero() {
			good = append(good, q)
		}
		if q.refused.Before(first.refused) {
			first = q
		}
	}
	if len(good) == 0 {
		return []*quota{first}
	}
	return good
}

// choose returns the quota for a request now. If there is none, it returns the moment when there will be, and the quota that
// it will be.
func (b *budget) choose(now time.Time) (*quota, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sync()
	var best *quota
	var at time.Time
	for _, q := range b.usable() {
		ready := q.ready(now, b.reserve)
		if best == nil || ready.Before(at) || ready.Equal(at) && q.left() > best.left() {
			best, at = q, ready
		}
	}
	if now.Before(b.until) && at.Before(b.until) {
		at = b.until
	}
	return best, at
}

// next is how long it takes until a request may be made.
func (b *budget) next(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sync()
	least := time.Duration(math.MaxInt64)
	for _, q := range b.usable() {
		least = min(least, max(0, q.ready(now, b.reserve).Sub(now)))
	}
	return max(least, b.until.Sub(now))
}

// note takes over what an answer says of the limit that a request with q was counted against. It reports whether the answer
// asks for a pause: there is nothing left, or it has a Retry-After.
func (b *budget) note(q *quota, status int, h http.Header, now time.Time) (pause bool) {
	t := readTelling(h)
	after := retryAfter(h.Get("Retry-After"), serverTime(h), b.maxWait)
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.remaining >= 0 {
		if t.reset < 0 {
			t.reset = unknownReset
		}
		q.capped = t.reset > b.maxWait
		q.known, q.remaining = true, t.remaining
		q.limit = max(t.limit, t.remaining, 1)
		if t.limit < 0 { // the most that was ever left is the nearest to it
			q.limit = max(q.limit, t.remaining+1)
		}
		q.reset = now.Add(min(max(t.reset, leastReset), b.maxWait))
	}
	if status < http.StatusMultipleChoices {
		q.refused, q.penalty = time.Time{}, 0
	}
	switch status {
	case http.StatusTooManyRequests, http.StatusForbidden:
		if after > 0 {
			q.until = now.Add(after)
		}
	case http.StatusServiceUnavailable:
		if after > 0 {
			b.until = now.Add(after) // it is the server that is tired, whoever asks
		}
	}
	return h.Get("Retry-After") != "" || t.remaining == 0
}

// refuse takes the token of q out until the secret changes. It returns which one it is if that is news, and
// reports whether another one is left.
func (b *budget) refuse(q *quota, now time.Time) (news string, others bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q.refused.IsZero() {
		news = q.place
	}
	q.refused = now
	for _, other := range b.quotas {
		others = others || other.refused.IsZero()
	}
	return news, others
}

// admit waits until a request may be made, at most for inRead, and returns what it counts against. Where it takes longer it
// fails with a Throttled fault that says until when.
func (s *Source) admit(ctx context.Context, target *url.URL) (*quota, error) {
	for {
		now := time.Now()
		q, at := s.budget.choose(now)
		wait := at.Sub(now)
		switch {
		case !at.IsZero() && wait > inRead:
			return nil, s.later(target, wait, &fault.Error{Class: fault.Throttled, Reason: "rate_limited_by_source"}, s.budget.explain(q))
		case at.IsZero():
			var ok bool
			if wait, ok = s.budget.spend(q, now); ok {
				return q, nil
			}
			if wait > inRead {
				return nil, s.later(target, wait, &fault.Error{Class: fault.Throttled, Reason: "request_budget"},
					fmt.Sprintf("the %v of SLUICE_HTTP_REQUESTS_PER are used up", s.budget.rate))
			}
		}
		if err := pause(ctx, wait); err != nil {
			return nil, s.fail(fault.Transient, "stopped", target, fmt.Errorf("stopped while waiting for the limit on requests: %w", err))
		}
	}
}

// later completes a fault that says when the next request may be made.
func (s *Source) later(target *url.URL, wait time.Duration, f *fault.Error, why string) error {
	f.Op, f.RetryAfter = op, wait
	f.Err = fmt.Errorf("%s: %s; the next request is made at %s", showURL(target), why, time.Now().Add(wait).UTC().Format(time.RFC3339))
	return f
}

// spend counts a request against q and the Rate, or says how long it takes until the Rate allows one.
func (b *budget) spend(q *quota, now time.Time) (wait time.Duration, ok bool) {
	if b.bucket != nil {
		r := b.bucket.ReserveN(now, 1)
		if wait = r.DelayFrom(now); wait > 0 {
			r.CancelAt(now)
			return wait, false
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if q.known {
		q.remaining-- // until the answer says better, or if there is none
	}
	return 0, true
}

// pause waits, or returns the error of ctx.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// explain says why q is not ready.
func (b *budget) explain(q *quota) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !q.known {
		return "the source has asked for a pause"
	}
	text := fmt.Sprintf("%d of %d requests are left", max(q.remaining, 0), q.limit)
	if kept := q.kept(b.reserve); kept > 0 {
		text += fmt.Sprintf(", and SLUICE_HTTP_RATE_LIMIT_RESERVE leaves %d to others", kept)
	}
	if q.capped {
		text += "; the source says that the period lasts longer than SLUICE_HTTP_MAX_WAIT, which is not believed"
	}
	return text
}

// Quota says in words what is known of the limits on requests, or is empty where nothing is. Safe for concurrent use.
func (s *Source) Quota() string {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sync()
	now := time.Now()
	var parts []string
	for _, q := range b.quotas {
		if text := b.state(q, now); text != "" {
			if q.place != "" {
				text = q.place + ": " + text
			}
			parts = append(parts, text)
		}
	}
	if b.rate != (Rate{}) {
		parts = append(parts, fmt.Sprintf("own budget %v, %d at once now", b.rate, max(0, int(b.bucket.TokensAt(now)))))
	}
	return strings.Join(parts, "; ")
}

// state says what is known of q. The caller holds mu.
func (b *budget) state(q *quota, now time.Time) string {
	ready := q.ready(now, b.reserve)
	var text string
	switch {
	case !q.refused.IsZero():
		return "refused by the source"
	case q.known:
		text = fmt.Sprintf("%d of %d requests left until %s", max(q.remaining, 0), q.limit, q.reset.UTC().Format(time.RFC3339))
	}
	if !ready.IsZero() {
		text = strings.TrimPrefix(text+", waiting until "+ready.UTC().Format(time.RFC3339), ", ")
	}
	return text
}
