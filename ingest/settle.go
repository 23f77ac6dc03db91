package ingest

import (
	"context"
	"errors"
	"slices"

	"sluice/internal/fault"
	"sluice/transport"
)

// settle sees to it that every item is accepted by the destination or durably set aside, and returns nil only then (I1).
func (r *run) settle(ctx context.Context, items [][]byte) error {
	var accepted, setAside int
	alarm := error(nil)
	for left := items; len(left) > 0; {
		now, probe := left, false
		if alarm != nil {
			switch err := r.guard.turn(ctx); {
			case err == nil:
				now, probe = left[:1], true
			case !errors.Is(err, errHealed):
				return err
			}
		}
		refused, a, s, err := r.attempt(ctx, now, probe)
		accepted, setAside = accepted+a, setAside+s
		if err != nil && !isMass(err) {
			return err
		}
		if err != nil || alarm != nil {
			r.trouble(PartDeadLetter, err)
		}
		if alarm = err; alarm != nil && r.p.Once {
			return alarm
		}
		// All of left has been refused before, so each of them can show that this has changed. The next probe is another
		// one: this one may be bad itself.
		left = slices.Concat(left[len(now):], refused)
	}
	if f := r.p.Observe.Settled; f != nil {
		f(accepted, setAside)
	}
	return nil
}

// attempt parses and delivers items and sets aside what is refused. It returns the items that the guard would not let it
// set aside, together with the alarm; any other error leaves items unsettled.
func (r *run) attempt(ctx context.Context, items [][]byte, probe bool) (refused [][]byte, accepted, setAside int, alarm error) {
	recs := make([]transport.Record, 0, len(items))
	from := make([]int, 0, len(items))
	fates := make([]error, len(items)) // I3: one per item; nil is accepted
	for i, item := range items {
		rec, err := r.p.Parse(item)
		if err != nil {
			fates[i] = Unparsable(err)
			continue
		}
		recs, from = append(recs, rec), append(from, i)
	}
	for k, res := range r.p.Deliverer.Deliver(ctx, recs) {
		if res.Err != nil && !fault.Is(res.Err, fault.Rejected) {
			return nil, 0, 0, res.Err
		}
		fates[from[k]] = res.Err
	}
	for i, fate := range fates {
		if fate == nil {
			accepted++
			r.guard.pass(probe)
			continue
		}
		err := r.setAside(ctx, items[i], fate, probe)
		switch {
		case err == nil:
			setAside++
		case isMass(err):
			refused, alarm = append(refused, items[i]), err
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
