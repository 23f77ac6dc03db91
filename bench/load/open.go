package load

import (
	"context"
	"time"

	"sluice/transport"
)

// open releases every record when it is due, and hands records over together that are there together: as many as
// MaxRecords, none of them later than Linger after its release. It never waits for a delivery.
func (r *run) open(ctx, hard context.Context) {
	first, n := 0, 0 // of the records that are released and not handed over
	var flushAt int64
	flush := func() {
		if n == 0 {
			return
		}
		seq, batch := r.First+first, r.records[first:first+n]
		r.delivered.Go(func() { r.deliver(hard, seq, batch) })
		first, n = first+n, 0
	}
	for i := range r.records {
		due := r.ledger.at(r.First + i).Due
		if n > 0 && flushAt < due {
			if !r.wait(ctx, flushAt) {
				break
			}
			flush()
		}
		if !r.wait(ctx, due) {
			break
		}
		now := r.Clock.Now()
		r.ledger.at(r.First + i).Released = now
		r.occupied.enter(now, 1)
		if n++; n == 1 {
			flushAt = now + int64(r.Linger)
		}
		if n == r.MaxRecords {
			flush()
		}
	}
	if n > 0 && r.wait(ctx, flushAt) {
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

// closed keeps Concurrency deliveries under way until the time is up.
func (r *run) closed(ctx, hard context.Context) {
	if !r.wait(ctx, r.Start) {
		return
	}
	end := r.Start + int64(r.For)
	for range r.Phase.Concurrency {
		r.delivered.Go(func() {
			for ctx.Err() == nil && r.Clock.Now() < end {
				seq, n := r.ledger.take(r.MaxRecords)
				if n == 0 {
					return // Most
				}
				r.deliver(hard, seq, r.released(seq, n))
			}
		})
	}
	r.wait(ctx, end)
}

// released makes n records and releases them, now.
func (r *run) released(seq, n int) []transport.Record {
	records := make([]transport.Record, n)
	for i := range records {
		records[i] = r.Record(seq + i)
	}
	now := r.Clock.Now()
	for i := range records {
		e := r.ledger.at(seq + i)
		e.Due, e.Released = now, now
	}
	r.occupied.enter(now, n)
	return records
}
