package trial

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/readback"
	"sluice/transport"
)

// within is b as a far end that has a record consumed before it replies.
func (b *broker) within() (*insider, *FarEnd) {
	far, in := b.farEnd(), &insider{broker: b}
	far.Within, far.Backlog = true, nil
	far.Consume = func(ctx context.Context, sink *Sink) error {
		in.sink.Store(sink)
		<-ctx.Done()
		return nil
	}
	return in, far
}

type insider struct {
	*broker
	sink atomic.Pointer[Sink]
}

func (in *insider) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	for _, r := range recs {
		_ = in.sink.Load().Handle(ctx, readback.Delivery{Record: r, MessageID: r.ID, Receives: 1, Arrived: time.Now()})
	}
	return in.broker.Send(ctx, recs)
}

// Records dwell where they wait for a consumer, and nowhere else: a number would be made up.
func TestOnlyWhatWaitsDwells(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		far   func(*broker) (transport.Transport, *FarEnd)
		waits bool
	}{
		"consumed from a queue":    {func(b *broker) (transport.Transport, *FarEnd) { return b, b.farEnd() }, true},
		"consumed within the call": {func(b *broker) (transport.Transport, *FarEnd) { return b.within() }, false},
		"the reply is the end": {func(b *broker) (transport.Transport, *FarEnd) {
			far := b.farEnd()
			far.Consume, far.Backlog = nil, nil
			return b, far
		}, false},
		"audited by receipts": {func(b *broker) (transport.Transport, *FarEnd) { return b, aside(b, time.Second) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tr, far := c.far(newBroker())
				p := run(t, runner(t, steady, tr), far).Phases[0]
				want := int64(0)
				if c.waits {
					want = int64(p.Offered)
				}
				if d := p.Latency.Dwell; d.N != want || (d.P50 != nil) != c.waits || p.Processed != p.Offered || p.Negative != 0 {
					t.Errorf("%d of %d processed, dwell of %d with median %v, %d below zero; want %d samples",
						p.Processed, p.Offered, d.N, d.P50, p.Negative, want)
				}
			})
		})
	}
}
