package load

import (
	"context"
	"runtime"
	"sync"
	"time"

	"sluice/bench/clock"
	"sluice/transport"
)

// A Sender sends phases one after the other. Its fields must not change after the first Send.
type Sender struct {
	Transport   transport.Transport
	Timeout     time.Duration // for one request; 0: the Deliverer's own
	Concurrency int           // requests at once in open phases; 0: the Deliverer's own
	Clock       clock.Clock
	Record      func(seq int) transport.Record // makes a record; its ID is one of package audit
	Wire        *Wire                          // counts the bytes of its connections; nil: nobody does
	Sleep       func(time.Duration)            // waits for a millisecond or two, more exactly than a timer; nil: a timer does
}

// Send sends one phase and waits until its records are settled, the phase's Patience is over or ctx has ended. Records
// that were not sent because ctx ended are in the Report all the same.
func (s *Sender) Send(ctx context.Context, p Phase) Report {
	r := s.prepare(p)
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx)) // of the deliveries: it outlives the arrivals by Patience
	defer cancel()
	meter := startMeter(s.Wire)
	r.occupied.begin(s.Clock.Now())
	r.schedule() // the phase is all within what is metered
	if r.Due == nil {
		r.closed(ctx, hard)
	} else {
		r.open(ctx, hard)
	}
	ended := s.Clock.Now()
	r.finish(ctx, cancel)
	inSystem := r.occupied.mean(s.Clock.Now())
	cost := meter.stop() // before the Report is made, which is no work of the sender
	report := r.ledger.report()
	report.Start, report.Ended, report.Cost = r.Start, ended, cost
	report.InSystem, report.MaxQueue = inSystem, r.occupied.most
	return report
}

// run is one phase being sent.
type run struct {
	*Sender
	Phase
	ledger    *ledger
	deliverer *transport.Deliverer
	records   []transport.Record // of an open phase, made beforehand
	occupied  occupancy
	delivered sync.WaitGroup
}

// prepare makes what a phase needs, so that its cost is not taken for that of sending.
func (s *Sender) prepare(p Phase) *run {
	concurrency, most := s.Concurrency, len(p.Due)
	if p.Due == nil {
		concurrency, most = p.Concurrency, p.Most
	}
	r := &run{Sender: s, Phase: p, ledger: newLedger(s.Clock, p.First, most)}
	r.deliverer = &transport.Deliverer{Transport: s.Transport, Timeout: s.Timeout, Concurrency: concurrency, Observe: r.observe}
	if limit := s.Transport.Capabilities().MaxRecords; limit > 0 {
		r.MaxRecords = min(r.MaxRecords, limit)
	}
	r.MaxRecords = max(1, r.MaxRecords)
	if p.Due != nil {
		r.ledger.take(len(p.Due))
		r.records = make([]transport.Record, len(p.Due))
		for i := range r.records {
			r.records[i] = r.Record(r.First + i)
		}
	}
	runtime.GC()
	return r
}

// schedule fixes the start, and with it when each record is due.
func (r *run) schedule() {
	r.Start = max(r.Start, r.Clock.Now())
	for i, due := range r.Due {
		r.ledger.at(r.First + i).Due = r.Start + int64(due)
	}
}

// observe notes an attempt, and lets what was accepted leave the system.
func (r *run) observe(a transport.Attempt) {
	if end, accepted := r.ledger.observe(a); accepted > 0 {
		r.occupied.leave(end, accepted)
	}
}

// deliver delivers records whose sequence numbers begin with seq, and settles them.
func (r *run) deliver(ctx context.Context, seq int, records []transport.Record) {
	results := r.deliverer.Deliver(ctx, records)
	now, left := r.Clock.Now(), 0
	for i, result := range results {
		if r.ledger.settle(seq+i, result, now) {
			left++
		}
	}
	if left > 0 {
		r.occupied.leave(now, left)
	}
}

// finish waits for the deliveries under way: for Patience at most, and no longer than stopPatience once ctx has ended.
func (r *run) finish(ctx context.Context, cancel context.CancelFunc) {
	defer time.AfterFunc(r.Patience, cancel).Stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopPatience, cancel) })()
	r.delivered.Wait()
}

// stopPatience is how long deliveries may still take when the user wants to stop.
const stopPatience = 2 * time.Second
