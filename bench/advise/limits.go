package advise

import (
	"fmt"
	"time"

	"sluice/bench/cost"
)

// lengthGate holds the work on what shares a call or an invocation against how long that may last. It is part of G1.
func (q Question) lengthGate(o cost.Option) []Gate {
	records, most, whose := 1.0, invocation, "an invocation"
	switch {
	case o.Transport() == "apigateway":
		records, most, whose = float64(q.PostRecords), integration, "a call"
	case q.MemoryMB == 0:
		return nil
	default:
		records = q.fill(q.wire(o) / 1024)
	}
	if took := time.Duration(float64(q.Work) * records); took > most {
		return []Gate{{"G1", false, fmt.Sprintf("work of %v on %s of %s each outlasts the %v that %s may last", took.Round(time.Millisecond), plural(records, "record"), q.Work, most, whose)}}
	}
	return nil
}

// flowGate is G3: a gateway has nowhere to put what the consumer does not take.
func flowGate(q Question) []Gate {
	most := gatewayRate * float64(q.PostRecords)
	if q.MemoryMB > 0 && q.Work > 0 {
		most = min(most, lambdaAtOnce/q.Work.Seconds())
	}
	var all []Gate
	spool := choose(q.DurableSpool, "the spool holds what is not accepted yet", "nothing holds what it refuses")
	if q.ConsumerMayBeDown {
		all = append(all, Gate{"G3", q.DurableSpool, "the consumer may be down, and " + spool})
	}
	if q.Burst > most {
		all = append(all, Gate{"G3", q.DurableSpool, fmt.Sprintf("bursts of %s/s exceed the %s/s it takes, and %s", number(q.Burst), number(most), spool)})
	}
	if q.Rate > most {
		all = append(all, Gate{"G3", false, fmt.Sprintf("a mean of %s/s exceeds the %s/s it takes: no spool is long enough", number(q.Rate), number(most))})
	}
	return all
}

// meanGates are the limits on what a queue or a broker lets through all the time; they are part of G3. Records that share an
// invocation are worked on one after the other, so that as many executions run at once as records are worked on.
func (q Question) meanGates(o cost.Option) []Gate {
	if !queueFamily(o) {
		return nil
	}
	var all []Gate
	if busy := q.Rate * q.Work.Seconds(); q.MemoryMB > 0 && busy > lambdaAtOnce {
		all = append(all, Gate{"G3", false, fmt.Sprintf("a mean of %s/s with work of %v each needs %s executions at once, Lambda has %s", number(q.Rate), q.Work, number(busy), number(lambdaAtOnce))})
	}
	if calls := q.Rate / q.fill(q.wire(o)/1024); o == cost.SQSFIFO && calls > fifoQueueRate {
		all = append(all, Gate{"G3", false, fmt.Sprintf("%s calls/s exceed the %s/s of a FIFO queue; high-throughput mode raises them, in us-east-1 to 70,000/s", number(calls), number(fifoQueueRate))})
	}
	return all
}

// hostRates are the records of 1 KB and of 64 KB per second that BrokersPerformance, 2026, saw one node on a laptop take,
// rounded down: they bound what is plausible and prove nothing.
var hostRates = map[cost.Option]struct{ small, large float64 }{
	cost.JetStream: {48_000, 5_700},
	cost.RabbitMQ:  {27_000, 9_400},
}

// beyondHost reports whether bursts exceed what one host of the broker o is known to take.
func (q Question) beyondHost(o cost.Option) bool {
	most, known := hostRates[o]
	return known && (q.Burst > most.small || q.Burst*q.Size > most.large*64_000)
}

// publishedLatencies are medians and 99th percentiles at warm functions of 2 or 3 GB: for queues those that Bite-Sized
// Serverless printed in 2022, for a REST API those of the STeLLAR study of 2021 less its round trip to the region.
var publishedLatencies = map[cost.Option]struct {
	p50, p99 time.Duration
	what     string
}{
	cost.SQSStandard: {16 * time.Millisecond, 105 * time.Millisecond, "from SQS to a handler"},
	cost.SQSFIFO:     {28 * time.Millisecond, 645 * time.Millisecond, "from a FIFO queue to a handler"},
	cost.REST:        {18 * time.Millisecond, 48 * time.Millisecond, "through a REST API to a warm function, without the way to the region"},
}

// plural is a number of things with its noun.
func plural(n float64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}
