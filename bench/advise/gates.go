package advise

import (
	"fmt"
	"time"

	"sluice/bench/cost"
	"sluice/bench/stats"
)

// A Gate is one requirement that an option meets or not. Gates that the question does not raise are not listed.
type Gate struct {
	ID     string `json:"id"` // G1 to G8 without G5, or "excluded"
	Passed bool   `json:"passed"`
	Reason string `json:"reason"` // with numbers
}

// excluded is the gate of the options that the user does not want.
const excluded = "excluded"

// Limits of the services, default quotas where there are any.
const (
	mib           = 1 << 20
	sqsRecord     = 1 * mib  // SQS: a message is at most 1 MiB
	callBody      = 10 * mib // API Gateway: a payload is at most 10 MB
	lambdaEvent   = 6 * mib  // Lambda: a synchronous event is at most 6 MB
	natsRecord    = 1 * mib  // NATS server: max_payload is 1 MB unless raised
	rabbitRecord  = 16 * mib // RabbitMQ 4: a message is at most 16 MiB unless raised
	gatewayRate   = 10_000.0 // API Gateway: requests per second of an account in a region
	lambdaAtOnce  = 1_000.0  // Lambda: concurrent executions of an account
	fifoGroupRate = 300.0    // SQS FIFO: calls per second of a message group
	fifoQueueRate = 300.0    // SQS FIFO: calls per second and action of a queue, unless it is in high-throughput mode
	integration   = 29 * time.Second
	invocation    = 15 * time.Minute // Lambda: an invocation lasts no longer

	// roundTrip is the median from a client to a warm Lambda function behind a regional REST API and back, as the STeLLAR
	// study printed it in 2021: 18 ms, and 26 ms between client and region.
	roundTrip = 44 * time.Millisecond
)

func queueFamily(o cost.Option) bool { return o.Transport() != "apigateway" }

func broker(o cost.Option) bool { return o == cost.JetStream || o == cost.RabbitMQ }

// gates applies every gate that the question raises.
func (in Input) gates(o cost.Option) []Gate {
	q := in.Question
	var all []Gate
	add := func(id string, passed bool, format string, args ...any) {
		all = append(all, Gate{id, passed, fmt.Sprintf(format, args...)})
	}
	for _, x := range q.Exclude {
		if x == o {
			add(excluded, false, "you excluded it")
		}
	}
	if q.NeedsReply {
		if queueFamily(o) {
			add("G1", false, "the sender needs the result, and a queue answers before the record is processed")
		} else {
			add("G1", true, "the reply carries the result")
		}
	}
	all = append(all, q.lengthGate(o)...)
	limit, whose := recordLimit(o, q)
	if size := q.wire(o); size > limit {
		add("G2", false, "a record of %s is more than the %s of %s; a claim check would carry it", bytesText(size), bytesText(limit), whose)
	}
	if o.Transport() == "apigateway" {
		all = append(all, flowGate(q)...)
	}
	all = append(all, q.meanGates(o)...)
	if q.StrictOrder {
		all = append(all, in.orderGate(o))
	}
	all = append(all, in.measuredGates(o)...)
	if q.HTTPSOnly {
		add("G7", !queueFamily(o), "%s", choose(queueFamily(o), "it needs more than HTTPS to an own domain: an AWS SDK or a broker's protocol", "plain HTTPS to an own domain is enough"))
	}
	if q.Replay {
		add("G8", o == cost.JetStream, "%s", choose(o == cost.JetStream, "a stream keeps records for any number of readers", "a record that was processed is gone; several consumers at once would need "+copies(o)))
	}
	return all
}

func choose[T any](condition bool, yes, no T) T {
	if condition {
		return yes
	}
	return no
}

// recordLimit is the largest record of o in bytes as it is sent, and whose limit that is.
func recordLimit(o cost.Option, q Question) (bytes float64, whose string) {
	switch {
	case o == cost.JetStream:
		return natsRecord, "a NATS server as it comes"
	case o == cost.RabbitMQ:
		return rabbitRecord, "RabbitMQ as it comes"
	case queueFamily(o):
		return sqsRecord, "SQS"
	case q.MemoryMB > 0:
		return lambdaEvent / float64(q.PostRecords), "a Lambda event"
	}
	return callBody / float64(q.PostRecords), "API Gateway"
}

