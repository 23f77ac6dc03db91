package apigateway

import (
	"fmt"
	"regexp"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A Throttle is a token bucket: Rate requests a second, Burst at once. The zero Throttle lets everything pass.
type Throttle struct {
	Rate  float64
	Burst int
}

// A Quota is the number of requests that are let through in a DAY, a WEEK (from Sunday) or a MONTH, all in UTC. The zero
// Quota is none. Refused requests do not count.
type Quota struct {
	Limit  int
	Period string
}

// An APIKey tells which usage plan a request belongs to. It is no means of authentication.
type APIKey struct {
	ID    string
	Value string // 20 to 128 letters and digits
}

// A UsagePlan gives each of its keys a throttle and a quota of its own.
type UsagePlan struct {
	Throttle Throttle
	Quota    Quota
	Keys     []APIKey
}

var keyValues = regexp.MustCompile(`^[A-Za-z0-9]{20,128}$`)

// A meter is what one API key has used.
type meter struct {
	key    APIKey
	bucket *bucket
	quota  Quota

	mu    sync.Mutex
	since time.Time // beginning of the period that used belongs to
	used  int
}

func newMeters(plans []UsagePlan) (map[string]*meter, error) {
	meters := map[string]*meter{}
	for _, p := range plans {
		switch p.Quota.Period {
		case "DAY", "WEEK", "MONTH":
		case "":
			if p.Quota.Limit == 0 {
				break
			}
			fallthrough
		default:
			return nil, fmt.Errorf("quota period %q: it is DAY, WEEK or MONTH", p.Quota.Period)
		}
		for _, k := range p.Keys {
			if !keyValues.MatchString(k.Value) {
				return nil, fmt.Errorf("API key %s: its value has to be 20 to 128 letters and digits", k.ID)
			}
			if _, twice := meters[k.Value]; twice {
				return nil, fmt.Errorf("API key %s is in two usage plans, of which only one can count for the stage", k.ID)
			}
			meters[k.Value] = &meter{key: k, bucket: newBucket(p.Throttle), quota: p.Quota}
		}
	}
	return meters, nil
}

// take counts one request, unless the quota of the period is used up.
func (m *meter) take(at time.Time) bool {
	if m.quota.Period == "" {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if start := periodStart(m.quota.Period, at); !start.Equal(m.since) {
		m.since, m.used = start, 0
	}
	if m.used >= m.quota.Limit {
		return false
	}
	m.used++
	return true
}

func periodStart(period string, at time.Time) time.Time {
	at = at.UTC()
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	switch period {
	case "WEEK":
		return day.AddDate(0, 0, -int(day.Weekday()))
	case "MONTH":
		return day.AddDate(0, 0, 1-day.Day())
	}
	return day
}

// A bucket is a Throttle at work; a nil bucket lets everything pass.
type bucket struct{ limiter *rate.Limiter }

func newBucket(t Throttle) *bucket {
	if t == (Throttle{}) {
		return nil
	}
	return &bucket{rate.NewLimiter(rate.Limit(t.Rate), t.Burst)}
}

func (b *bucket) take(at time.Time) bool { return b == nil || b.limiter.AllowN(at, 1) }

// checkKey finds the usage plan of the request.
func (a *API) checkKey(c *call) *gatewayResponse {
	if !c.route.NeedsKey {
		return nil
	}
	m, ok := a.keys[c.r.Header.Get("X-Api-Key")]
	if !ok {
		return forbidden
	}
	c.key = &m.key
	return nil
}

// throttle applies, in this order, the plan of the key, the method, the stage, and last the quota, so that a request
// refused for its rate does not count.
func (a *API) throttle(c *call) *gatewayResponse {
	var m *meter
	if c.key != nil {
		m = a.keys[c.key.Value]
		if !m.bucket.take(c.at) {
			return tooManyRequests
		}
	}
	if !c.route.bucket.take(c.at) || !a.stage.take(c.at) {
		return tooManyRequests
	}
	if m != nil && !m.take(c.at) {
		return limitExceeded
	}
	return nil
}
