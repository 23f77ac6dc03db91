package transport

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sluice/internal/backoff"
	"sluice/internal/fault"
)

// A Deliverer gets records accepted by a Transport: the only place that packs, paces, retries and times. Daemon and
// bench use the same one. Its fields must not change after the first Deliver. Safe for concurrent use; concurrent
// Delivers share one lane to the destination.
type Deliverer struct {
	Transport   Transport
	Backoff     backoff.Policy
	Timeout     time.Duration // for one Send; 0: 30 s
	Concurrency int           // Sends at once, over all Delivers; 0: 16. Throttling lowers it, success raises it again
	Limiter     Limiter       // paces Sends; nil: unlimited
	Probe       time.Duration // between two knocks on a Blocked destination; 0: one minute

	// Patience ends a Deliver that gets nowhere: as soon as the destination is Blocked, when no record has been settled
	// for this long, or when it is told to wait longer. 0: never; a daemon waits until the destination is mended.
	Patience time.Duration

	// Observe is told of every finished Send; metrics and bench listen here. It may be called concurrently.
	Observe func(Attempt)
	// Report is told when the destination stops letting records through, with the reason (again when the reason is
	// renewed), and when it lets them through again, with nil. It must not call the Deliverer.
	Report func(error)

	once sync.Once
	lane lane
	caps Capabilities
}

// A Limiter paces Sends: Wait returns when the next one may go, or an error if ctx ends before.
type Limiter interface {
	Wait(ctx context.Context) error
}

// An Attempt is one finished Send. Its slices are valid during the call only.
type Attempt struct {
	Start   time.Time
	Took    time.Duration
	Records []Record
	Bytes   int // sum of Size
	Results []Result
}

const (
	defaultTimeout     = 30 * time.Second
	defaultConcurrency = 16
	defaultProbe       = time.Minute
)

// Deliver sends recs until every one of them is accepted or rejected, and returns one Result per record, in order (I3).
// A Result with any other fault means that the record is unsettled, because ctx ended or Patience was over. A record is
// rejected only by a verdict on itself: a request refused as a whole is halved until the culprit stands alone (I4).
func (d *Deliverer) Deliver(ctx context.Context, recs []Record) []Result {
	d.once.Do(d.prepare)
	results := make([]Result, len(recs))
	todo := d.fitting(recs, results)
	progress := time.Now()
	for stuck := 0; len(todo) > 0; {
		d.round(ctx, recs, todo, results)
		left := unsettled(todo, results)
		if len(left) < len(todo) {
			stuck, progress = 0, time.Now()
		}
		todo = left
		if len(todo) == 0 || ctx.Err() != nil {
			break
		}
		stuck++
		wait := d.pause(todo, results, stuck)
		if d.hopeless(time.Since(progress)+wait) || backoff.Sleep(ctx, wait) != nil {
			break
		}
	}
	return results
}

// Status describes the lane to the destination at this moment.
type Status struct {
	InFlight int       // Sends under way
	Limit    int       // Sends allowed at once
	Err      error     // what keeps records from passing; nil while they pass
	Since    time.Time // since when
	RetryAt  time.Time // no Send before
}

// Status returns what the lane looks like now.
func (d *Deliverer) Status() Status {
	d.once.Do(d.prepare)
	d.lane.mu.Lock()
	defer d.lane.mu.Unlock()
	return Status{InFlight: d.lane.inFlight, Limit: d.lane.limit, Err: d.lane.last, Since: d.lane.since, RetryAt: d.lane.until}
}

func (d *Deliverer) prepare() {
	d.caps = d.Transport.Capabilities()
	limit := d.Concurrency
	if limit <= 0 {
		limit = defaultConcurrency
	}
	if d.caps.MaxInFlight > 0 {
		limit = min(limit, d.caps.MaxInFlight)
	}
	d.lane.ceiling, d.lane.limit = limit, limit
}

// fitting returns the indexes of the records that the destination takes at all, and rejects the others.
func (d *Deliverer) fitting(recs []Record, results []Result) []int {
	todo := make([]int, 0, len(recs))
	for i, r := range recs {
		if size := d.Transport.Size(r); d.caps.MaxRecordBytes > 0 && size > d.caps.MaxRecordBytes {
			results[i].Err = &fault.Error{Class: fault.Rejected, Reason: "record_too_large", Op: "deliver",
				Err: fmt.Errorf("the record takes %d bytes, the destination allows %d", size, d.caps.MaxRecordBytes)}
			continue
		}
		results[i].Err = &fault.Error{Op: "deliver", Err: errNotTried}
		todo = append(todo, i)
	}
	return todo
}

