package apigateway

import (
	"net/http"
	"sync/atomic"
	"time"
)

// tolerance is the difference between two clocks that is no reason to act. API Gateway refuses a signature that is more
// than five minutes old or ahead; a minute is left for the way.
const tolerance = 4 * time.Minute

// A clock tells the time of the gateway: ours, until the gateway refuses a signature because of it; then ours corrected
// by the difference seen, until the two agree again. The SDK's signer does not do this. Safe for concurrent use.
type clock struct{ offset atomic.Int64 }

// now is the time to sign with.
func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// behind returns the time that an answer says it is, minus at. There is none in an answer from somebody's cache.
func behind(h http.Header, at time.Time) (time.Duration, bool) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || h.Get("Age") != "" {
		return 0, false
	}
	return date.Sub(at), true
}

// set takes over the difference between the time of an answer and ours.
func (c *clock) set(h http.Header) {
	skew, ok := behind(h, time.Now())
	if !ok {
		return
	}
	if skew.Abs() <= tolerance {
		skew = 0
	}
	c.offset.Store(int64(skew))
}

// follow is called with every answer: a correction in use is kept up to date, and ends when the clocks agree.
func (c *clock) follow(h http.Header) {
	if c.offset.Load() != 0 {
		c.set(h)
	}
}
