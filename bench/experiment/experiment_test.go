package experiment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/bench/audit"
	"sluice/bench/clock"
	"sluice/bench/cost"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/bench/workload"
	"sluice/transport"
)

// null accepts everything, after a while.
type null struct{ after time.Duration }

func (null) Capabilities() transport.Capabilities { return transport.Capabilities{} }
func (null) Size(r transport.Record) int          { return len(r.Body) }
func (null) Close() error                         { return nil }
func (n null) Send(ctx context.Context, records []transport.Record) []transport.Result {
	ctx, cancel := context.WithTimeout(ctx, n.after)
	defer cancel()
	<-ctx.Done()
	return make([]transport.Result, len(records))
}

const short = `
workload: 1
seed: %d
records: {size: {dist: fixed, bytes: 100B}}
phases:
  - {name: steady, rate: 100/s, arrivals: constant, duration: 100ms}
transports: [memory, sqs, apigateway, jetstream]
trials: {pairs: 5, warmup: 0s, drain: 1s}
budget: {max_usd: 0.10}
`

func parse(t *testing.T, text string) *workload.Workload {
	t.Helper()
	w, err := workload.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// experimentOf has far ends of this kind that accept everything in a millisecond, memory at once. Every trial at one that is billed costs $0.035.
func experimentOf(t *testing.T, w *workload.Workload, kind string) *Experiment {
	t.Helper()
	pool, err := w.Pool(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &trial.Runner{Run: "run", Workload: w, Pool: pool, Clock: clock.New(), Book: cost.DefaultBook(), Patience: time.Second}
	r.Sender = func(_ context.Context, far *trial.FarEnd, number int) (trial.Sender, error) {
		n := null{time.Millisecond}
		if far.Target.Kind == result.Null {
			n.after = 0
		}
		return trial.Inside{Sender: &load.Sender{Transport: n, Clock: r.Clock, Record: func(seq int) transport.Record {
			body := pool.Body(seq)
			return transport.Record{ID: audit.ID("run", number, seq, body), Body: body}
		}}}, nil
	}
	e := &Experiment{Runner: r, Ends: map[string]*trial.FarEnd{}}
	options := map[string]cost.Option{"memory": cost.Memory, "sqs": cost.SQSStandard, "apigateway": cost.REST, "jetstream": cost.JetStream, "rabbitmq": cost.RabbitMQ}
	for _, side := range w.Transports {
		end := &trial.FarEnd{Option: options[side.Name], Target: result.Target{Transport: side.Name, Kind: kind, MaxRecords: 10, Consumer: "reply"}}
		switch side.Name {
		case "memory":
			end.Target.Kind = result.Null
		case "apigateway":
			end.Target.MaxRecords = 1
			end.Units = func(load.Report) cost.Units { return cost.Units{Calls: 10_000} } // at $3.50 for a million
		}
		e.Ends[side.Name] = end
	}
	return e
}

// order is which transport ran in which pair and slot.
func order(f *result.File) (all []string) {
	for _, t := range f.Trials {
		all = append(all, fmt.Sprint(t.Pair, t.Slot, t.Transport))
	}
	return all
}

func TestEveryPairHasEveryTransportOnceInAnOrderDrawnFromTheSeed(t *testing.T) {
	t.Parallel()
	orders := map[int][]string{}
	for _, seed := range []int{1, 1, 2} {
		e, f := experimentOf(t, parse(t, fmt.Sprintf(short, seed)), result.StandIn), &result.File{}
		var told []Event
		e.Told = func(ev Event) { told = append(told, ev) }
		if err := e.Run(t.Context(), f); err != nil || f.Run.Partial != "" {
			t.Fatalf("%v, partial %q", err, f.Run.Partial)
		}
		got := order(f)
		if len(got) != 20 || len(told) != 20 || e.Trials() != 20 {
			t.Fatalf("%d trials, told of %d, announced %d, want 20", len(got), len(told), e.Trials())
		}
		for pair := range 5 {
			names := map[string]bool{}
			for slot, trial := range f.Trials[4*pair : 4*pair+4] {
				want := e.Runner.Workload.Order(pair)[slot].Name
				if names[trial.Transport] = true; trial.Pair != pair || trial.Slot != slot || trial.Transport != want {
					t.Errorf("trial %d is pair %d, slot %d, %s, want %d, %d, %s", 4*pair+slot, trial.Pair, trial.Slot, trial.Transport, pair, slot, want)
				}
			}
			if len(names) != 4 {
				t.Errorf("pair %d has %v, want each transport once", pair, names)
			}
		}
		if earlier := orders[seed]; earlier != nil && !slices.Equal(earlier, got) {
			t.Errorf("seed %d: %v the first time, %v the second", seed, earlier, got)
		}
		orders[seed] = got
		if first, last := told[0], told[19]; first.Done != 1 || first.Left <= 0 || last.Done != 20 || last.Left != 0 {
			t.Errorf("the first event is %d done and %v left, the last %d and %v", first.Done, first.Left, last.Done, last.Left)
		}
	}
	if slices.Equal(orders[1], orders[2]) {
		t.Error("two seeds give the same order of twenty trials")
	}
}

func TestATransportThatIsNotThereTakesNoPart(t *testing.T) {
	t.Parallel()
	e, f := experimentOf(t, parse(t, fmt.Sprintf(short, 1)), result.StandIn), &result.File{}
	delete(e.Ends, "jetstream")
	if err := e.Run(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if len(f.Trials) != 15 || e.Trials() != 15 {
		t.Errorf("%d trials, announced %d, want 15", len(f.Trials), e.Trials())
	}
}

func TestAnInterruptedRunIsPartial(t *testing.T) {
	t.Parallel()
	e, f := experimentOf(t, parse(t, fmt.Sprintf(short, 1)), result.StandIn), &result.File{}
	ctx, cancel := context.WithCancel(t.Context())
	e.Told = func(ev Event) {
		if ev.Done == 3 {
			cancel()
		}
	}
	if err := e.Run(ctx, f); err != nil {
		t.Errorf("error %v, want none: what was finished counts", err)
	}
	if want := "interrupted after 3 of 20 trials"; f.Run.Partial != want || len(f.Trials) != 3 {
		t.Errorf("partial %q with %d trials, want %q with 3", f.Run.Partial, len(f.Trials), want)
	}
}

func TestATrialThatFailsEndsTheRun(t *testing.T) {
	t.Parallel()
	e, f := experimentOf(t, parse(t, fmt.Sprintf(short, 1)), result.StandIn), &result.File{}
	works, gone := e.Runner.Sender, errors.New("the sender is gone")
	e.Runner.Sender = func(ctx context.Context, far *trial.FarEnd, number int) (trial.Sender, error) {
		if number == 4 {
			return nil, gone
		}
		return works(ctx, far, number)
	}
	err := e.Run(t.Context(), f)
	if !errors.Is(err, gone) || !strings.Contains(err.Error(), ", pair 2: ") {
		t.Errorf("error %v, want that of the sender, with transport and pair", err)
	}
	if want := "failed after 4 of 20 trials: the sender is gone"; f.Run.Partial != want || len(f.Trials) != 4 {
		t.Errorf("partial %q with %d trials, want %q with 4", f.Run.Partial, len(f.Trials), want)
	}
}

// TestTheBudgetEndsTheRun: a trial through the gateway costs $0.035, and the budget is $0.10.
func TestTheBudgetEndsTheRun(t *testing.T) {
	t.Parallel()
	for kind, paid := range map[string]bool{result.AWS: true, result.Remote: true, result.StandIn: false, result.Local: false} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			e, f := experimentOf(t, parse(t, fmt.Sprintf(short, 1)), kind), &result.File{}
			if err := e.Run(t.Context(), f); err != nil {
				t.Fatal(err)
			}
			posts := 0
			for _, trial := range f.Trials {
				if trial.Transport == "apigateway" {
					posts++
				}
			}
			if stopped := strings.Contains(f.Run.Partial, "$0.1050 were spent by the prices of the book, and budget.max_usd is $0.10"); stopped != paid {
				t.Errorf("partial %q, want it to be stopped: %v", f.Run.Partial, paid)
			}
			if want := map[bool]int{true: 3, false: 5}[paid]; posts != want {
				t.Errorf("%d trials through the gateway, want %d", posts, want)
			}
		})
	}
}

