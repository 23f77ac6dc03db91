package advise_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"sluice/bench/advise"
	"sluice/bench/cost"
)

const wantText = `Recommendation: SQS standard queue (likely)

What decided
  1. SQS standard queue costs $2.70 a month for 10,000,000 records of 1 KiB that
     come one by one, JetStream of your own $60.44: 22.4 times as much
  2. API Gateway HTTP API is out: bursts of 20,000/s exceed the 10,000/s it
     takes, and nothing holds what it refuses (G3)
  3. nothing proves that processed.p99 stays below 2s: it was measured at a
     stand-in

What would change the answer
  - linger from 2s: no option left
  - latency bound down to 100ms: no option left
  - volume from 570,000,000 records a month: JetStream of your own
  - size from 517 KiB: JetStream of your own
  - rate from 201,000/s: no option left
  - work per record from 20.1s: no option left
  - if the sender needs the result in the reply: no option left
  - if the order per key matters: SQS FIFO queue
  and 4 more changes in the results

Option                      USD a month    per million  records/request
SQS standard queue                $2.70         $0.244                6
  ok G6: no loss in 100,000 records: at most 3e-05 of them, with 95 %
     confidence, at a stand-in
SQS FIFO queue                    $3.26         $0.294                6
JetStream of your own            $60.44         $0.044                6
RabbitMQ of your own             $60.44         $0.044                6
API Gateway REST API                out         $3.710                1
  no G3: bursts of 20,000/s exceed the 10,000/s it takes, and nothing holds what
     it refuses
API Gateway HTTP API                out         $1.210                1
  no G3: bursts of 20,000/s exceed the 10,000/s it takes, and nothing holds what
     it refuses

Not covered
  - latency unproven, it was measured at a stand-in; run with credentials
    (estimated cost less than $0.01)
  - it delivers at least once: the consumer must be idempotent
  - receive with long polling, and give the queue a dead-letter queue
  - prices: us-east-1/2026-11, retrieved 2026-11-20, without free tier, taxes
    and data transfer
  - JetStream of your own: $60.00 a month is an assumption to be replaced by
    your own figure; with requests as full as these it pays from about
    300,000,000 records a month, against SQS standard queue
  - RabbitMQ of your own: $60.00 a month is an assumption to be replaced by your
    own figure; with requests as full as these it pays from about 300,000,000
    records a month, against SQS standard queue
`

func TestText(t *testing.T) {
	t.Parallel()
	q := plain()
	q.Burst, q.DurableSpool, q.SLO = 20_000, false, &advise.SLO{Metric: "processed.p99", Bound: 2 * time.Second}
	in := advise.Input{Question: q, Book: cost.DefaultBook(), Evidence: []advise.Evidence{standIn(measured(cost.SQSStandard, 200*ms, 220*ms))}}
	var text strings.Builder
	if err := advise.WriteText(&text, ask(t, in)); err != nil {
		t.Fatal(err)
	}
	if text.String() != wantText {
		t.Errorf("got\n%s\nwant\n%s", text.String(), wantText)
	}
}

