package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/transport"
)

// A Pipeline moves records from a Source to a destination and never loses one. Its fields must not change while it runs.
type Pipeline struct {
	Source     Source
	Parse      Parser
	Deliverer  *transport.Deliverer // of this Pipeline alone: it is finished when ctx ends
	Checkpoint Checkpoint
	DeadLetter DeadLetter

	InFlight int            // batches being delivered at once; 0: 1
	Idle     time.Duration  // between two Reads when the source is caught up; 0: one second
	Drain    time.Duration  // at most, for what is in flight when ctx ends; 0: none, it is abandoned and read again next time
	Backoff  backoff.Policy // between failed Reads, Saves and Puts
	Probe    time.Duration  // between two tries of what is Blocked; 0: one minute

	// Ordered delivers the records of a Key in the order of the source: of each Key one at a time, the next when it is
	// accepted or durably set aside, and one batch after the other whatever InFlight is. What comes again, after an
	// unknown outcome or a crash, may come late.
	Ordered bool

	// MaxDeadShare is the share of the last 1,000 records that may be set aside, 0 to 1, before delivery pauses: a mass
	// of refused records is a broken destination and not bad data. 0: 0.05. From 1 on nothing pauses.
	MaxDeadShare float64

	// Once ends Run when the source is caught up. Then nothing waits for a person either: what is Blocked, or fails for
	// longer than Patience (0: 15 s), ends Run with its error. The Deliverer needs a Patience of its own for this.
	Once     bool
	Patience time.Duration

	Observe Observer

	again backoff.Nudge // by TryNow
}

// TryNow has whatever waits for its next try tried at once: something may have been mended. What a peer asked for is kept to.
func (p *Pipeline) TryNow() {
	p.again.All()
	p.Deliverer.TryNow()
}

// A Part is one of the things that a Pipeline depends on.
type Part string

// The parts of a Pipeline that can be in trouble.
const (
	PartSource      Part = "source"
	PartDestination Part = "destination"
	PartCheckpoint  Part = "checkpoint"
	PartDeadLetter  Part = "deadletter"
)

// An Observer is told what a Pipeline does. Every function may be nil, is called concurrently, and must be quick.
type Observer struct {
	Read     func(items, bytes int, took time.Duration, err error) // after every Read
	Settled  func(accepted, setAside, filtered int)                // after every batch, in items
	SetAside func(reason error)                                    // after every dead letter
	Saved    func(Cursor)                                          // after every Save
	Trouble  func(part Part, err error)                            // part is in trouble; nil: it is well (again)
}

const (
	defaultIdle     = time.Second
	defaultProbe    = time.Minute
	defaultPatience = 15 * time.Second
	defaultShare    = 0.05
)

// ErrUnsettled is returned by Run when it was asked to stop and Drain was over before everything in flight was settled and
// the cursor saved, or when nothing that is left could be tried again before its end. Nothing is lost: the records will be read again.
var ErrUnsettled = errors.New("stopped before everything in flight was settled; it will be read again")

// Run loads the cursor and moves records until ctx ends, the source ends, or, with Once, the source is caught up. Then
// it stops reading, lets what is in flight finish, and returns nil, or ErrUnsettled if Drain was too short. Any other
// error means that it could not go on. Run may be called once.
func (p *Pipeline) Run(ctx context.Context) error {
	cursor, err := p.Checkpoint.Load(ctx)
	if err != nil {
		return err
	}
	soft, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	hard, abandon := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abandon(nil)
	r := &run{p: p, stop: stop, abandon: abandon, slots: make(chan struct{}, p.inFlight()), saving: make(chan struct{}, 1), drain: newDrain(),
		troubles: troubles{tell: p.Observe.Trouble}, telling: trouble{part: PartSource},
		guard: guard{share: or(p.MaxDeadShare, defaultShare), probe: or(p.Probe, defaultProbe)}}
	defer context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(p.Drain, func() { abandon(ErrUnsettled) })
		context.AfterFunc(hard, func() { timer.Stop() })
		end := time.Now().Add(p.Drain)
		r.drain.begin(end)
		p.Deliverer.Finish(end)
	})()
	if err = r.tell(hard, cursor); err == nil {
		err = r.read(soft, hard, cursor)
	}
	r.wg.Wait()
	switch {
	case r.failure != nil:
		return r.failure
	case err != nil && ctx.Err() == nil:
		return err
	case r.tracker.unsaved() > 0:
		return ErrUnsettled
	}
	return nil
}

// inFlight is the number of batches that are delivered at once.
func (p *Pipeline) inFlight() int {
	if p.Ordered {
		return 1 // a Key may occur in any of them
	}
	return max(1, p.InFlight)
}

// A run is the state of one Run.
type run struct {
	p       *Pipeline
	tracker tracker
	guard   guard
	slots   chan struct{} // I5: one token per batch that has been read and whose cursor is not saved
	wg      sync.WaitGroup
	drain   *drain

	troubles troubles
	stop     context.CancelCauseFunc
	abandon  context.CancelCauseFunc

	once    sync.Once
	failure error // why a batch could not be settled although nobody asked to stop

	saving  chan struct{} // holds one token while a Save is under way, however long that takes
	untold  Cursor        // what the source could not act on yet; empty: none. Whoever holds the token may use it
	telling trouble       // with that
}