const searching = `
workload: 1
records: {size: {dist: fixed, bytes: 100B}}
phases:
  - {name: find, search: {slo: "accept.p50 < 500ms", from: 100/s, until: 10%, step: 1s}}
transports: [memory, apigateway, jetstream]
trials: {pairs: 3, warmup: 0s, drain: 1s}
budget: {max_usd: 0.10}
`

func TestASearchNeedsNoTrials(t *testing.T) {
	t.Parallel()
	e, f := experimentOf(t, parse(t, searching), result.StandIn), &result.File{}
	trials, searches := e.Lasts()
	if e.Trials() != 0 || trials != 0 || searches <= 0 {
		t.Errorf("%d trials of %v and searches of %v, want searches only", e.Trials(), trials, searches)
	}
	ctx, cancel := context.WithCancel(t.Context())
	e.Runner.Patience = time.Hour
	e.Ends["apigateway"].Backlog = func(context.Context) (int, error) { return 1, nil } // which nobody waits for after the interrupt
	steps := 0
	e.Stepped = func(string, result.Step) {
		if steps++; steps == 3 {
			cancel()
		}
	}
	if err := e.Run(ctx, f); err != nil {
		t.Fatal(err)
	}
	if f.Run.Partial != "interrupted in the search of apigateway" || len(f.Trials) != 0 || len(f.Searches) != 1 {
		t.Fatalf("partial %q with %d trials and %d searches; want the first search interrupted", f.Run.Partial, len(f.Trials), len(f.Searches))
	}
	if got := f.Searches[0].Steps; len(got) != 3 || got[0].Concurrency != 1 || got[1].Concurrency != 2 || got[2].Concurrency != 4 {
		t.Errorf("steps %+v, want those that were finished", got)
	}
}

