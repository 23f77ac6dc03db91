package advise_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/bench/advise"
	"sluice/bench/cost"
	"sluice/bench/stats"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	ms  = time.Millisecond
)

// plain is bursty one-way data that may be sent again: nothing is asked that only one option can do.
func plain() advise.Question {
	return advise.Question{RecordsPerMonth: 10e6, Size: kib, Together: 1, MaxRecords: 10, PostRecords: 1, Rate: 50, Burst: 500, Linger: 100 * ms, DurableSpool: true, MemoryMB: 128, Work: 5 * ms}
}

func with(change func(*advise.Question)) advise.Question {
	q := plain()
	change(&q)
	return q
}

// measured is evidence from the real service at the rate of plain.
func measured(o cost.Option, p99, high time.Duration) advise.Evidence {
	return advise.Evidence{Option: o, Rate: 50, Linger: 100 * ms, Attempts: 1, SendFill: 6, Records: 100_000,
		Latencies: map[string]advise.Latency{"processed.p99": {Value: p99, Low: p99 - 10*ms, High: high}}}
}

func faster(a, b cost.Option, ratio, low, high float64) advise.Compared {
	verdict := stats.Inconclusive
	switch {
	case high < 1:
		verdict = stats.ABetter
	case low > 1:
		verdict = stats.BBetter
	}
	return judged(a, b, verdict, ratio, low, high)
}

func judged(a, b cost.Option, verdict stats.Verdict, ratio, low, high float64) advise.Compared {
	return advise.Compared{A: a, B: b, Judgement: stats.Judgement{Metric: "processed.p99", Verdict: verdict,
		Comparison: stats.Comparison{Ratio: ratio, CI: stats.Interval{Low: low, High: high}}}}
}

var queues = []cost.Option{cost.SQSStandard, cost.SQSFIFO}
var gateways = []cost.Option{cost.REST, cost.HTTPAPI}
var brokers = []cost.Option{cost.JetStream, cost.RabbitMQ}

func standIn(e advise.Evidence) advise.Evidence { e.StandIn = true; return e }

func lost(e advise.Evidence, n int) advise.Evidence { e.Lost = n; return e }

