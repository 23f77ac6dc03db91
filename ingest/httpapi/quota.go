package httpapi

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A telling is what the headers of one answer say about the limit on requests. Numbers below 0 were not told.
type telling struct {
	limit, remaining int64
	reset            time.Duration // from now until the period ends
}

// Values of a reset from here on are moments, in seconds or milliseconds since 1970: both bounds are in November 1985, and
// no period lasts for the 15 years that the smaller one would be as a number of seconds.
const (
	epochSeconds = 5e8
	epochMillis  = 5e11
)

// readTelling reads the headers of an answer, in the order in which they can be trusted: RateLimit in its two forms (drafts 7 and 8
// and later of draft-ietf-httpapi-ratelimit-headers), RateLimit-Remaining and its neighbours (the drafts before), and the
// X-RateLimit-* and X-Rate-Limit-* that most have made up for themselves.
func readTelling(h http.Header) telling {
	if text := strings.Join(h.Values("RateLimit"), ","); text != "" {
		if t := structured(text, strings.Join(h.Values("RateLimit-Policy"), ",")); t.remaining >= 0 {
			return t
		}
	}
	for _, prefix := range []string{"RateLimit-", "X-RateLimit-", "X-Rate-Limit-"} {
		t := telling{count(h.Get(prefix + "Limit")), count(h.Get(prefix + "Remaining")), until(h.Get(prefix+"Reset"), serverTime(h))}
		if t.remaining >= 0 && t.limit != 0 { // gateways write 0 or -1 where no limit is set
			return t
		}
	}
	return telling{-1, -1, -1}
}

// structured reads RateLimit. Of several policies the one with the fewest requests left counts, and of those with none the
// one that lasts longest.
func structured(text, policies string) telling {
	quotas := map[string]int64{}
	for _, item := range strings.Split(policies, ",") {
		name, params := parameters(item)
		quotas[name] = count(params["q"])
	}
	best := telling{-1, -1, -1}
	consider := func(t telling) {
		if t.remaining >= 0 && (best.remaining < 0 || t.remaining < best.remaining || t.remaining == best.remaining && t.reset > best.reset) {
			best = t
		}
	}
	flat := map[string]string{} // draft 7: limit=100, remaining=50, reset=30
	for _, item := range strings.Split(text, ",") {
		name, params := parameters(item)
		if key, value, found := strings.Cut(name, "="); found {
			flat[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
			continue
		}
		limit, known := quotas[name]
		if !known {
			limit = -1
		}
		consider(telling{limit, count(params["r"]), seconds(params["t"])})
	}
	consider(telling{count(flat["limit"]), count(flat["remaining"]), seconds(flat["reset"])})
	return best
}

// parameters takes "default";q=100;w=60 apart.
func parameters(item string) (name string, params map[string]string) {
	parts := strings.Split(item, ";")
	params = map[string]string{}
	for _, p := range parts[1:] {
		key, value, _ := strings.Cut(p, "=")
		params[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
	}
	return strings.TrimSpace(parts[0]), params
}

// count reads a number of requests; of "100, 100;w=60" it is the first.
func count(text string) int64 {
	text, _, _ = strings.Cut(text, ",")
	text, _, _ = strings.Cut(text, ";")
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return -1
	}
	return max(n, 0) // some count on below zero
}

// seconds reads a time in seconds.
func seconds(text string) time.Duration {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(v) || v < 0 {
		return -1
	}
	return asDuration(v * float64(time.Second))
}

// asDuration does not overflow.
func asDuration(nanoseconds float64) time.Duration {
	if nanoseconds >= math.MaxInt64/2 {
		return math.MaxInt64 / 2
	}
	return time.Duration(nanoseconds)
}

// until reads the end of a period: seconds to go, or a moment by the clock of the server, of which now is the time: seconds
// or milliseconds since 1970, or a date (RFC 9110 or RFC 3339). A moment that has passed is 0, which is not -1: not told.
func until(text string, now time.Time) time.Duration {
	text, _, _ = strings.Cut(text, ";")
	text = strings.TrimSpace(text)
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return max(0, at.Sub(now))
	}
	text, _, _ = strings.Cut(text, ",")
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(v) || v < 0 {
		return -1
	}
	switch {
	case v >= epochMillis:
		v = v/1000 - float64(now.UnixMilli())/1000
	case v >= epochSeconds:
		v -= float64(now.UnixMilli()) / 1000
	}
	return max(0, asDuration(v*float64(time.Second)))
}