func TestTheBudgetEndsASearch(t *testing.T) {
	t.Parallel()
	// Each of the first steps sends some 900 POSTs for each of its senders.
	e, f := experimentOf(t, parse(t, strings.Replace(searching, "max_usd: 0.10", "max_usd: 0.005", 1)), result.AWS), &result.File{}
	if err := e.Run(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(f.Run.Partial, "stopped in the search of apigateway: $") || len(f.Searches) != 1 {
		t.Fatalf("partial %q with the searches %+v; want the first to be stopped", f.Run.Partial, f.Searches)
	}
	if n := len(f.Searches[0].Steps); n < 1 || n > 3 {
		t.Errorf("stopped after %d steps, want about 2 of doubling numbers of senders", n)
	}
}

func TestLasts(t *testing.T) {
	t.Parallel()
	w := parse(t, `
workload: 1
phases:
  - {name: steady, rate: 100/s, duration: 10s}
  - {name: max, closed: true, concurrency: [1, 2, 4], duration: 2s}
  - {name: find, search: {slo: "accept.p50 < 500ms", until: 110%, step: 10s}}
transports: [memory, sqs, apigateway]
trials: {pairs: 6, warmup: 3s}
`)
	trials, searches := experimentOf(t, w, result.AWS).Lasts()
	if want := 18 * (3 + 10 + 6 + 1) * time.Second; trials != want {
		t.Errorf("the trials last %v, want %v: 18 of a warm-up, 16 s of phases, and a second", trials, want)
	}
	// 9 rates, 8 halvings, 15 confirmations and 5 repeats of 10 s, and 8 closed steps of 5 s, through two transports.
	if want := 2 * (37*10 + 8*5) * time.Second; searches != want {
		t.Errorf("the searches last %v, want at most %v", searches, want)
	}
}