// situations are questions with the answers that the decision model must give.
func situations() []situation {
	slo := func(bound time.Duration) *advise.SLO { return &advise.SLO{Metric: "processed.p99", Bound: bound} }
	return []situation{
		{name: "default prior: bursty one-way data, seconds allowed", q: plain(), want: cost.SQSStandard, confidence: advise.Likely},
		{name: "G1: the reply carries the result", q: with(func(q *advise.Question) { q.NeedsReply = true }),
			want: cost.HTTPAPI, confidence: advise.Likely, gate: "G1", out: slices.Concat(queues, brokers)},
		{name: "G1: work outlasts a call", q: with(func(q *advise.Question) { q.Work, q.MemoryMB = 30*time.Second, 0 }),
			want: cost.SQSStandard, confidence: advise.Likely, gate: "G1", out: gateways},
		{name: "G2: 2 MiB, which are four units of an HTTP API", q: with(func(q *advise.Question) { q.Size, q.RecordsPerMonth = 2*mib, 1e6 }),
			want: cost.REST, confidence: advise.Likely, gate: "G2", out: append([]cost.Option{cost.JetStream}, queues...)},
		{name: "G2: 5 MiB of binary is 6.7 MiB as base64, more than a Lambda event", q: with(func(q *advise.Question) { q.Size, q.Binary = 5*mib, true }),
			want: cost.RabbitMQ, confidence: advise.Likely, caveat: "yours come at up to 500/s of 5 MiB", gate: "G2", out: slices.Concat(queues, gateways, brokers[:1])},
		{name: "G2: 20 MiB fit nowhere", q: with(func(q *advise.Question) { q.Size = 20 * mib }),
			want: "", confidence: advise.None, gate: "G2", out: cost.Options()},
		{name: "G3: the consumer may be down and nothing holds the records", q: with(func(q *advise.Question) { q.ConsumerMayBeDown, q.DurableSpool = true, false }),
			want: cost.SQSStandard, confidence: advise.Likely, gate: "G3", out: gateways},
		{name: "G3: bursts beyond 1,000 executions of 250 ms", q: with(func(q *advise.Question) { q.Work, q.Burst, q.DurableSpool = 250*ms, 4001, false }),
			want: cost.SQSStandard, confidence: advise.Likely, gate: "G3", out: gateways},
		{name: "G3: a spool makes them bearable", q: with(func(q *advise.Question) { q.Work, q.Burst = 250*ms, 4001 }),
			want: cost.SQSStandard, confidence: advise.Likely},
		{name: "G3: no spool is long enough for a mean that is too high", q: with(func(q *advise.Question) { q.Rate, q.Burst = 11_000, 11_000 }),
			want: cost.SQSStandard, confidence: advise.Likely, gate: "G3", out: append([]cost.Option{cost.SQSFIFO}, gateways...)},
		{name: "G3: a FIFO queue takes 300 calls/s", q: with(func(q *advise.Question) { q.Rate, q.Burst = 3001, 3001 }),
			want: cost.SQSStandard, confidence: advise.Likely, gate: "G3", out: queues[1:]},
		{name: "300 calls/s of ten are within it", q: with(func(q *advise.Question) { q.Rate, q.Burst = 3000, 3000 }),
			want: cost.SQSStandard, confidence: advise.Likely},
		{name: "G3: more work than 1,000 executions do", q: with(func(q *advise.Question) { q.Work, q.Rate, q.Burst = 25*time.Second, 41, 41 }),
			want: "", confidence: advise.None, gate: "G3", out: cost.Options()},
		{name: "as much as they do", q: with(func(q *advise.Question) { q.Work, q.Rate, q.Burst = 25*time.Second, 40, 40 }),
			want: cost.SQSStandard, confidence: advise.Tie},
		{name: "G1: ten records of 100 s outlast an invocation", q: with(func(q *advise.Question) {
			q.Work, q.Together, q.Rate, q.Burst, q.RecordsPerMonth = 100*time.Second, 10, 1, 1, 1e6
		}), want: "", confidence: advise.None, gate: "G1", out: cost.Options()},
		{name: "G1: nine do not", q: with(func(q *advise.Question) {
			q.Work, q.Together, q.Rate, q.Burst, q.RecordsPerMonth = 100*time.Second, 9, 1, 1, 1e6
		}), want: cost.SQSStandard, confidence: advise.Likely, gate: "G1", out: gateways},
		{name: "G1: records that share a POST outlast a call", q: with(func(q *advise.Question) { q.Work, q.PostRecords, q.Linger = 3*time.Second, 10, 0 }),
			want: cost.SQSStandard, confidence: advise.Likely, gate: "G1", out: gateways},
		{name: "G4: order, and all records may be of one key", q: with(func(q *advise.Question) { q.StrictOrder = true }),
			want: cost.SQSFIFO, confidence: advise.Likely, gate: "G4", out: append([]cost.Option{cost.SQSStandard}, gateways...)},
		{name: "an open latency bound is not hidden by a tie", q: with(func(q *advise.Question) { q.RecordsPerMonth, q.Linger, q.SLO = 1e6, 0, slo(100*ms) }),
			want: cost.SQSStandard, confidence: advise.Likely, caveat: "the bound of 100ms is below what was published: a p99 of 105ms from SQS to a handler"},
		{name: "counts under another rate say nothing", q: with(func(q *advise.Question) {
			q.RecordsPerMonth, q.Exclude = 100e6, append(slices.Clone(brokers), cost.SQSFIFO)
		}), evidence: []advise.Evidence{{Option: cost.SQSStandard, Rate: 500, Attempts: 6}},
			want: cost.SQSStandard, confidence: advise.Likely, gate: "excluded", out: append(slices.Clone(brokers), cost.SQSFIFO)},
		{name: "G4: order at 30/s per key", q: with(func(q *advise.Question) { q.StrictOrder, q.RatePerKey = true, 30 }),
			want: cost.SQSFIFO, confidence: advise.Likely, gate: "G4", out: append([]cost.Option{cost.SQSStandard}, gateways...)},
		{name: "G4: order at 4,000/s per key", q: with(func(q *advise.Question) { q.StrictOrder, q.Rate, q.Burst, q.RatePerKey = true, 8000, 8000, 4000 }),
			want: cost.JetStream, confidence: advise.Tie, gate: "G4", out: slices.Concat(queues, gateways)},
		{name: "G5: duplicates do harm", q: with(func(q *advise.Question) { q.NoDuplicates = true }),
			want: cost.SQSFIFO, confidence: advise.Tie, caveat: "idempotent, for nothing that is offered here prevents every repeat"},
		{name: "duplicates do harm, and what drops them costs much more", q: with(func(q *advise.Question) { q.NoDuplicates, q.Exclude = true, []cost.Option{cost.SQSFIFO} }),
			want: cost.SQSStandard, confidence: advise.Likely, caveat: "note the IDs", gate: "excluded", out: queues[1:]},
		{name: "G6: loss was measured, and none is tolerated", q: with(func(q *advise.Question) { q.LossBound = new(0.0) }), evidence: []advise.Evidence{lost(measured(cost.SQSStandard, 100*ms, 110*ms), 3)},
			want: cost.SQSFIFO, confidence: advise.Likely, gate: "G6", out: queues[:1]},
		{name: "loss was measured, and no bound was given", q: plain(), evidence: []advise.Evidence{lost(measured(cost.SQSStandard, 100*ms, 110*ms), 3)},
			want: cost.SQSStandard, confidence: advise.Likely, caveat: "3 of 100,000 records were lost"},
		{name: "G6: loss within the bound", q: with(func(q *advise.Question) { q.LossBound = new(1e-4) }), evidence: []advise.Evidence{lost(measured(cost.SQSStandard, 100*ms, 110*ms), 3)},
			want: cost.SQSStandard, confidence: advise.Likely},
		{name: "G6: the interval reaches beyond the latency bound", q: with(func(q *advise.Question) { q.SLO = slo(250 * ms) }),
			evidence: []advise.Evidence{measured(cost.SQSStandard, 240*ms, 260*ms), measured(cost.HTTPAPI, 100*ms, 120*ms)},
			want:     cost.HTTPAPI, confidence: advise.Likely, gate: "G6", out: queues[:1]},
		{name: "G6: the linger alone uses up the bound", q: with(func(q *advise.Question) { q.SLO = slo(80 * ms) }),
			want: cost.HTTPAPI, confidence: advise.Likely, gate: "G6", out: slices.Concat(queues, brokers)},
		{name: "G7: HTTPS to an own domain only", q: with(func(q *advise.Question) { q.HTTPSOnly = true }),
			want: cost.HTTPAPI, confidence: advise.Likely, gate: "G7", out: slices.Concat(queues, brokers)},
		{name: "G8: old records have to be read again", q: with(func(q *advise.Question) { q.Replay = true }),
			want: cost.JetStream, confidence: advise.Proved, gate: "G8", out: slices.Concat(queues, gateways, brokers[1:])},
		{name: "G8: a stream beyond what one host is known to take", q: with(func(q *advise.Question) { q.Replay, q.Burst = true, 50_000 }),
			want: cost.JetStream, confidence: advise.Likely, gate: "G8", out: slices.Concat(queues, gateways, brokers[1:]), caveat: "capacity of one host is not known"},
		{name: "large records are beyond one host earlier", q: with(func(q *advise.Question) { q.Replay, q.Size, q.Burst = true, 512*kib, 800 }),
			want: cost.JetStream, confidence: advise.Likely, gate: "G8", out: slices.Concat(queues, gateways, brokers[1:]), caveat: "capacity of one host is not known"},
		{name: "a stand-in's latency decides nothing", q: with(func(q *advise.Question) { q.SLO = slo(250 * ms) }),
			evidence: []advise.Evidence{standIn(measured(cost.SQSStandard, 900*ms, 950*ms)), standIn(measured(cost.HTTPAPI, 10*ms, 12*ms))},
			compared: []advise.Compared{faster(cost.HTTPAPI, cost.SQSStandard, 0.01, 0.009, 0.011)},
			want:     cost.SQSStandard, confidence: advise.Likely, caveat: "latency unproven, it was measured at a stand-in; run with credentials (estimated cost $0.02)"},
		{name: "latency at another rate proves nothing", q: with(func(q *advise.Question) { q.SLO, q.Rate = slo(250*ms), 80 }),
			evidence: []advise.Evidence{measured(cost.SQSStandard, 900*ms, 950*ms)},
			want:     cost.SQSStandard, confidence: advise.Likely, caveat: "measured at 50/s, and you ask about 80/s"},
		{name: "measured at the real services and far apart in price", q: with(func(q *advise.Question) { q.SLO = slo(250 * ms) }),
			evidence: []advise.Evidence{measured(cost.SQSStandard, 100*ms, 110*ms), measured(cost.HTTPAPI, 100*ms, 110*ms)},
			want:     cost.SQSStandard, confidence: advise.Proved},
		{name: "a tie in price goes to fewer parts", q: with(func(q *advise.Question) { q.RecordsPerMonth, q.Linger, q.SLO = 1e6, 0, nil }),
			want: cost.SQSStandard, confidence: advise.Tie},
		{name: "a tie in price goes to the proven lower p99", q: with(func(q *advise.Question) { q.RecordsPerMonth, q.Linger = 1e6, 0 }),
			evidence: []advise.Evidence{measured(cost.SQSStandard, 100*ms, 110*ms), measured(cost.HTTPAPI, 50*ms, 60*ms)},
			compared: []advise.Compared{faster(cost.SQSStandard, cost.HTTPAPI, 2, 1.8, 2.2)},
			want:     cost.HTTPAPI, confidence: advise.Proved},
		{name: "but not to one that may be chance", q: with(func(q *advise.Question) { q.RecordsPerMonth, q.Linger = 1e6, 0 }),
			evidence: []advise.Evidence{measured(cost.SQSStandard, 100*ms, 110*ms), measured(cost.HTTPAPI, 50*ms, 60*ms)},
			compared: []advise.Compared{faster(cost.SQSStandard, cost.HTTPAPI, 2, 0.9, 4)},
			want:     cost.SQSStandard, confidence: advise.Tie},
		{name: "nor to one that the ranks or the other metrics leave open", q: with(func(q *advise.Question) { q.RecordsPerMonth, q.Linger = 1e6, 0 }),
			evidence: []advise.Evidence{measured(cost.SQSStandard, 100*ms, 110*ms), measured(cost.HTTPAPI, 50*ms, 60*ms)},
			compared: []advise.Compared{judged(cost.SQSStandard, cost.HTTPAPI, stats.Inconclusive, 1.1, 1.01, 1.2)},
			want:     cost.SQSStandard, confidence: advise.Tie},
		{name: "nor to a stand-in's", q: with(func(q *advise.Question) { q.RecordsPerMonth, q.Linger = 1e6, 0 }),
			evidence: []advise.Evidence{standIn(measured(cost.SQSStandard, 100*ms, 110*ms)), standIn(measured(cost.HTTPAPI, 50*ms, 60*ms))},
			compared: []advise.Compared{faster(cost.HTTPAPI, cost.SQSStandard, 0.5, 0.4, 0.6)},
			want:     cost.SQSStandard, confidence: advise.Tie},
		{name: "nor to chance when the sides are named the other way round", q: with(func(q *advise.Question) { q.RecordsPerMonth, q.Linger = 1e6, 0 }),
			evidence: []advise.Evidence{measured(cost.SQSStandard, 100*ms, 110*ms), measured(cost.HTTPAPI, 50*ms, 60*ms)},
			compared: []advise.Compared{faster(cost.HTTPAPI, cost.SQSStandard, 0.5, 0.2, 1.1)},
			want:     cost.SQSStandard, confidence: advise.Tie},
		{name: "counts at stand-ins make a price likely, not proved", q: plain(),
			evidence: []advise.Evidence{standIn(measured(cost.SQSStandard, 100*ms, 110*ms)), standIn(measured(cost.HTTPAPI, 100*ms, 110*ms))},
			want:     cost.SQSStandard, confidence: advise.Likely},
		{name: "REST, where requests are large and HTTP APIs are ruled out", q: with(func(q *advise.Question) {
			q.Size, q.Linger, q.Exclude = 320*kib, 0, []cost.Option{cost.HTTPAPI}
		}), want: cost.REST, confidence: advise.Likely, gate: "excluded", out: gateways[1:]},
		{name: "a broker of one's own at a high volume", q: with(func(q *advise.Question) { q.RecordsPerMonth, q.Rate, q.Burst = 5e9, 2000, 2000 }),
			want: cost.JetStream, confidence: advise.Tie},
		{name: "a queue that is asked six times for each request", q: with(func(q *advise.Question) {
			q.RecordsPerMonth, q.Exclude = 100e6, append(slices.Clone(brokers), cost.SQSFIFO)
		}), evidence: []advise.Evidence{{Option: cost.SQSStandard, Rate: 50, Attempts: 6}},
			want: cost.HTTPAPI, confidence: advise.Likely, gate: "excluded", out: append(slices.Clone(brokers), cost.SQSFIFO)},
	}
}

