package trial

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/bench/audit"
	"sluice/bench/clock"
	"sluice/bench/cost"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/workload"
	"sluice/internal/readback"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// A broker is a destination in virtual time: it takes records after latency, and hands each of them to one of consumers.
type broker struct {
	latency   time.Duration
	consumers int
	change    func(n int, d readback.Delivery) []readback.Delivery // what comes of the nth record, from 0; nil: the record

	mu    sync.Mutex
	n     int
	queue chan readback.Delivery
}

func newBroker() *broker {
	return &broker{latency: 5 * time.Millisecond, consumers: 4, queue: make(chan readback.Delivery, 1<<20)}
}

func (b *broker) Capabilities() transport.Capabilities { return transport.Capabilities{MaxRecords: 10} }
func (b *broker) Size(r transport.Record) int          { return len(r.Body) }
func (b *broker) Close() error                         { return nil }

func (b *broker) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	time.Sleep(b.latency)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range recs {
		d := readback.Delivery{Record: r, MessageID: fmt.Sprint(b.n), Receives: 1}
		all := []readback.Delivery{d}
		if b.change != nil {
			all = b.change(b.n, d)
		}
		for _, d := range all {
			b.queue <- d
		}
		b.n++
	}
	return transporttest.Accept()(ctx, recs)
}

// farEnd is b as a far end.
func (b *broker) farEnd() *FarEnd {
	return &FarEnd{
		Target: result.Target{Transport: "sqs", Kind: result.StandIn},
		Option: cost.SQSStandard,
		Consume: func(ctx context.Context, sink *Sink) error {
			var all sync.WaitGroup
			for range b.consumers {
				all.Go(func() {
					for {
						select {
						case d := <-b.queue:
							d.Arrived = time.Now()
							if sink.Handle(context.WithoutCancel(ctx), d) != nil {
								d.Receives++
								b.queue <- d
							}
						case <-ctx.Done():
							return
						}
					}
				})
			}
			all.Wait()
			return nil
		},
		Backlog: func(context.Context) (int, error) { return len(b.queue), nil },
	}
}

// runner runs trials of the workload in the text, to tr, within this process.
// An idle sender has cost nothing: what the machine does beside a bubble of virtual time is no part of a test.
type idle struct{ sender *load.Sender }

func (idle) Close() {}

func (i idle) Send(ctx context.Context, p load.Phase) (load.Report, error) {
	r := i.sender.Send(ctx, p)
	r.Cost.CPU, r.Cost.GCPauseP99 = 0, 0
	return r, nil
}

func runner(t *testing.T, text string, tr transport.Transport) *Runner {
	t.Helper()
	w, err := workload.Parse([]byte("workload: 1\ntransports: [sqs]\n" + text))
	if err != nil {
		t.Fatal(err)
	}
	pool, err := w.Pool(nil)
	if err != nil {
		t.Fatal(err)
	}
	book, err := cost.LoadBook(w.PriceBook)
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{Run: "run", Workload: w, Pool: pool, Clock: clock.New(), Book: book, Patience: w.Trials.Drain}
	r.Sender = func(_ context.Context, _ *FarEnd, number int) (Sender, error) {
		return idle{&load.Sender{Transport: tr, Clock: r.Clock, Record: func(seq int) transport.Record {
			body := pool.Body(seq)
			return transport.Record{ID: audit.ID("run", number, seq, body), Key: pool.Key(seq), Body: body}
		}}}, nil
	}
	return r
}

