package load

import (
	"context"

	"golang.org/x/time/rate"

	"sluice/transport"
)

// closed keeps Concurrency deliveries under way until the time is up or Most is reached, and fewer of them where MaxRate
// holds them down.
func (r *run) closed(ctx, hard context.Context) {
	if !r.wait(ctx, r.Start) {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	end := r.Start + int64(r.For)
	together, pace := r.MaxRecords, rate.NewLimiter(rate.Inf, 0)
	if r.MaxRate > 0 {
		together = Together(r.MaxRecords, r.MaxRate)
		pace = rate.NewLimiter(rate.Limit(r.MaxRate), together)
	}
	for range r.Phase.Concurrency {
		r.delivered.Go(func() {
			for ctx.Err() == nil && r.Clock.Now() < end {
				if pace.WaitN(ctx, together) != nil || r.Clock.Now() >= end {
					return // before a record is taken, which would have to be sent
				}
				seq, n := r.ledger.take(together)
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

// Together is how many records a closed phase hands over together where it could most, and no more than perSecond may be
// sent in a second: a tenth of these at most, so that a short phase keeps to its rate too.
func Together(most int, perSecond float64) int { return min(most, max(1, int(perSecond/10))) }

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
