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
	Concurrency int           // Sends at once, over all Delivers; 0: 16. Throttling and long answers lower it for a while
	Limiter     Limiter       // paces Sends; nil: unlimited
	Probe       time.Duration // between two knocks on a Blocked destination; 0: one minute

	// Patience ends a Deliver that gets nowhere: as soon as the destination is Blocked, when no record has been settled
	// for this long, or when it is told to wait longer. 0: never; a daemon waits until the destination is mended.
	Patience time.Duration

	// Observe is told of every finished Send; metrics and bench listen here. It may be called concurrently.
	Observe func(Attempt)
	// Report is told when the destination stops letting records through, with the reason (again when the reason is
	// renewed), and when it lets them through again, with nil: one call at a time, in order. Where it is slow, what has
	// been overtaken by newer news is left out.
	Report func(error)

	once  sync.Once
	lane  lane
	again backoff.Nudge // by TryNow
	caps  Capabilities
}

// A Limiter paces Sends: Wait returns when the next one may go, or an error if ctx ends before.
type Limiter interface {
	Wait(ctx context.Context) error
}

const (
	defaultTimeout     = 30 * time.Second
	defaultConcurrency = 16
	defaultProbe       = time.Minute
)

// Deliver sends recs until every one of them is accepted or rejected, and returns one Result per record, in order (I3).
// A Result with any other fault means that the record is unsettled, because ctx ended, Patience was over or Finish left no
// time. A record is rejected only by a verdict on itself: a request refused as a whole is halved until the culprit stands alone (I4).
func (d *Deliverer) Deliver(ctx context.Context, recs []Record) []Result {
	d.once.Do(d.prepare)
	v := &delivery{Deliverer: d, recs: recs, results: make([]Result, len(recs)), doubt: make([]time.Time, len(recs)), lastTry: d.lane.lastTry()}
	todo := v.fitting()
	progress := time.Now()
	for stuck := 0; len(todo) > 0; {
		again := d.again.Next()
		v.send(ctx, pack(recs, todo, d.caps, d.Transport.Size))
		left := unsettled(todo, v.results)
		if len(left) < len(todo) {
			stuck, progress = 0, time.Now()
		}
		todo = left
		if len(todo) == 0 || ctx.Err() != nil {
			break
		}
		stuck++
		if !v.pause(ctx, stuck, progress, again) {
			break
		}
	}
	return v.results
}

// A delivery is the state of one Deliver. Requests that are under way at the same time have no record in common.
type delivery struct {
	*Deliverer
	recs    []Record
	results []Result
	doubt   []time.Time     // when the first attempt with an Unknown outcome began; zero: there was none
	lastTry <-chan struct{} // closed by Finish; nil once that is known

	mu    sync.Mutex
	asked time.Time // no next round before, because the destination has said so of records in this one
}

// Finish says that nothing will be sent after end, as at the end of a drain. Every Deliver, under way or yet to come, ends
// as soon as its next try would come later. What only our own backoff or probe holds back is tried once more right away,
// because the destination may have got well; what the destination asked for is kept to. It cannot be taken back.
func (d *Deliverer) Finish(end time.Time) {
	d.once.Do(d.prepare)
	d.lane.finish(end)
}

// TryNow has what only our own backoff or probe holds back tried at once, by every Deliver under way: something may have
// been mended. What the destination asked for is kept to.
func (d *Deliverer) TryNow() {
	d.once.Do(d.prepare)
	d.lane.knock()
	d.again.All()
}

// pause waits for the next round of a Deliver, and reports whether there is to be one. again is closed by TryNow.
func (v *delivery) pause(ctx context.Context, stuck int, progress time.Time, again <-chan struct{}) bool {
	wait := v.Backoff.After(time.Until(v.asked), stuck)
	for !v.hopeless(time.Since(progress), wait) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			return true
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-v.lastTry:
			v.lastTry = nil
		case <-again:
			again = nil
		}
		timer.Stop()
		wait = time.Until(v.asked)
	}
	return false
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
	return Status{InFlight: d.lane.inFlight, Limit: d.lane.pace.limit, Err: d.lane.last, Since: d.lane.since, RetryAt: d.lane.until}
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
	d.lane.pace = pace{ceiling: limit, limit: limit}
	d.lane.finishing = make(chan struct{})
}

// fitting returns the indexes of the records that the destination takes at all, and rejects the others.
func (v *delivery) fitting() []int {
	todo := make([]int, 0, len(v.recs))
	for i, r := range v.recs {
		if size := v.Transport.Size(r); v.caps.MaxRecordBytes > 0 && size > v.caps.MaxRecordBytes {
			v.results[i].Err = &fault.Error{Class: fault.Rejected, Reason: "record_too_large", Op: "deliver",
				Err: fmt.Errorf("the record takes %d bytes, the destination allows %d", size, v.caps.MaxRecordBytes)}
			continue
		}
		v.results[i].Err = &fault.Error{Op: "deliver", Err: errNotTried}
		todo = append(todo, i)
	}
	return todo
}

var errNotTried = fmt.Errorf("not sent yet")

// send makes every one of requests, side by side as far as the lane allows.
func (v *delivery) send(ctx context.Context, requests [][]int) {
	var wg sync.WaitGroup
	for n, request := range requests {
		p, err := v.depart(ctx)
		if err != nil {
			for _, i := range request {
				v.results[i] = Result{Err: err} // I4: nobody has judged these records
			}
			continue
		}
		if n == len(requests)-1 { // nobody has to be woken for it
			v.exchange(ctx, p, request)
			break
		}
		wg.Go(func() { v.exchange(ctx, p, request) })
	}
	wg.Wait()
}

// depart waits until a request may go: for the lane and then for the limiter, and all over again if the lane has closed
// meanwhile. Sixteen have their permits and wait for the limiter; the first is told to come back in an hour; the fifteen
// others would come before.
func (v *delivery) depart(ctx context.Context) (permit, error) {
	for {
		p, err := v.lane.acquire(ctx, v.Patience)
		if err != nil || v.Limiter == nil {
			return p, err
		}
		err = v.Limiter.Wait(ctx)
		if err == nil && v.lane.stillOpen(p) {
			return p, nil
		}
		v.lane.release(p, news{}, v.Backoff, v.probe(), v.Report)
		if err != nil {
			return permit{}, &fault.Error{Op: "deliver", Err: err}
		}
	}
}

// exchange makes one request with the permit p, and smaller ones of what is refused without a verdict on the record.
func (v *delivery) exchange(ctx context.Context, p permit, request []int) {
	a := v.attempt(ctx, request)
	learnt := newsOf(a)
	if ctx.Err() != nil && !learnt.passed {
		learnt = news{} // cut short by us: no news about the destination
	}
	v.lane.release(p, learnt, v.Backoff, v.probe(), v.Report)
	v.mu.Lock()
	for k, i := range request {
		v.results[i] = a.Results[k]
		if e := fault.From(a.Results[k].Err); e != nil && e.RetryAfter > 0 {
			v.asked = latest(v.asked, time.Now().Add(e.RetryAfter))
		}
	}
	v.mu.Unlock()
	if len(request) > 1 {
		v.send(ctx, smaller(request, a.Results))
	}
}

// latest returns the later one of two times.
func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// hopeless reports whether, so long without progress, Patience is over or will be after wait, or the time of Finish.
func (d *Deliverer) hopeless(without, wait time.Duration) bool {
	d.lane.mu.Lock()
	defer d.lane.mu.Unlock()
	return d.Patience > 0 && without+wait > d.Patience || d.lane.late(time.Now().Add(wait)) || d.lane.hopeless(d.Patience) != nil
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
