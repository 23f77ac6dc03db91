package trial

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/bench/result"
	"sluice/internal/readback"
)

// aside is b as a far end that puts what it was handed aside for the audit, delay after it has replied.
func aside(b *broker, delay time.Duration) *FarEnd {
	far := b.farEnd()
	far.Receipts, far.Target.Kind = true, result.AWS
	consume := far.Consume
	far.Consume = func(ctx context.Context, sink *Sink) error {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
		return consume(ctx, sink)
	}
	return far
}

// The queue of receipts is not in the measured path: a second in it is in no latency and no throughput.
func TestReceiptsAreAuditedAndRepliesAreTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		r := runner(t, `
records: {size: {dist: fixed, bytes: 100B}}
phases: [{name: steady, rate: 400/s, duration: 3s}]
consumer: {work: 200ms}
faults: [{kind: slow_consumer, by: 300ms}, {kind: consumer_crash, at: 1s}]
trials: {warmup: 0s, drain: 60s}
`, b)
		got := run(t, r, aside(b, 5*time.Second))
		if !got.Valid || got.Audit.OK != got.Audit.Sent || got.Audit.Sent < 1000 {
			t.Errorf("%d of %d ok, invalid because %q, %q", got.Audit.OK, got.Audit.Sent, got.Because, got.Unexpected)
		}
		p := got.Phases[0]
		if p.Processed != p.Offered || p.HDR.Processed != p.HDR.Accept || p.DrainSeconds > 0.02 {
			t.Errorf("%d of %d processed, at most %v after the intended arrival, drained in %v s; want all as they were accepted, at most %v after it",
				p.Processed, p.Offered, p.Latency.Processed.Max, p.DrainSeconds, p.Latency.Accept.Max)
		}
		if p.ProcessedRate != p.AcceptedRate {
			t.Errorf("%v a second were processed, want the %v that were accepted", p.ProcessedRate, p.AcceptedRate)
		}
		if n := got.Faults[slowConsumer] + got.Faults[consumerCrash]; n > 0 {
			t.Errorf("faults of a consumer struck receipts %d times", n)
		}
	})
}

// What a search measures is not in the queue of receipts either.
func TestAProbeTimesReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		probe, err := runner(t, steady, b).Probe(t.Context(), aside(b, 5*time.Second), 0)
		if err != nil {
			t.Fatal(err)
		}
		p, err := probe.Open(t.Context(), 400, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if p.HDR.Processed != p.HDR.Accept {
			t.Errorf("processed %v after the intended arrival, want %v as accepted", p.Latency.Processed.Max, p.Latency.Accept.Max)
		}
		if err := probe.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A record without a receipt was accepted all the same, and is lost.
func TestARecordWithoutAReceiptIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		b.change = func(n int, d readback.Delivery) []readback.Delivery {
			if n%1000 == 500 {
				return nil
			}
			return []readback.Delivery{d}
		}
		start := time.Now()
		got := run(t, runner(t, steady, b), aside(b, 0))
		if got.Valid || got.Audit.Lost != 1 || len(got.Unexpected) != 1 || !strings.HasPrefix(got.Unexpected[0], "lost is 1") {
			t.Errorf("valid %v, lost %d, unexpected %q; want 1 lost, and said so", got.Valid, got.Audit.Lost, got.Unexpected)
		}
		if p := got.Phases[0]; p.Processed != p.Offered || p.DrainSeconds > 0.02 {
			t.Errorf("%d of %d processed, drained in %v s; want all that were answered, at once", p.Processed, p.Offered, p.DrainSeconds)
		}
		if took := time.Since(start); took < 60*time.Second || took > 70*time.Second {
			t.Errorf("the trial took %v, want the 60 s of drain and a little more", took)
		}
	})
}

// A queue dates messages to the millisecond, and hands them out in any order: what came in one millisecond is in order.
func TestReceiptsAreInTheOrderOfTheirDates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			round time.Duration
			late  int // the records from here to there are dated after those behind them
			want  bool
		}{
			"by the clock of the queue":   {time.Millisecond, 0, false},
			"in one and the same moment":  {time.Hour, 0, false},
			"one is later than its peers": {time.Millisecond, 500, true},
		} {
			b := newBroker()
			b.consumers = 1
			var held []readback.Delivery
			b.change = func(n int, d readback.Delivery) []readback.Delivery {
				d.Arrived = time.Now().Truncate(c.round)
				if c.late > 0 && n == c.late {
					d.Arrived = d.Arrived.Add(time.Second)
				}
				if held = append(held, d); len(held) < 10 {
					return nil
				}
				out := held
				held = nil
				for i := range out[:len(out)/2] {
					out[i], out[len(out)-1-i] = out[len(out)-1-i], out[i]
				}
				return out
			}
			far := aside(b, 0)
			far.Consume = func(ctx context.Context, sink *Sink) error {
				for {
					select {
					case d := <-b.queue:
						_ = sink.Handle(ctx, d)
					case <-ctx.Done():
						return nil
					}
				}
			}
			got := run(t, runner(t, "phases: [{name: steady, rate: 400/s, arrivals: constant, duration: 2500ms}]\ntrials: {warmup: 0s, drain: 60s}\n", b), far)
			if reordered := got.Audit.Reordered > 0; reordered != c.want || got.Audit.OK != got.Audit.Sent {
				t.Errorf("%s: %d reordered, %d of %d ok; want some reordered: %v", name, got.Audit.Reordered, got.Audit.OK, got.Audit.Sent, c.want)
			}
		}
	})
}