func run(t *testing.T, r *Runner, far *FarEnd) result.Trial {
	t.Helper()
	got, err := r.Trial(t.Context(), far, 1, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

const steady = `
records: {size: {dist: fixed, bytes: 100B}}
phases: [{name: steady, rate: 400/s, duration: 3s}]
trials: {warmup: 500ms, drain: 60s}
`

func TestAHealthyTrialCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		got := run(t, runner(t, steady, b), b.farEnd())
		if !got.Valid || len(got.Because)+len(got.Unexpected) > 0 {
			t.Errorf("it is invalid: %q, %q", got.Because, got.Unexpected)
		}
		p := got.Phases[0]
		// The warm-up is audited, and billed, and not measured.
		if got.Audit.Sent != p.Offered+200 || got.Audit.OK != got.Audit.Sent || p.Latency.Accept.N != int64(p.Offered) || p.Processed != p.Offered {
			t.Errorf("audited %d, ok %d, offered %d, measured %d, processed %d", got.Audit.Sent, got.Audit.OK, p.Offered, p.Latency.Accept.N, p.Processed)
		}
		if got.Attempts < got.Audit.Sent/10 {
			t.Errorf("%d attempts, want those of the warm-up too", got.Attempts)
		}
		if p.Sent != p.Offered || p.Requests < p.Sent/10 || p.Requests > got.Attempts-200/10 {
			t.Errorf("%d records sent in %d of %d requests, want %d without those of the warm-up", p.Sent, p.Requests, got.Attempts, p.Offered)
		}
		if p50 := p.Latency.Accept.P50; p50 == nil || *p50 < 4.9 || *p50 > 5.1 {
			t.Errorf("accept p50 is %v, want 5 ms", p50)
		}
		for _, c := range p.Checks {
			if !c.OK {
				t.Errorf("check %s: %s", c.Name, c.Text)
			}
		}
	})
}

// R5: mqperf's row of 50 threads sent 22,687 messages a second and received 14,423, and printed a latency of 60,000 ms.
func TestMoreOfferedThanConsumedIsUnstable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		r := runner(t, `
records: {size: {dist: fixed, bytes: 100B}}
phases: [{name: overload, rate: 22687/s, duration: 2s}]
consumer: {work: 1ms}
trials: {warmup: 0s, drain: 60s}
`, b)
		b.consumers = 14 // 14,000 a second
		got := run(t, r, b.farEnd())
		if got.Valid || len(got.Because) != 1 || !strings.HasPrefix(got.Because[0], "overload: unstable: ") {
			t.Fatalf("valid %v, because %q; want it unstable, and nothing else", got.Valid, got.Because)
		}
		t.Log(got.Because[0])
		if got.Audit.OK != got.Audit.Sent {
			t.Errorf("%d of %d records are accounted for", got.Audit.OK, got.Audit.Sent)
		}
	})
}

// A harness that forgets a receipt in a thousand has to be caught by its own audit.
func TestAForgottenReceiptIsALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		b.change = func(n int, d readback.Delivery) []readback.Delivery {
			if n%1000 == 500 {
				return nil
			}
			return []readback.Delivery{d}
		}
		got := run(t, runner(t, steady, b), b.farEnd())
		if got.Valid || got.Audit.Lost == 0 || got.Audit.Lost > 3 || len(got.Unexpected) != 1 || !strings.HasPrefix(got.Unexpected[0], "lost is ") {
			t.Errorf("valid %v, lost %d, unexpected %q; want 1 or 2 lost, and said so", got.Valid, got.Audit.Lost, got.Unexpected)
		}
	})
}

func TestCopiesOfEarlierTrialsAreNoGhosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		r := runner(t, steady, b)
		b.change = func(n int, d readback.Delivery) []readback.Delivery {
			if n != 700 {
				return []readback.Delivery{d}
			}
			earlier, other := d, d
			earlier.Record.ID, other.Record.ID = audit.ID("run", 0, 3, nil), audit.ID("another", 0, 3, nil)
			return []readback.Delivery{d, earlier, other}
		}
		got := run(t, r, b.farEnd())
		if got.Audit.Ghosts != 1 {
			t.Errorf("%d ghosts, want 1: what another run has sent", got.Audit.Ghosts)
		}
		if len(got.Because) != 1 || !strings.HasPrefix(got.Because[0], "1 copies of earlier trials came in: ") {
			t.Errorf("invalid because %q", got.Because)
		}
	})
}

// A service may do by itself what only a fault makes a stand-in do.
func TestOnlyOwnFarEndsAreAsScripted(t *testing.T) {
	t.Parallel()
	for kind, valid := range map[string]bool{result.StandIn: false, result.Embedded: false, result.AWS: true, result.Remote: true, result.Local: true} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBroker()
				b.change = func(n int, d readback.Delivery) []readback.Delivery {
					if n == 300 {
						return []readback.Delivery{d, d}
					}
					return []readback.Delivery{d}
				}
				far := b.farEnd()
				far.Target.Kind = kind
				got := run(t, runner(t, steady, b), far)
				if got.Audit.Duplicates.Transport != 1 || got.Valid != valid {
					t.Errorf("%d duplicates by the transport, valid %v (%q); want 1, %v", got.Audit.Duplicates.Transport, got.Valid, got.Unexpected, valid)
				}
			})
		})
	}
}

