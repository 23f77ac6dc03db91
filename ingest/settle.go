package ingest

import (
	"context"
	"errors"

	"sluice/internal/fault"
	"sluice/transport"
)

// settle sees to it that every item is accepted by the destination or durably set aside, and returns nil only then (I1).
func (r *run) settle(ctx context.Context, items [][]byte) error {
	b := backlogOf(items, r.p.Parse)
	var accepted, setAside int
	alarm := &trouble{part: PartDeadLetter}
	for !b.empty() {
		now, probe := b.wave(r.p.Ordered), false
		if len(now) == 0 { // all that is left is held, or comes after what is
			switch err := r.guard.turn(ctx, r.drain); {
			case err == nil:
				now, probe = b.probe(r.p.Parse), true
			case errors.Is(err, errHealed):
				b.release(r.p.Parse)
				continue
			default:
				return err
			}
		}
		refused, a, s, err := r.attempt(ctx, now, probe)
		accepted, setAside = accepted+a, setAside+s
		if err != nil && !isMass(err) {
			return err
		}
		b.hold(refused)
		if probe && err == nil {
			b.release(r.p.Parse)
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
		f(accepted, setAside)
	}
	return nil
}

// attempt delivers entries and sets aside what is refused. It returns those that have to be tried again, together
// with the alarm if the guard would not let it set them aside; any other error leaves them unsettled.
func (r *run) attempt(ctx context.Context, entries []*entry, probe bool) (refused []*entry, accepted, setAside int, alarm error) {
	recs := make([]transport.Record, 0, len(entries))
	from := make([]int, 0, len(entries))
	fates := make([]error, len(entries)) // nil: accepted
	for i, e := range entries {
		if e.bad != nil {
			fates[i] = Unparsable(e.bad)
			continue
		}
		recs, from = append(recs, e.record), append(from, i)
	}
	before := r.guard.over()
	for k, res := range r.p.Deliverer.Deliver(ctx, recs) {
		if res.Err != nil && !fault.Is(res.Err, fault.Rejected) {
			return nil, 0, 0, res.Err
		}
		fates[from[k]] = res.Err // I3: to each its own
	}
	for i, fate := range fates {
		if fate == nil {
			accepted++
			r.guard.pass(probe)
			continue
		}
		if !probe && r.guard.over() != before { // I4: it is tried again
			refused = append(refused, entries[i])
			continue
		}
		err := r.setAside(ctx, entries[i].item, fate, probe)
		switch {
		case err == nil:
			setAside++
		case isMass(err):
			refused, alarm = append(refused, entries[i]), err
		default:
			return nil, 0, 0, err
		}
	}
	return refused, accepted, setAside, alarm
}

// setAside makes an item and the reason durable, as often as it takes, unless the guard forbids it.
func (r *run) setAside(ctx context.Context, item []byte, reason error, probe bool) error {
	if err := r.guard.mayPut(reason, probe); err != nil {
		return err
	}
	err := r.insist(ctx, PartDeadLetter, func() error { return r.p.DeadLetter.Put(ctx, item, reason) })
	if f := r.p.Observe.SetAside; f != nil && err == nil {
		f(reason)
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
