package load

import (
	"context"
	"runtime"
	"sync"
	"time"

	"sluice/bench/clock"
	"sluice/transport"
)

// A Phase is a part of a trial: an open one with a schedule, or a closed one with so many at once.
type Phase struct {
	First int   // sequence number of its first record
	Start int64 // when it begins, on the Clock

	Due []time.Duration // open: intended arrivals, ascending, from Start; nil: closed

	Concurrency int           // closed: how many deliver, each as soon as its last delivery is settled
	For         time.Duration // closed: no delivery begins after so long
	Most        int           // closed: most records, so that memory is bounded

	MaxRecords int           // that are handed over together; no more than the destination takes in a request
	Linger     time.Duration // how long a record may wait for others
	Patience   time.Duration // for what is unsettled after the last arrival; what then still is, stays so
}

// A Report is what came of a Phase.
type Report struct {
	Entries []Entry // one per record, by sequence number from Phase.First
	Ended   int64   // the last arrival was released, or the time was up

	Requests int64          // attempts
	Bytes    int64          // as the destination counts them
	Chunks   int64          // of 64 KiB begun, per request
	Units    int64          // of 512 KiB begun, per request
	Errors   map[string]int // results that were no acceptance, by class and reason

	InSystem float64 // mean number of records between release and acceptance, integrated over the phase
	MaxQueue int     // most records between release and acceptance
	Cost     Cost
}

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
	most := len(p.Due)
	if p.Due == nil {
		most = p.Most
	}
	r := &run{Sender: s, Phase: p, ledger: newLedger(s.Clock, p.First, most)}
	r.prepare()
	meter := startMeter(s.Wire)
	begun := r.occupied.begin(s.Clock)
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx)) // of the deliveries: it outlives the arrivals by Patience
	defer cancel()
	if p.Due == nil {
		r.closed(ctx, hard)
	} else {
		r.open(ctx, hard)
	}
	ended := s.Clock.Now()
	r.finish(ctx, cancel)
	report := r.report()
	report.Ended, report.Cost = ended, meter.stop()
	report.InSystem, report.MaxQueue = r.occupied.mean(s.Clock.Now()-begun), r.occupied.most
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

func (r *run) prepare() {
	concurrency := r.Sender.Concurrency
	if r.Due == nil {
		concurrency = r.Phase.Concurrency
	}
	r.deliverer = &transport.Deliverer{Transport: r.Transport, Timeout: r.Timeout, Concurrency: concurrency, Observe: r.observe}
	if limit := r.Transport.Capabilities().MaxRecords; limit > 0 {
		r.MaxRecords = min(r.MaxRecords, limit)
	}
	r.MaxRecords = max(1, r.MaxRecords)
	if r.Due != nil {
		r.ledger.take(len(r.Due))
		r.records = make([]transport.Record, len(r.Due))
		for i, due := range r.Due {
			r.records[i] = r.Record(r.First + i)
			r.ledger.at(r.First + i).Due = r.Start + int64(due)
		}
	}
	runtime.GC() // the garbage of getting ready is not the sender's
}

// observe notes an attempt, and lets what was accepted leave the system.
func (r *run) observe(a transport.Attempt) {
	r.ledger.observe(a)
	accepted := 0
	for _, result := range a.Results {
		if result.Err == nil {
			accepted++
		}
	}
	r.occupied.leave(r.Clock.Now(), accepted)
}

// deliver delivers records whose sequence numbers begin with seq, and settles them.
func (r *run) deliver(ctx context.Context, seq int, records []transport.Record) {
	for i, result := range r.deliverer.Deliver(ctx, records) {
		r.ledger.settle(seq+i, result)
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

func (r *run) report() Report {
	l := r.ledger
	return Report{Entries: l.entries(), Requests: l.requests.Load(), Bytes: l.bytes.Load(), Chunks: l.chunks.Load(),
		Units: l.units.Load(), Errors: l.errors}
}

// occupancy integrates over time how many records are in the system.
type occupancy struct {
	mu   sync.Mutex
	n    int
	most int
	last int64
	area float64
}

func (o *occupancy) begin(c clock.Clock) int64 {
	o.last = c.Now()
	return o.last
}

func (o *occupancy) enter(now int64, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.advance(now)
	o.n += n
	o.most = max(o.most, o.n)
}

func (o *occupancy) leave(now int64, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.advance(now)
	o.n -= n
}

func (o *occupancy) advance(now int64) {
	if now > o.last {
		o.area += float64(o.n) * float64(now-o.last)
		o.last = now
	}
}

// mean is the mean number over so many nanoseconds.
func (o *occupancy) mean(span int64) float64 {
	if span <= 0 {
		return 0
	}
	return o.area / float64(span)
}