func TestFaultsOfTheConsumer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults string
		kind   string
		fired  [2]int // bounds
		check  func(result.Trial) string
	}{
		"slow in two spells": {"{kind: slow_consumer, at: 1s, for: 500ms, by: 30ms}, {kind: slow_consumer, at: 2s, for: 500ms, by: 30ms}",
			slowConsumer, [2]int{300, 500}, func(got result.Trial) string {
				if p99 := *got.Phases[0].Latency.Processed.P99; p99 < 30 {
					return fmt.Sprintf("processed p99 is %.1f ms, want over 30", p99)
				}
				return ""
			}},
		"two crashes": {"{kind: consumer_crash, at: 1s}, {kind: consumer_crash, at: 2s}",
			consumerCrash, [2]int{20, 20}, func(got result.Trial) string {
				if got.Audit.Duplicates.Redelivery != 20 {
					return fmt.Sprintf("%d redeliveries, want 20: a batch of ten for each crash", got.Audit.Duplicates.Redelivery)
				}
				return ""
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBroker()
				b.consumers = 32
				got := run(t, runner(t, steady+"faults: ["+c.faults+"]\n", b), b.farEnd())
				if !got.Valid {
					t.Errorf("it is invalid: %q, %q", got.Because, got.Unexpected)
				}
				if n := got.Faults[c.kind]; n < c.fired[0] || n > c.fired[1] {
					t.Errorf("%s struck %d times, want %d to %d", c.kind, n, c.fired[0], c.fired[1])
				}
				if wrong := c.check(got); wrong != "" {
					t.Error(wrong)
				}
			})
		})
	}
}

func TestAFaultThatCannotBeScriptedIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		r := runner(t, steady+"faults: [{kind: stall, at: 1s, for: 1s}]\n", b)
		_, err := r.Trial(t.Context(), b.farEnd(), 1, 0, 0)
		if err == nil || err.Error() != "sqs has no stall to script: only the stand-in does; leave the fault out, or the transport" {
			t.Errorf("got %v", err)
		}
	})
}

// The rate of a closed phase is over the time in which it sent.
func TestAClosedPhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		got := run(t, runner(t, `
records: {size: {dist: fixed, bytes: 100B}}
phases: [{name: max, closed: true, concurrency: [1, 8], duration: 1s}]
trials: {warmup: 500ms, drain: 60s}
`, b), b.farEnd())
		if !got.Valid || len(got.Phases) != 2 {
			t.Fatalf("%d phases, invalid because %q, %q", len(got.Phases), got.Because, got.Unexpected)
		}
		for i, want := range []float64{2000, 16000} { // ten records every 5 ms, of each sender
			if rate := got.Phases[i].AcceptedRate; rate < 0.99*want || rate > 1.01*want {
				t.Errorf("concurrency %d: %.0f a second, want %.0f", got.Phases[i].Concurrency, rate, want)
			}
		}
	})
}

// What connections and caches cost at first is that of the phases that latencies are taken of.
func TestTheWarmUpIsLikeTheFirstOpenPhase(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		phases string
		want   int // records of the warm-up
	}{
		"open behind closed": {"{name: max, closed: true, concurrency: [1], duration: 1s}, {name: steady, rate: 100/s, duration: 1s}", 50},
		"closed only":        {"{name: max, closed: true, concurrency: [2], duration: 1s}, {name: more, closed: true, concurrency: [4], duration: 1s}", 2000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBroker()
				r := runner(t, "phases: ["+c.phases+"]\ntrials: {warmup: 500ms, drain: 60s}\n", b)
				got := run(t, r, b.farEnd())
				for _, p := range got.Phases {
					got.Audit.Sent -= p.Offered
				}
				if got.Audit.Sent != c.want {
					t.Errorf("%d records were sent to warm up, want %d", got.Audit.Sent, c.want)
				}
			})
		})
	}
}

func TestAnInterruptedTrialIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		if _, err := runner(t, steady, b).Trial(ctx, b.farEnd(), 1, 0, 0); err == nil {
			t.Error("the trial counts")
		}
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("it took %v to end", took)
		}
	})
}
