package httpapi

import (
	"bytes"
	"net/http"
	"time"
)

// A limit may be told by nothing but the words of a refusal. GitHub's secondary limits are so at times: 403 or 429 without
// Retry-After and with requests left; its documentation (REST API, rate limits, "Exceeding the rate limit") has clients wait
// for at least one minute then, and exponentially longer each time that it happens again.

// limitInWords reports whether an answer tells of a limit by its words alone; begun is its beginning, slower says that the
// headers have told of one.
func limitInWords(status int, slower bool, begun []byte) bool {
	words := "rate limit"
	switch {
	case slower:
		return false
	case status == http.StatusTooManyRequests: // of others it means a limit per second, for which the backoff is enough
		words = "secondary rate limit"
	case status != http.StatusForbidden:
		return false
	}
	return bytes.Contains(bytes.ToLower(begun), []byte(words))
}

// untold has q wait although nobody has said for how long: a minute, and twice as long as the last time when it happens again
// before an answer that is none, but never longer than MaxWait.
func (b *budget) untold(q *quota, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q.penalty = min(max(2*q.penalty, unknownReset), b.maxWait)
	q.until = now.Add(q.penalty)
}