type situation struct {
	name       string
	q          advise.Question
	evidence   []advise.Evidence
	compared   []advise.Compared
	want       cost.Option
	confidence advise.Confidence
	gate       string // that puts out
	out        []cost.Option
	caveat     string
}

func (s situation) input() advise.Input {
	return advise.Input{Question: s.q, Evidence: s.evidence, Compared: s.compared, Book: cost.DefaultBook()}
}

func ask(t *testing.T, in advise.Input) advise.Advice {
	t.Helper()
	a, err := advise.Ask(in)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestSituations(t *testing.T) {
	t.Parallel()
	for _, s := range situations() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			a := ask(t, s.input())
			if a.Recommendation != s.want || a.Confidence != s.confidence {
				t.Errorf("got %q, %s; want %q, %s", a.Recommendation, a.Confidence, s.want, s.confidence)
			}
			for _, c := range a.Options {
				failed := ""
				for _, g := range c.Gates {
					if !g.Passed {
						failed = g.ID
					}
				}
				if want := slices.Contains(s.out, c.Option); c.Out != want || want && failed != s.gate || !want && failed != "" {
					t.Errorf("%s: out %v by %q, want %v by %q: %+v", c.Option, c.Out, failed, want, s.gate, c.Gates)
				}
			}
			if len(a.Facts) != 3 || slices.Contains(a.Facts, "") {
				t.Errorf("the deciding facts are %q, want three", a.Facts)
			}
			if all := strings.Join(a.Caveats, "\n"); !strings.Contains(all, s.caveat) {
				t.Errorf("the caveats are %q, want them to say %q", a.Caveats, s.caveat)
			}
			var text strings.Builder
			if err := advise.WriteText(&text, a); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(text.String()) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
					t.Errorf("%d columns, want at most 80: %s", n, line)
				}
			}
		})
	}
}