func TestAskRefuses(t *testing.T) {
	t.Parallel()
	e := measured(cost.SQSStandard, 100*ms, 110*ms)
	half := e
	half.Attempts = 0.5
	tests := []struct {
		name string
		in   advise.Input
		want []string
	}{
		{"nothing", advise.Input{}, []string{"price book", "0 records a month", "a record of 0 bytes"}},
		{"everything wrong at once", advise.Input{Book: cost.DefaultBook(), Question: advise.Question{RecordsPerMonth: math.NaN(), Size: -1, MaxRecords: 11, Linger: -1, LossBound: new(2.0)}},
			[]string{"NaN records", "-1 bytes", "11 records", "linger of -1ns", "loss bound of 2"}},
		{"more records than the rate brings", advise.Input{Book: cost.DefaultBook(), Question: with(func(q *advise.Question) { q.RecordsPerMonth = 1e9 })}, []string{"do not come at 50 per second", "386/s all month"}},
		{"bursts below the rate", advise.Input{Book: cost.DefaultBook(), Question: with(func(q *advise.Question) { q.Burst = 10 })}, []string{"bursts of 10"}},
		{"requests without a record", advise.Input{Book: cost.DefaultBook(), Question: with(func(q *advise.Question) { q.Together, q.MaxRecords, q.PostRecords = 0, 0, 0 })},
			[]string{"0 records at once, want 1 to", "0 records in a request, want 1 to 10", "0 records in a POST, want 1 to"}},
		{"a bound on nothing", advise.Input{Book: cost.DefaultBook(), Question: with(func(q *advise.Question) { q.SLO = &advise.SLO{Bound: time.Second} })}, []string{"want one of accept.p50"}},
		{"an unknown exclusion", advise.Input{Book: cost.DefaultBook(), Question: with(func(q *advise.Question) { q.Exclude = []cost.Option{"pigeon"} })}, []string{`"pigeon"`}},
		{"two measurements of one option", advise.Input{Book: cost.DefaultBook(), Question: plain(), Evidence: []advise.Evidence{e, e}}, []string{"sqs-standard was measured twice"}},
		{"half an attempt", advise.Input{Book: cost.DefaultBook(), Question: plain(), Evidence: []advise.Evidence{half}}, []string{"cannot be"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, err := advise.Ask(test.in)
			if err == nil {
				t.Fatalf("got %+v, want an error", a)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
		})
	}
}

func TestUnprovenLossIsACaveat(t *testing.T) {
	t.Parallel()
	q := plain()
	q.LossBound = new(1e-6)
	in := advise.Input{Question: q, Book: cost.DefaultBook(), Evidence: []advise.Evidence{measured(cost.SQSStandard, 100*ms, 110*ms)}}
	a := ask(t, in)
	if got := strings.Join(a.Caveats, "\n"); !strings.Contains(got, "no loss in 100,000 records proves at most 3e-05; your bound of 1e-06 needs about 3,000,000 records") {
		t.Errorf("the caveats are %q, want what the zero does not prove", a.Caveats)
	}
}

// Under 44 ms between client and function, 23 records a second and key are what a gateway can keep in order.
func TestMeasuredRoundTripReplacesThePublished(t *testing.T) {
	t.Parallel()
	q := plain()
	q.StrictOrder, q.RatePerKey = true, 30
	e := measured(cost.HTTPAPI, 50*ms, 60*ms)
	e.Latencies["accept.p50"] = advise.Latency{Value: 20 * ms, Low: 19 * ms, High: 21 * ms}
	for _, at := range []struct {
		name string
		e    advise.Evidence
		out  bool
	}{{"measured at the service", e, false}, {"measured at a stand-in", standIn(e), true}} {
		for _, c := range ask(t, advise.Input{Question: q, Book: cost.DefaultBook(), Evidence: []advise.Evidence{at.e}}).Options {
			if c.Option == cost.HTTPAPI && c.Out != at.out {
				t.Errorf("%s: out %v, want %v: %+v", at.name, c.Out, at.out, c.Gates)
			}
		}
	}
}

// The only survivor is not proved by what was lost at a stand-in.
func TestLossAtAStandInProvesNothing(t *testing.T) {
	t.Parallel()
	q := plain()
	q.NeedsReply, q.LossBound = true, new(0.0)
	for _, at := range []struct {
		name string
		e    advise.Evidence
		want advise.Confidence
	}{
		{"the service", lost(measured(cost.REST, 100*ms, 110*ms), 5), advise.Proved},
		{"a stand-in", standIn(lost(measured(cost.REST, 100*ms, 110*ms), 5)), advise.Likely},
	} {
		a := ask(t, advise.Input{Question: q, Book: cost.DefaultBook(), Evidence: []advise.Evidence{at.e}})
		if a.Recommendation != cost.HTTPAPI || a.Confidence != at.want {
			t.Errorf("loss at %s: got %s, %s; want %s, %s", at.name, a.Recommendation, a.Confidence, cost.HTTPAPI, at.want)
		}
	}
}

func TestCountedFillReplacesTheFormula(t *testing.T) {
	t.Parallel()
	e := measured(cost.SQSStandard, 100*ms, 110*ms)
	e.SendFill = 3
	elsewhere := e
	elsewhere.Linger = 50 * ms
	for _, at := range []struct {
		name string
		e    advise.Evidence
		want float64
	}{{"the same linger", e, 3}, {"another linger", elsewhere, 6}} {
		a := ask(t, advise.Input{Question: plain(), Book: cost.DefaultBook(), Evidence: []advise.Evidence{at.e}})
		if got := a.Options[0]; got.Option != cost.SQSStandard || got.SendFill != at.want {
			t.Errorf("%s: %s with %v records in a request, want sqs-standard with %v", at.name, got.Option, got.SendFill, at.want)
		}
	}
}