// read is the straight line: batch after batch, until soft ends or the source does. Delivery goes on in the background
// until hard ends.
func (r *run) read(soft, hard context.Context, cursor Cursor) error {
	for {
		batch, ended, err := r.next(soft, cursor)
		if err != nil || ended {
			return err
		}
		nothing := len(batch.Items) == 0 && batch.Next == cursor
		if !nothing {
			select { // I5: when sending stops, reading stops
			case r.slots <- struct{}{}:
			case <-soft.Done():
				return nil
			}
			s := r.tracker.add(batch.Next)
			r.wg.Go(func() { r.finish(hard, s, batch) })
			cursor = batch.Next
		}
		if !batch.CaughtUp && !nothing {
			continue
		}
		if r.p.Once {
			return nil
		}
		r.tellAgain(hard)
		if backoff.Sleep(soft, or(r.p.Idle, defaultIdle)) != nil {
			return nil
		}
	}
}

// next reads one batch, as often as it takes; ended says that the source will never have more.
func (r *run) next(ctx context.Context, after Cursor) (batch Batch, ended bool, err error) {
	err = r.insist(ctx, PartSource, func() error {
		start := time.Now()
		var err error
		batch, err = r.p.Source.Read(ctx, after)
		switch {
		case err == io.EOF: //nolint:errorlint // one that is wrapped tells of a broken connection
			ended, err = true, nil
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && len(batch.Items) > 0 && batch.Next == after: // or the same items would be delivered for ever
			err = &fault.Error{Class: fault.Blocked, Reason: "cursor_stands", Op: "read", Err: fmt.Errorf(
				"the source returned %d items and the cursor that they were read from", len(batch.Items))}
		}
		if f := r.p.Observe.Read; f != nil {
			bytes := 0
			for _, item := range batch.Items {
				bytes += len(item)
			}
			f(len(batch.Items), bytes, time.Since(start), err)
		}
		return err
	})
	return batch, ended, err
}

// finish settles one batch and saves the cursor as far as it goes. If it cannot, it ends the Run; while that drains it is
// no failure, because then nothing waits for what cannot be tried before the end.
func (r *run) finish(hard context.Context, s *slot, batch Batch) {
	err := r.settle(hard, batch)
	if err == nil {
		r.tracker.settle(s)
		err = r.commit(hard)
	}
	if err != nil && hard.Err() == nil && (!r.drain.on() || errors.Is(err, ErrCheckpointTaken)) {
		r.once.Do(func() { r.failure = err })
		r.stop(err)
		if errors.Is(err, ErrCheckpointTaken) {
			r.abandon(err) // another process delivers all of it
		}
	}
}

// commit saves the cursor after the last batch with no unsettled batch before it, and makes room for as many new ones. I2:
// one at a time, always forward. I5: a batch behind one that does not settle keeps its place, or reading would go on
// without end, and all of it would be read again after a crash.
func (r *run) commit(ctx context.Context) error {
	select {
	case r.saving <- struct{}{}:
		defer func() { <-r.saving }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	n, next := r.tracker.head()
	if n == 0 {
		return nil
	}
	err := r.insist(ctx, PartCheckpoint, func() error { return r.p.Checkpoint.Save(ctx, next) })
	if err != nil {
		return err
	}
	r.tracker.saved(n)
	for range n {
		<-r.slots
	}
	if f := r.p.Observe.Saved; f != nil {
		f(next)
	}
	return r.tell(ctx, next)
}

// insist calls try until it succeeds, ctx ends, or, with Once, there is no hope. Between tries it waits for what the fault
// asks for, the backoff, or the next probe.
func (r *run) insist(ctx context.Context, part Part, try func() error) error {
	start := time.Now()
	mine := &trouble{part: part}
	for failures := 1; ; failures++ {
		again := r.p.again.Next()
		err := try()
		if err == nil {
			r.troubles.end(mine)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.troubles.begin(mine, err)
		verdict := fault.From(err)
		stuck := verdict.Class == fault.Blocked || verdict.Class == fault.Rejected // nobody else can mend what is asked here
		wait := r.p.Backoff.After(verdict.RetryAfter, failures)
		if stuck {
			wait = max(or(r.p.Probe, defaultProbe), verdict.RetryAfter)
		}
		if errors.Is(err, ErrCheckpointTaken) || r.p.Once && (stuck || time.Since(start)+wait > or(r.p.Patience, defaultPatience)) {
			return err
		}
		if err := r.drain.pause(ctx, wait, verdict.RetryAfter, again); err != nil {
			return err
		}
	}
}

// or returns v, or fallback where v is not set.
func or[T time.Duration | float64](v, fallback T) T {
	if v > 0 {
		return v
	}
	return fallback
}