// Whatever is said to change the answer is asked, and changes it.
func TestEveryFlipFlips(t *testing.T) {
	t.Parallel()
	total := 0
	for _, s := range situations() {
		a := ask(t, s.input())
		for _, f := range a.Flips {
			total++
			in := s.input()
			in.Question = f.Question
			if got := ask(t, in).Recommendation; got != f.Recommendation || got == a.Recommendation {
				t.Errorf("%s: %s: got %q, want %q and not %q", s.name, f.Change, got, f.Recommendation, a.Recommendation)
			}
		}
	}
	if total < 5*len(situations()) {
		t.Errorf("%d flips in %d situations: the search finds too little", total, len(situations()))
	}
}

// The values at which the answer changes are those of the model: just before them it does not.
func TestFlipsAreWhereTheModelSays(t *testing.T) {
	t.Parallel()
	own := func(change func(*advise.Question)) advise.Question { // no function, no brokers: only the services' requests count
		return with(func(q *advise.Question) {
			q.MemoryMB, q.Work, q.Exclude = 0, 0, brokers
			change(q)
		})
	}
	tests := []struct {
		name   string
		q      advise.Question
		change string // how the flip begins
		value  func(advise.Question) float64
		want   float64
		to     cost.Option
	}{
		{"order by stop and wait up to 1/(44 ms) per key", own(func(q *advise.Question) {
			q.StrictOrder, q.RatePerKey, q.RecordsPerMonth = true, 30, 10e6
			q.Exclude = append(slices.Clone(brokers), cost.SQSFIFO)
		}), "rate per key down to", func(q advise.Question) float64 { return q.RatePerKey }, 1 / 0.044, cost.HTTPAPI},
		{"a FIFO group takes 300 calls/s of 10", own(func(q *advise.Question) { q.StrictOrder, q.RatePerKey, q.Exclude = true, 30, nil }),
			"rate per key from", func(q advise.Question) float64 { return q.RatePerKey }, 3000, cost.JetStream},
		// A queue costs $0.40 × (2C+1)/10 with ten records and C chunks in a request, an HTTP API $1. A tie within 10 % is the
		// queue's, with fewer parts; C = 14 is the first beyond it: ten records of more than 83.2 KiB.
		{"size", own(func(q *advise.Question) { q.RecordsPerMonth, q.Linger = 100e6, time.Second }),
			"size from", func(q advise.Question) float64 { return q.Size }, 83.2 * kib, cost.HTTPAPI},
		// REST costs $3.50, a queue without batches $0.40 × (2C+1): C = 5 is the first beyond the tie, more than 256 KiB.
		{"size, REST alone", own(func(q *advise.Question) {
			q.RecordsPerMonth, q.Linger, q.Exclude = 100e6, 0, append(slices.Clone(brokers), cost.HTTPAPI)
		}), "size from", func(q advise.Question) float64 { return q.Size }, 256 * kib, cost.REST},
		// A queue costs $1.20 over 1 + 50 × linger records in a request, an HTTP API $1, and the queue loses beyond a tie of 10 %.
		{"linger down", own(func(q *advise.Question) { q.RecordsPerMonth, q.Rate, q.Burst, q.Linger = 100e6, 50, 500, 100*ms }),
			"linger down to", func(q advise.Question) float64 { return q.Linger.Seconds() }, (1.2*0.9 - 1) / 50, cost.HTTPAPI},
		{"HTTP API instead of REST", own(func(q *advise.Question) { q.NeedsReply, q.Exclude = true, []cost.Option{cost.HTTPAPI} }),
			"if API Gateway HTTP API may be used", func(advise.Question) float64 { return 1 }, 1, cost.HTTPAPI},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := ask(t, advise.Input{Question: test.q, Book: cost.DefaultBook()})
			i := slices.IndexFunc(a.Flips, func(f advise.Flip) bool { return strings.HasPrefix(f.Change, test.change) })
			if i < 0 {
				t.Fatalf("no flip begins with %q: %+v (now %s)", test.change, a.Flips, a.Recommendation)
			}
			f := a.Flips[i]
			if got := test.value(f.Question); math.Abs(got/test.want-1) > 0.01 || f.Recommendation != test.to {
				t.Errorf("%s: at %v to %q, want at %v to %q", f.Change, got, f.Recommendation, test.want, test.to)
			}
		})
	}
}

// A source that is read page by page fills requests whatever its rate.
func TestRecordsThatComeAtOnceShareRequests(t *testing.T) {
	q := advise.Question{RecordsPerMonth: 50e6, Size: 2048, MemoryMB: 128, Together: 1, MaxRecords: 10, PostRecords: 1}
	alone, err := advise.Ask(advise.Input{Question: q, Book: cost.DefaultBook()})
	if err != nil {
		t.Fatal(err)
	}
	q.Together = 100
	pages, err := advise.Ask(advise.Input{Question: q, Book: cost.DefaultBook()})
	if err != nil {
		t.Fatal(err)
	}
	fill := func(a advise.Advice) float64 {
		for _, c := range a.Options {
			if c.Option == cost.SQSStandard {
				return c.SendFill
			}
		}
		return 0
	}
	if fill(alone) != 1 || fill(pages) != 10 {
		t.Errorf("a request holds %v records one by one and %v by the page, want 1 and 10", fill(alone), fill(pages))
	}
	if alone.Recommendation != cost.HTTPAPI || pages.Recommendation != cost.SQSStandard {
		t.Errorf("recommended are %s and %s, want the HTTP API for single records and the queue for pages", alone.Recommendation, pages.Recommendation)
	}
}
