package load

import (
	"context"
	"time"
)

// handed are records that are handed over together.
type handed struct{ first, n int }

// open releases every record when it is due, and hands records over together that are there together: as many as
// MaxRecords, none of them later than Linger after its release. It never waits for a delivery: what is handed over queues.
//
// As many deliveries are under way as the lane lets requests go at once, and they take from the queue in order. More of
// them would wait for the lane instead.
func (r *run) open(ctx, hard context.Context) {
	queue := make(chan handed, len(r.records)) // room for all: handing over does not block
	defer close(queue)
	for range r.deliverer.Status().Limit {
		r.delivered.Go(func() {
			for h := range queue {
				r.deliver(hard, r.First+h.first, r.records[h.first:h.first+h.n])
			}
		})
	}
	next := handed{} // released and not handed over
	flush := func() {
		queue <- next
		next = handed{first: next.first + next.n}
	}
	var flushAt int64
	for i := range r.records {
		entry := r.ledger.at(r.First + i)
		if next.n > 0 && flushAt < entry.Due {
			if !r.wait(ctx, flushAt) {
				return
			}
			flush()
		}
		if !r.wait(ctx, entry.Due) {
			return
		}
		now := r.Clock.Now()
		entry.Released = now
		r.occupied.enter(now, 1)
		if next.n++; next.n == 1 {
			flushAt = now + int64(r.Linger)
		}
		if next.n == r.MaxRecords {
			flush()
		}
	}
	if next.n > 0 && r.wait(ctx, flushAt) {
		flush()
	}
}

// nap is what is left to Sender.Sleep of a wait: timers of Go may be a millisecond late.
const nap = 1500 * time.Microsecond

// wait waits until the clock says at. It reports false when ctx ends before.
func (r *run) wait(ctx context.Context, at int64) bool {
	d := r.Clock.Until(at)
	if r.Sleep != nil {
		d -= nap
	}
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
	}
	if d := r.Clock.Until(at); r.Sleep != nil && d > 0 {
		r.Sleep(d)
	}
	return ctx.Err() == nil
}
