package load

import (
	"context"

	"sluice/transport"
)

// closed keeps Concurrency deliveries under way until the time is up or Most is reached.
func (r *run) closed(ctx, hard context.Context) {
	if !r.wait(ctx, r.Start) {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	end := r.Start + int64(r.For)
	for range r.Phase.Concurrency {
		r.delivered.Go(func() {
			for ctx.Err() == nil && r.Clock.Now() < end {
				seq, n := r.ledger.take(r.MaxRecords)
				if n == 0 {
					cancel() // Most: nobody sends any more
					return
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
