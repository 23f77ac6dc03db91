package ingest

import (
	"context"
	"errors"

	"sluice/internal/fault"
	"sluice/transport"
)

// A tally is how many items have met each fate.
type tally struct{ accepted, setAside, filtered int }

// settle sees to it that every item is accepted by the destination, left out by the filter, or durably set aside, and
// returns nil only then (I1).
func (r *run) settle(ctx context.Context, batch Batch) error {
	again := r.p.again.Next()
	b, err := backlogOf(ctx, batch, r.p.Parse)
	if err != nil {
		return err
	}
	var sum tally
	alarm := &trouble{part: PartDeadLetter}
	for !b.empty() {
		now, probe := b.wave(r.p.Ordered), false
		if len(now) == 0 { // all that is left is held, or comes after what is
			switch err := r.guard.turn(ctx, r.drain, again); {
			case err == nil:
				now, probe = b.probe(r.p.Parse), true
			case errors.Is(err, errHealed):
				if err := b.release(ctx, r.p.Parse); err != nil {
					return err
				}
				continue
			default:
				return err
			}
		}
		again = r.p.again.Next()
		refused, err := r.attempt(ctx, batch, now, probe, &sum)
		if err != nil && !isMass(err) {
			return err
		}
		b.hold(refused)
		if probe && err == nil {
			if err := b.release(ctx, r.p.Parse); err != nil {
				return err
			}
		}
		if err != nil {
			r.troubles.begin(alarm, err)
		} else if len(b.held) == 0 {
			r.troubles.end(alarm)
		}
		if err != nil && r.p.Once {
			return err
		}
	}
	if f := r.p.Observe.Settled; f != nil {
		f(sum.accepted, sum.setAside, sum.filtered)
	}
	return nil
}

// attempt delivers entries and sets aside what is refused. It returns those that have to be tried again, together
// with the alarm if the guard would not let it set them aside; any other error leaves them unsettled.
func (r *run) attempt(ctx context.Context, batch Batch, entries []*entry, probe bool, sum *tally) (refused []*entry, alarm error) {
	before := r.guard.over()
	if err := r.deliver(ctx, entries); err != nil {
		return nil, err
	}
	for _, e := range entries {
		switch {
		case e.fate == nil && len(e.records) == 0:
			sum.filtered++
			continue
		case e.fate == nil:
			sum.accepted++
			r.guard.pass(probe)
			continue
		}
		if !probe && r.guard.over() != before { // I4: it is tried again
			refused = append(refused, e)
			continue
		}
		err := r.setAside(ctx, batch, e, probe)
		switch {
		case err == nil:
			sum.setAside++
		case isMass(err):
			refused, alarm = append(refused, e), err
		default:
			return nil, err
		}
	}
	return refused, alarm
}

// deliver sends the records of entries until each entry has a fate: it is refused, or nothing of it is left. If ordered,
// those of one entry travel one after the other, and what comes after one that is refused does not travel.
func (r *run) deliver(ctx context.Context, entries []*entry) error {
	for {
		recs, from := make([]transport.Record, 0, len(entries)), make([]*entry, 0, len(entries))
		for _, e := range entries {
			for _, rec := range e.next(r.p.Ordered) {
				recs, from = append(recs, rec), append(from, e)
			}
		}
		if len(recs) == 0 {
			return nil
		}
		for i, res := range r.p.Deliverer.Deliver(ctx, recs) {
			if res.Err != nil && !fault.Is(res.Err, fault.Rejected) {
				return res.Err
			}
			from[i].settle(recs[i], res.Err) // I3: to each its own
		}
	}
}

// setAside makes an item and the reason durable, as often as it takes, unless the guard forbids it.
func (r *run) setAside(ctx context.Context, batch Batch, e *entry, probe bool) error {
	if err := r.guard.mayPut(e.fate, probe); err != nil {
		return err
	}
	aside := Refused{Item: e.item, Stage: e.stage, Reason: e.fate}
	if batch.Position != nil {
		aside.Position = batch.Position(e.place)
	}
	err := r.insist(ctx, PartDeadLetter, func() error { return r.p.DeadLetter.Put(ctx, aside) })
	if f := r.p.Observe.SetAside; f != nil && err == nil {
		f(e.fate)
	}
	return err
}

// isMass reports whether the guard has tripped.
func isMass(err error) bool {
	var e *fault.Error
	return errors.As(err, &e) && e.Reason == reasonMass
}

// reasonMass is the reason code of a tripped guard.
const reasonMass = "mass_dead_letters"
