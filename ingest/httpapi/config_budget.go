package httpapi

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// BudgetConfig says how many requests the source may be sent. It is a part of Config.
type BudgetConfig struct {
	RequestsPer      Rate          `split_words:"true" desc:"most requests in a time, such as 5000/1h or 10/1s: a tenth may go at once, the rest is spread evenly; empty: no limit but the source's"`
	RateLimitReserve float64       `split_words:"true" default:"0" desc:"share of the source's own limit to leave to others, from 0 to below 1: with 0.1 reading waits for the next period when a tenth is left. It takes headers that tell the limit, such as RateLimit or X-RateLimit-Remaining; reading always waits when they say that nothing is left"`
	MaxWait          time.Duration `split_words:"true" default:"1h" desc:"longest wait that the source can ask for, by Retry-After or the end of a period; after it Sluice asks again"`
}

// defaultBudget is the BudgetConfig of an empty environment.
func defaultBudget() BudgetConfig { return BudgetConfig{MaxWait: time.Hour} }

// maxRate bounds both parts of a Rate: a million requests, a week.
const (
	maxRateRequests = 1_000_000
	maxRatePeriod   = 7 * 24 * time.Hour
)

// A Rate is a number of requests in a time. The zero Rate is no limit.
type Rate struct {
	Requests int
	Per      time.Duration
}

// Decode reads "5000/1h"; the 1 may be left out.
func (r *Rate) Decode(text string) error {
	*r = Rate{}
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	count, period, found := strings.Cut(text, "/")
	period = strings.TrimSpace(period)
	if period != "" && strings.Trim(period[:1], "0123456789.") != "" {
		period = "1" + period
	}
	n, err := strconv.Atoi(strings.TrimSpace(count))
	per, err2 := time.ParseDuration(period)
	if !found || err != nil || err2 != nil || n <= 0 || n > maxRateRequests || per <= 0 || per > maxRatePeriod {
		return errors.New("not a rate; write a number of requests, a slash and a time, such as 5000/1h or 10/1s, of at most 1000000 and 168h")
	}
	*r = Rate{n, per}
	return nil
}

// String is what Decode reads.
func (r Rate) String() string {
	if r == (Rate{}) {
		return ""
	}
	return fmt.Sprintf("%d/%v", r.Requests, r.Per)
}

// MarshalText writes String.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (c Config) checkBudget(p *problems) {
	if !(c.RateLimitReserve >= 0 && c.RateLimitReserve < 1) { // NaN is refused too
		p.add("RATE_LIMIT_RESERVE is %v, want a share from 0 to below 1", c.RateLimitReserve)
	}
	p.positive("MAX_WAIT", int64(c.MaxWait), c.MaxWait)
}
