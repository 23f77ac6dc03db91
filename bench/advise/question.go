package advise

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sluice/bench/cost"
)

// A Question describes what the user needs. The zero value of a field asks for nothing, unless the field says otherwise.
type Question struct {
	RecordsPerMonth float64 `json:"records_per_month"` // more than 0
	Size            float64 `json:"size_bytes"`        // bytes of one record's body, more than 0
	Binary          bool    `json:"binary"`            // the body is not UTF-8: queue and gateway carry it as base64, a third longer
	Rate            float64 `json:"rate"`              // records per second while they come; 0: spread evenly over the month
	Burst           float64 `json:"burst"`             // highest rate that lasts for seconds; 0: Rate

	Linger      time.Duration `json:"linger_ns"`    // how long a record may wait for others to share its request
	Together    int           `json:"together"`     // records that come at once, such as a page of the source, and share requests without waiting, 1 or more
	MaxRecords  int           `json:"max_records"`  // records in one request to a queue, 1 to 10
	PostRecords int           `json:"post_records"` // records in one POST, 1 or more; the transport sends 1

	SLO       *SLO     `json:"slo,omitempty"`
	LossBound *float64 `json:"loss_bound,omitempty"` // largest tolerable share of accepted records that are lost or of rejected ones that arrive, 0 to 1; nil: no bound

	NeedsReply        bool    `json:"needs_reply"`          // the sender needs the result of the processing in the reply
	StrictOrder       bool    `json:"strict_order"`         // records with one key must be processed in order
	RatePerKey        float64 `json:"rate_per_key"`         // records per second of the busiest key; 0 with StrictOrder: all of Rate
	ConsumerMayBeDown bool    `json:"consumer_may_be_down"` // while records keep coming
	DurableSpool      bool    `json:"durable_spool"`        // what is not accepted yet survives at the source or in a spool, and is sent later
	NoDuplicates      bool    `json:"no_duplicates"`        // a record processed twice does harm: what drops repeats is preferred, nothing prevents all
	HTTPSOnly         bool    `json:"https_only"`           // only HTTPS to an own domain may leave, or no AWS SDK may be used
	Replay            bool    `json:"replay"`               // records that were processed must be readable again

	Work     time.Duration `json:"work_ns"`   // that the consumer needs for one record
	MemoryMB int           `json:"memory_mb"` // of the Lambda function that consumes; 0: a consumer of one's own, without a price

	Exclude []cost.Option `json:"exclude,omitempty"` // what may not be used for other reasons
}

// An SLO is a bound on a measured latency.
type SLO struct {
	Metric string        `json:"metric"` // as in the results: "processed.p99", "accept.p99"
	Bound  time.Duration `json:"bound_ns"`
}

// bounded are the metrics that an SLO can be about.
var bounded = []string{"accept.p50", "accept.p99", "processed.p50", "processed.p99"}

const monthSeconds = 30 * 24 * 3600

// Validate reports everything that is wrong with q.
func (q Question) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	amount := func(x, most float64) bool { return x >= 0 && x <= most }
	check(q.RecordsPerMonth > 0 && amount(q.RecordsPerMonth, 1e15), "%v records a month, want more than 0 and at most 1e15", q.RecordsPerMonth)
	check(q.Size > 0 && amount(q.Size, 1e12), "a record of %v bytes, want more than 0 and at most 1e12", q.Size)
	check(amount(q.Rate, 1e9), "a rate of %v per second, want 0 to 1e9", q.Rate)
	check(amount(q.Burst, 1e9) && (q.Burst == 0 || q.Burst >= q.Rate), "bursts of %v per second, want at least the rate of %v and at most 1e9", q.Burst, q.Rate)
	check(q.Rate == 0 || q.Rate*monthSeconds >= q.RecordsPerMonth*(1-1e-9), "%v records a month do not come at %v per second: that is %s/s all month long", q.RecordsPerMonth, q.Rate, number(q.RecordsPerMonth/monthSeconds))
	check(amount(q.RatePerKey, 1e9), "a rate per key of %v per second, want 0 to 1e9", q.RatePerKey)
	check(q.Linger >= 0 && q.Linger <= time.Hour, "a linger of %v, want 0 to 1h", q.Linger)
	check(q.Together >= 1 && q.Together <= 1_000_000, "%d records at once, want 1 to 1,000,000", q.Together)
	check(q.MaxRecords >= 1 && q.MaxRecords <= 10, "%d records in a request, want 1 to 10", q.MaxRecords)
	check(q.PostRecords >= 1 && q.PostRecords <= 10_000, "%d records in a POST, want 1 to 10,000", q.PostRecords)
	if q.LossBound != nil {
		check(amount(*q.LossBound, 1), "a loss bound of %v, want a share from 0 to 1", *q.LossBound)
	}
	check(q.Work >= 0 && q.Work <= 24*time.Hour, "work of %v per record, want 0 to 24h", q.Work)
	check(q.MemoryMB >= 0 && q.MemoryMB <= 10_240, "a function of %d MB, want 0 to 10,240", q.MemoryMB)
	if q.SLO != nil {
		check(slices.Contains(bounded, q.SLO.Metric), "the latency bound is on %q, want one of %s", q.SLO.Metric, strings.Join(bounded, ", "))
		check(q.SLO.Bound > 0, "a latency bound of %v, want more than 0", q.SLO.Bound)
	}
	for _, o := range q.Exclude {
		check(slices.Contains(cost.Options(), o), "there is no option %q to exclude", o)
	}
	return errors.Join(errs...)
}

// filled puts the defaults where q asks for nothing.
func (q Question) filled() Question {
	if q.Rate == 0 {
		q.Rate = q.RecordsPerMonth / monthSeconds
	}
	q.Burst = math.Max(q.Burst, q.Rate)
	if q.StrictOrder && q.RatePerKey == 0 {
		q.RatePerKey = q.Rate
	}
	return q
}

// wire is the size of a record's body in bytes as o carries it. Brokers carry bytes as they are.
func (q Question) wire(o cost.Option) float64 {
	if q.Binary && o.Transport() != "jetstream" && o.Transport() != "rabbitmq" {
		return q.Size * 4 / 3
	}
	return q.Size
}