var errNotTried = fmt.Errorf("not sent yet")

// round makes one attempt at every record in todo.
func (d *Deliverer) round(ctx context.Context, recs []Record, todo []int, results []Result) {
	var wg sync.WaitGroup
	requests := pack(recs, todo, d.caps, d.Transport.Size)
	for n, request := range requests {
		p, err := d.lane.acquire(ctx, d.Patience)
		if err != nil {
			for _, i := range request {
				results[i].Err = err
			}
			continue
		}
		if n == len(requests)-1 { // nobody has to be woken for it
			d.exchange(ctx, p, recs, request, results)
			break
		}
		wg.Go(func() { d.exchange(ctx, p, recs, request, results) })
	}
	wg.Wait()
}

// exchange makes one request with the permit p, and smaller ones of what is refused without a verdict on the record.
func (d *Deliverer) exchange(ctx context.Context, p permit, recs []Record, request []int, results []Result) {
	batch := make([]Record, len(request))
	for k, i := range request {
		batch[k] = recs[i]
	}
	got := d.attempt(ctx, batch)
	learnt := outcomeOf(got)
	if ctx.Err() != nil && !learnt.passed {
		learnt = outcome{} // cut short by us: no news about the destination
	}
	d.lane.release(p, learnt, d.Backoff, d.probe(), d.Report)
	for k, i := range request {
		results[i] = got[k]
	}
	if len(request) == 1 {
		return
	}
	for _, part := range smaller(request, got) {
		p, err := d.lane.acquire(ctx, d.Patience)
		if err != nil {
			for _, i := range part {
				results[i] = Result{Err: err} // I4: nobody has judged these records
			}
			continue
		}
		d.exchange(ctx, p, recs, part, results)
	}
}

// attempt makes one Send and tells Observe of it.
func (d *Deliverer) attempt(ctx context.Context, batch []Record) []Result {
	if d.Limiter != nil {
		if err := d.Limiter.Wait(ctx); err != nil {
			return spread(len(batch), &fault.Error{Op: "deliver", Err: err})
		}
	}
	timeout := d.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := time.Now()
	results := d.Transport.Send(ctx, batch)
	took := time.Since(start)
	if len(results) != len(batch) { // I3: silence is no fate
		results = spread(len(batch), &fault.Error{Op: "deliver", Reason: "broken_driver", Ambiguous: true,
			Err: fmt.Errorf("the driver returned %d results for %d records", len(results), len(batch))})
	}
	if d.Observe != nil {
		bytes := 0
		for _, r := range batch {
			bytes += d.Transport.Size(r)
		}
		d.Observe(Attempt{Start: start, Took: took, Records: batch, Bytes: bytes, Results: results})
	}
	return results
}

// pause returns how long to wait before the next round: what the destination asked for, or the backoff.
func (d *Deliverer) pause(todo []int, results []Result, stuck int) time.Duration {
	wait := d.Backoff.Wait(stuck)
	for _, i := range todo {
		wait = max(wait, fault.From(results[i].Err).RetryAfter)
	}
	return wait
}

// hopeless reports whether Patience is over, or will be before there is progress again.
func (d *Deliverer) hopeless(without time.Duration) bool {
	if d.Patience <= 0 {
		return false
	}
	d.lane.mu.Lock()
	defer d.lane.mu.Unlock()
	return without > d.Patience || d.lane.hopeless(d.Patience) != nil
}

func (d *Deliverer) probe() time.Duration {
	if d.Probe > 0 {
		return d.Probe
	}
	return defaultProbe
}

// unsettled returns those of todo that are neither accepted nor rejected for themselves.
func unsettled(todo []int, results []Result) []int {
	left := make([]int, 0, len(todo))
	for _, i := range todo {
		if err := results[i].Err; err != nil && !fault.Is(err, fault.Rejected) {
			left = append(left, i)
		}
	}
	return left
}

// smaller returns the requests to make of those records that were refused for the request and not for themselves: its two
// halves if that is all of them, else one with them alone.
func smaller(request []int, got []Result) [][]int {
	var whole []int
	for k, i := range request {
		if e := fault.From(got[k].Err); e != nil && e.Class == fault.Rejected && e.Whole {
			whole = append(whole, i)
		}
	}
	switch {
	case len(whole) == 0:
		return nil
	case len(whole) < len(request):
		return [][]int{whole}
	}
	return [][]int{whole[:len(whole)/2], whole[len(whole)/2:]}
}

// spread returns n Results with the same error.
func spread(n int, err error) []Result {
	results := make([]Result, n)
	for i := range results {
		results[i].Err = err
	}
	return results
}
