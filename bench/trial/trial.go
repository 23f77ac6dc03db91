package trial

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"sluice/bench/audit"
	"sluice/bench/clock"
	"sluice/bench/cost"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/workload"
)

// A Runner runs the trials of one run.
type Runner struct {
	Run      string
	Workload *workload.Workload
	Pool     *workload.Pool
	Clock    clock.Clock
	Book     *cost.Book
	// Sender starts a sender for one trial.
	Sender func(ctx context.Context, far *FarEnd, trial int) (Sender, error)
	// Patience is how long a sender may take to get its last records settled, and the consumer to see what was accepted.
	Patience time.Duration
}

const (
	settled = 150 * time.Millisecond // after the last expected copy, in which one more would be seen
	// maxClosed is the most records that a closed phase sends, so that memory is bounded: a gigabyte or so. The null target,
	// which takes millions a second, gets fewer.
	maxClosed, maxNull = 2_000_000, 200_000
)

// a trial under way.
type trial struct {
	*Runner
	far    *FarEnd
	number int
	pair   int
	sink   *Sink
	sender Sender
	begun  int64
	next   int // sequence number
	sent   []audit.Sent
	phases []measured
	warmed []measured // audited and billed, and not measured

	invalid []string // why it does not count, beside what its phases say
}

// Trial delivers all phases through far, once. An error means that the run cannot go on; a trial that does not count
// says so in its result.
func (r *Runner) Trial(ctx context.Context, far *FarEnd, number, pair, slot int) (result.Trial, error) {
	t := &trial{Runner: r, far: far, number: number, pair: pair, begun: r.Clock.Now()}
	out := result.Trial{Pair: pair, Slot: slot, Transport: far.Target.Transport, Started: time.Now().UTC(),
		Because: []string{}, Unexpected: []string{}, Faults: map[string]int{}, Errors: map[string]int{}}
	var err error
	if t.sender, err = r.Sender(ctx, far, number); err != nil {
		return out, err
	}
	defer t.sender.Close()
	stop, err := t.consume(ctx)
	if err != nil {
		return out, err
	}
	err = t.run(ctx, &out)
	if stopped := stop(); err == nil {
		err = stopped
	}
	if err != nil {
		return out, err
	}
	return out, t.reckon(&out)
}

// run warms up and sends the phases.
func (t *trial) run(ctx context.Context, out *result.Trial) error {
	if err := t.warmUp(ctx); err != nil {
		return err
	}
	if err := t.arm(); err != nil {
		return err
	}
	for i, p := range t.Workload.Phases {
		for _, step := range t.steps(i, p) {
			if err := t.phase(ctx, step, true); err != nil {
				return err
			}
		}
	}
	out.Seconds = time.Duration(t.Clock.Now() - t.begun).Seconds()
	if err := t.disarm(out); err != nil {
		return err
	}
	return t.leftOver(ctx)
}

// steps are what a phase of the workload is sent as: one for an open phase, one for each concurrency of a closed one.
func (t *trial) steps(index int, p workload.Phase) []measured {
	batching := t.batching()
	base := load.Phase{MaxRecords: batching.MaxRecords, Linger: batching.Linger, Patience: t.Patience, MaxRate: t.Workload.Budget.MaxRPS}
	switch p.Kind {
	case workload.Open:
		base.Due = t.Workload.Arrivals(index, t.pair)
		return []measured{{name: p.Name, kind: "open", sent: base, length: p.Duration, cold: p.ExpectCold,
			calm: len(t.Workload.Faults) == 0 && !p.ExpectCold}}
	case workload.Closed:
		var all []measured
		most := maxClosed
		if t.far.Target.Kind == result.Null {
			most = maxNull
		}
		for _, n := range p.Concurrency {
			base.Concurrency, base.For, base.Most, base.Linger = n, p.Duration, most, 0
			all = append(all, measured{name: p.Name, kind: "closed", concurrency: n, sent: base, length: p.Duration})
		}
		return all
	}
	return nil // searches are no part of a trial
}

// batching is that of the transport, or else of the workload.
func (t *trial) batching() workload.Batching {
	for _, side := range t.Workload.Transports {
		if side.Name == t.far.Target.Transport && side.Batching != nil {
			return *side.Batching
		}
	}
	return t.Workload.Batching
}