// orderGate is G4. A gateway keeps order only if each POST of a key waits for the one before.
func (in Input) orderGate(o cost.Option) Gate {
	q := in.Question
	g := Gate{ID: "G4"}
	switch {
	case o == cost.SQSStandard:
		g.Reason = "a standard queue does not keep the order"
	case o == cost.SQSFIFO:
		most := fifoGroupRate * cost.Fill(q.RatePerKey, q.Linger, q.wire(o)/1024, q.MaxRecords)
		g.Passed = q.RatePerKey <= most
		g.Reason = fmt.Sprintf("%s of the %s/s that a message group takes", q.perKey(), number(most))
	case broker(o):
		g.Passed, g.Reason = true, "one stream keeps the order if one consumer reads it"
	default:
		trip, from := roundTrip+q.Work, "published"
		if e := in.of(o); e != nil && !e.StandIn && e.Latencies["accept.p50"].Value > 0 {
			trip, from = e.Latencies["accept.p50"].Value, "measured"
		}
		most := float64(q.PostRecords) / trip.Seconds()
		g.Passed = q.RatePerKey <= most
		g.Reason = fmt.Sprintf("%s of the %s/s that one POST after the other allows at a %s %v each", q.perKey(), number(most), from, trip.Round(time.Millisecond))
	}
	return g
}

// perKey is the rate of the busiest key in words.
func (q Question) perKey() string {
	if q.RatePerKey >= q.Rate {
		return number(q.RatePerKey) + "/s, all records as those of one key,"
	}
	return number(q.RatePerKey) + "/s per key"
}

// repeats is what remains of duplicates: nobody offers exactly once, so that G5 puts nothing out.
func repeats(o cost.Option) string {
	switch o {
	case cost.SQSFIFO:
		return "it drops repeats for 5 minutes only: the consumer must be idempotent"
	case cost.JetStream:
		return "it drops repeats for its window only (2 minutes as it comes): the consumer must be idempotent"
	}
	return "it delivers at least once: the consumer must be idempotent"
}

// copies is what hands each record to several consumers.
func copies(o cost.Option) string {
	switch o {
	case cost.SQSStandard, cost.SQSFIFO:
		return "an SNS topic and a queue for each, which are not priced here"
	case cost.RabbitMQ:
		return "a fanout exchange and a queue for each"
	}
	return "a call for each"
}

// measuredGates is G6: what was measured must not break the bounds of the question.
func (in Input) measuredGates(o cost.Option) []Gate {
	q, e := in.Question, in.of(o)
	var all []Gate
	if e != nil && e.Records > 0 {
		share, allowed := float64(e.Lost+e.Ghosts)/float64(e.Records), "and you gave no bound"
		g := Gate{ID: "G6", Passed: true}
		if q.LossBound != nil {
			g.Passed, allowed = share <= *q.LossBound, fmt.Sprintf("you allow %.2g of them", *q.LossBound)
			if *q.LossBound == 0 {
				allowed = "you allow none"
			}
		}
		g.Reason = fmt.Sprintf("%d lost and %d ghosts of %s records, %s", e.Lost, e.Ghosts, number(float64(e.Records)), allowed)
		if e.Lost+e.Ghosts == 0 {
			g.Reason = fmt.Sprintf("no loss in %s records: at most %.1g of them, with 95 %% confidence", number(float64(e.Records)), stats.Upper95(e.Records))
		}
		g.Reason += choose(e.StandIn, ", at a stand-in", "")
		all = append(all, g)
	}
	if q.SLO == nil {
		return all
	}
	if shape, _ := in.shape(o); shape.SendFill > 1 && o.Transport() != "apigateway" && q.Linger >= q.SLO.Bound {
		return append(all, Gate{"G6", false, fmt.Sprintf("a linger of %v alone uses up the bound of %v", q.Linger, q.SLO.Bound)})
	}
	if l, ok := in.proven(o); ok {
		all = append(all, Gate{"G6", l.High <= q.SLO.Bound, fmt.Sprintf("%s is %s, 95 %% interval up to %s; the bound is %v", q.SLO.Metric, millis(l.Value), millis(l.High), q.SLO.Bound)})
	}
	return all
}

// proven returns the latency that the bound is about, if it was measured at the real service and at the user's rate.
func (in Input) proven(o cost.Option) (Latency, bool) {
	q, e := in.Question, in.of(o)
	if q.SLO == nil || e == nil || e.StandIn || !e.atRate(q) {
		return Latency{}, false
	}
	l, ok := e.Latencies[q.SLO.Metric]
	return l, ok && l.High > 0
}
