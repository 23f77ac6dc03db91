package awscreds

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sluice/internal/fault"
)

// Header is the header of a refusal; nil: it has none.
func Header(refusal *smithyhttp.ResponseError) http.Header {
	if refusal.Response == nil || refusal.Response.Response == nil {
		return nil
	}
	return refusal.Response.Header
}

// RetryAfter reads how long an answer asks to wait, between none and an hour: milliseconds in X-Amz-Retry-After, or seconds or a
// date in Retry-After.
func RetryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("X-Amz-Retry-After"), 64); err == nil {
		return clamp(ms / 1000)
	}
	value := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(value, 64); err == nil {
		return clamp(s)
	}
	if at, err := http.ParseTime(value); err == nil {
		return clamp(time.Until(at).Seconds())
	}
	return 0
}

// clamp turns seconds that a stranger named into a wait between none and an hour.
func clamp(seconds float64) time.Duration {
	if math.IsNaN(seconds) || seconds <= 0 {
		return 0
	}
	return time.Duration(min(seconds, 3600) * float64(time.Second))
}

// NotRefreshed is the verdict where a peer refused the credentials, and err says why there are no newer ones.
func NotRefreshed(peer string, refused *fault.Error, err error) error {
	e := *fault.From(err)
	if e.Class == fault.Blocked {
		e.Reason = refused.Reason // that of the peer is nearer to the cause
	}
	e.Err = fmt.Errorf("%w (%s had refused the last ones: %w)", e.Err, peer, refused.Err)
	return &e
}

// Skewed reports whether the SDK found that a call was refused because of the clock. It signs the next call of the same client
// with the time of the peer, and stops doing so when the clocks agree again.
func Skewed(err error) bool {
	var s interface{ RetryableError() bool }
	return errors.As(err, &s) && s.RetryableError()
}