// warmUp sends at the rate of the first open phase or, if there is none, with the concurrency of the first closed one, and
// keeps no numbers: its records are audited all the same.
func (t *trial) warmUp(ctx context.Context) error {
	length := t.Workload.Trials.Warmup
	if length <= 0 {
		return nil
	}
	var like *measured
	var rate float64
	for i, p := range t.Workload.Phases {
		if p.Kind == workload.Search || like != nil && p.Kind == workload.Closed {
			continue
		}
		like, rate = &t.steps(i, p)[0], p.Rate()
		if p.Kind == workload.Open {
			break
		}
	}
	if like == nil {
		return nil
	}
	like.name, like.length, like.sent.For = "warm-up", length, length
	if like.kind == "open" {
		like.sent.Due = even(rate, length)
	}
	return t.phase(ctx, *like, false)
}

// even spaces arrivals evenly.
func even(rate float64, length time.Duration) []time.Duration {
	due := make([]time.Duration, 0, int(rate*length.Seconds())+1)
	for i := 0; ; i++ {
		at := time.Duration(float64(i) / rate * float64(time.Second))
		if at >= length {
			return due
		}
		due = append(due, at)
	}
}

// phase has one phase sent and waits until the consumer has seen what was accepted of it.
func (t *trial) phase(ctx context.Context, m measured, keep bool) error {
	m.sent.First, m.begun, m.dwells = t.next, t.begun, t.far.dwells()
	var err error
	if m.report, err = t.sender.Send(ctx, m.sent); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx) // it was cut short
	}
	m.sent.Start = m.report.Start
	if m.kind == "closed" {
		m.length = time.Duration(m.report.Ended - m.report.Start) // less if the phase sent all that it may
	}
	t.next += len(m.report.Entries)
	var accepted []int
	for i, e := range m.report.Entries {
		seq := m.sent.First + i
		t.sent = append(t.sent, audit.Sent{Seq: seq, Key: t.Pool.Key(seq), Fate: e.Fate, Attempts: int(e.Attempts), Unknown: int(e.Unknown)})
		if e.Fate == audit.Accepted {
			accepted = append(accepted, seq)
		}
	}
	if t.far.Consume != nil {
		t.sink.Wait(ctx, accepted, t.Patience) // what is missing is the audit's business
	}
	if keep {
		t.phases = append(t.phases, m)
	} else {
		t.warmed = append(t.warmed, m)
	}
	return nil
}

// arm lets the faults of the workload loose: their times count from now, for the consumer too.
func (t *trial) arm() error {
	t.sink.Begin(t.Clock.Now())
	faults := slices.DeleteFunc(slices.Clone(t.Workload.Faults), func(f workload.Fault) bool { return ofConsumer(f.Kind) })
	if len(faults) == 0 {
		return nil
	}
	if err := t.far.Allows(faults); err != nil {
		return err
	}
	return t.far.Arm(faults, t.Workload.Seed+uint64(t.pair))
}

// disarm notes how often each kind of fault of the workload has struck, and ends them: what is left of the trial, and the
// warm-up of the next, are none of theirs.
func (t *trial) disarm(out *result.Trial) error {
	fired := t.sink.Fired()
	if t.far.Fired != nil {
		maps.Copy(fired, t.far.Fired())
	}
	for _, f := range t.Workload.Faults {
		out.Faults[f.Kind] = fired[f.Kind]
	}
	if t.far.Arm == nil {
		return nil
	}
	return t.far.Arm(nil, 0)
}

// consume starts the consumer. stop ends it and returns what it failed of.
func (t *trial) consume(ctx context.Context) (stop func() error, err error) {
	t.sink = NewSink(t.Run, t.number, t.Clock, t.work())
	if t.far.Consume == nil {
		return func() error { return nil }, nil
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- t.far.Consume(ctx, t.sink) }()
	return func() error {
		timer := time.NewTimer(settled)
		defer timer.Stop()
		select {
		case err := <-done:
			cancel()
			return errors.Join(errors.New("the consumer ended by itself"), err)
		case <-timer.C:
		}
		cancel()
		return <-done
	}, nil
}

// The faults of the consumer, which this package makes itself.
const (
	slowConsumer  = "slow_consumer"
	consumerCrash = "consumer_crash"
)

func ofConsumer(kind string) bool { return kind == slowConsumer || kind == consumerCrash }

// work is what the consumer does, its own faults included.
func (t *trial) work() Work {
	if t.far.Receipts {
		return Work{}
	}
	w := Work{For: t.Workload.Consumer.Work}
	for _, f := range t.Workload.Faults {
		switch f.Kind {
		case slowConsumer:
			w.Slow = append(w.Slow, Spell{At: f.At, For: f.For, More: f.By})
		case consumerCrash:
			w.Crashes, w.Crash = append(w.Crashes, f.At), cmp.Or(t.far.InHand, t.Workload.Consumer.Batch)
		}
	}
	return w
}
