package ingest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

// TestOrderOfEachKey runs ordered Pipelines through trouble of every kind, stops and crashes, and looks at every request
// and at every arrival: never two records of a key under way, and each key arrives for the first time in source order.
func TestOrderOfEachKey(t *testing.T) {
	t.Parallel()
	total := map[string]int{}
	for seed := range uint64(*seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newOrderWorld(t, seed)
				w.run()
				for kind, n := range w.counts() {
					total[kind] += n
				}
			})
		})
	}
	for _, kind := range []string{"throttle", "drop", "lost reply", "stall", "entry", "block", "whole", "mass", "checkpoint", "dead letter",
		"stop", "crash", proof.Duplicates, proof.DeadLetters} {
		if total[kind] == 0 {
			t.Errorf("%q never happened in %d seeds: the test shows nothing about it", kind, *seeds)
		}
	}
	t.Logf("%d seeds: %v", *seeds, total)
	for _, what := range []string{proof.VirtualSeconds, proof.Obligations, proof.Lost, proof.Duplicates, proof.DuplicateBound, proof.DeadLetters} {
		proof.Count(t, what, total[what])
	}
	proof.Count(t, proof.Seeds, *seeds)
	proof.Count(t, proof.Crashes, total["crash"])
	proof.Count(t, proof.Stops, total["stop"])
	for _, kind := range []string{"throttle", "drop", "lost reply", "stall", "entry", "block", "whole", "mass"} {
		proof.Fault(t, kind, total[kind])
	}
	for _, area := range []string{"sqs", "apigateway"} {
		proof.Row{Area: area, Fault: "every kind of fault at once, with an order by key", Action: proof.Retry, Promises: "P1 P7"}.Report(t)
	}
}

// An orderWorld is everything around the Pipelines of one seed.
type orderWorld struct {
	t     *testing.T
	begin time.Time
	src   *sliceSource
	sink  *memory.Transport
	tr    *transporttest.Faulty
	ck    *memCheckpoint
	dl    *memDeadLetter
	mass  span

	mu       sync.Mutex
	rnd      *rand.Rand
	fired    map[string]int
	calm     bool
	underWay map[string]bool // keys
	last     map[string]int  // the newest record of each key that has arrived
	arrived  map[string]int  // how often, by body
}

const keyedItems = 120

func newOrderWorld(t *testing.T, seed uint64) *orderWorld {
	w := &orderWorld{t: t, begin: time.Now(), rnd: rand.New(rand.NewPCG(seed, 3)), sink: &memory.Transport{}, ck: &memCheckpoint{}, dl: &memDeadLetter{},
		fired: map[string]int{}, underWay: map[string]bool{}, last: map[string]int{}, arrived: map[string]int{}}
	keys := 1 + int(seed%9)
	items := make([][]byte, keyedItems)
	for i := range items {
		items[i] = fmt.Appendf(nil, `{"k":"key-%d","n":%d}`, w.rnd.IntN(keys), i+1)
	}
	items[31] = []byte(`{"n":`)
	w.src = &sliceSource{items: items, page: 1 + int(seed%37)}
	w.sink.Limits = transport.Capabilities{MaxRecords: 10, MaxInFlight: 4}
	if seed%3 == 0 {
		at := w.begin.Add(time.Duration(w.rnd.Int64N(int64(time.Minute))))
		w.mass = span{at, at.Add(time.Duration(w.rnd.Int64N(int64(5 * time.Minute))))}
	}
	w.tr = transporttest.NewFaulty(arrivals{w.sink, w}, seed)
	w.tr.Throttle, w.tr.Drop, w.tr.LoseReply, w.tr.Stall, w.tr.Entry, w.tr.Block = 0.05, 0.1, 0.1, 0.05, 0.05, 0.01
	w.ck.onSave = func(ingest.Cursor) error { return w.stumble("checkpoint", 0.1) }
	w.dl.fail = func() error { return w.stumble("dead letter", 0.2) }
	return w
}

func (w *orderWorld) stumble(kind string, p float64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calm || w.rnd.Float64() >= p {
		return nil
	}
	w.fired[kind]++
	return errors.New(kind)
}

func (w *orderWorld) count(kind string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fired[kind]++
}

// A numberedItem is what the records are made of. One in twenty is refused for ever.
type numberedItem struct {
	K string
	N int
}

func itemOf(body []byte) (it numberedItem) {
	_ = json.Unmarshal(body, &it)
	return it
}

func (i numberedItem) bad() bool { return i.N == 0 || i.N%20 == 7 }

// requests is the oracle's eye on what leaves the daemon.
type requests struct {
	transport.Transport
	w *orderWorld
}

func (r requests) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	r.w.mu.Lock()
	for _, rec := range recs {
		if r.w.underWay[rec.Key] {
			r.w.t.Errorf("%s leaves while another record of its key is under way", rec.Body)
		}
		r.w.underWay[rec.Key] = true
	}
	r.w.mu.Unlock()
	defer func() {
		r.w.mu.Lock()
		defer r.w.mu.Unlock()
		for _, rec := range recs {
			delete(r.w.underWay, rec.Key)
		}
	}()
	return r.Transport.Send(ctx, recs)
}

// arrivals is the destination, with moods, and the oracle's eye on what arrives.
type arrivals struct {
	*memory.Transport
	w *orderWorld
}

func (a arrivals) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	if a.w.mass.now() {
		a.w.count("mass")
		return transporttest.Fail(&fault.Error{Class: fault.Rejected, Reason: "mass", Op: "test"})(ctx, recs)
	}
	for _, rec := range recs {
		if itemOf(rec.Body).bad() && len(recs) > 1 {
			a.w.count("whole")
			return transporttest.Fail(&fault.Error{Class: fault.Rejected, Reason: "whole", Op: "test", Whole: true})(ctx, recs)
		}
	}
	return transporttest.Each(func(rec transport.Record) error {
		if itemOf(rec.Body).bad() {
			return bad
		}
		res := a.Transport.Send(ctx, []transport.Record{rec})
		if res[0].Err == nil {
			a.w.arrive(rec)
		}
		return res[0].Err
	})(ctx, recs)
}

var bad = &fault.Error{Class: fault.Rejected, Reason: "bad", Op: "test"}

// arrive looks at the order. A record that was set aside has let its successors go: where it arrives all the same, in a
// later life, it may be late.
func (w *orderWorld) arrive(rec transport.Record) {
	aside := false
	w.dl.mu.Lock()
	for _, item := range w.dl.items {
		aside = aside || item == string(rec.Body)
	}
	w.dl.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	it := itemOf(rec.Body)
	if w.arrived[string(rec.Body)]++; w.arrived[string(rec.Body)] > 1 {
		w.fired[proof.Duplicates]++
		return
	}
	if it.N < w.last[it.K] && !aside {
		w.t.Errorf("%s arrives for the first time after number %d of its key", rec.Body, w.last[it.K])
	}
	w.last[it.K] = max(w.last[it.K], it.N)
}

// run lets six daemons live and end in one way or another, and one in peace.
func (w *orderWorld) run() {
	for range 6 {
		w.live(time.Duration(w.rnd.Int64N(int64(2*time.Minute))), w.rnd.IntN(2) == 0, 0)
	}
	time.AfterFunc(10*time.Minute, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.calm = true
		w.tr.Calm()
	})
	w.live(2*time.Hour, false, 0)
	if w.ck.cursor != "120" { // what is held is bad itself, and nothing of its key may overtake it: a person has to say so
		w.count("held")
		w.live(time.Hour, false, 1)
	}
	for i, item := range w.src.items {
		bad := itemOf(item).bad()
		aside := 0
		for _, d := range w.dl.items {
			if d == string(item) {
				aside++
			}
		}
		n := w.arrived[string(item)]
		if n+aside == 0 {
			w.fired[proof.Lost]++
			w.t.Errorf("item %d (%s) is lost", i, item)
		}
		if bad && n > 0 {
			w.t.Errorf("item %d (%s) arrived, although it is refused", i, item)
		}
	}
	if w.ck.cursor != "120" {
		w.t.Errorf("the cursor is %q after a long time in peace, want 120", w.ck.cursor)
	}
	if n, most := w.fired[proof.Duplicates], w.fired[proof.DuplicateBound]; n > most {
		w.t.Errorf("%d duplicates, at most %d are explained", n, most)
	}
	w.fired[proof.Obligations] = len(w.src.items)
	w.fired[proof.DeadLetters] = len(w.dl.items)
	w.fired[proof.VirtualSeconds] = int(time.Since(w.begin).Seconds())
}

func (w *orderWorld) live(d time.Duration, crash bool, share float64) {
	p := &ingest.Pipeline{Source: w.src, Parse: ingest.Naming{Stream: "order", Key: "k"}.Parser(), Checkpoint: w.ck, DeadLetter: w.dl, Ordered: true,
		Deliverer: &transport.Deliverer{Transport: requests{w.tr, w}, Timeout: 20 * time.Second, Backoff: backoff.Policy{Max: 5 * time.Second}, Observe: w.observe},
		Backoff:   backoff.Policy{Max: 5 * time.Second}, InFlight: 1 + w.rnd.IntN(4), Drain: 25 * time.Second, MaxDeadShare: share}
	w.fired[map[bool]string{true: "crash", false: "stop"}[crash]]++
	if crash {
		p.Drain = 0
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	switch err := p.Run(ctx); {
	case errors.Is(err, ingest.ErrUnsettled): // the batch that was under way is read again
		w.fired[proof.DuplicateBound] += w.src.page
	case err != nil:
		w.t.Errorf("Run = %v", err)
	}
}

func (w *orderWorld) observe(a transport.Attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range a.Records {
		if a.Outcome(i) == transport.Unknown {
			w.fired[proof.DuplicateBound]++
		}
	}
}

func (w *orderWorld) counts() map[string]int {
	for kind, n := range w.tr.Fired() {
		w.fired[kind] += n
	}
	return w.fired
}

// TestOrderCostsNoMoreRoundsThanItHasTo: a batch of which every record has a key of its own takes the requests that it
// takes without an order, and one of a single key one for each record.
func TestOrderCostsNoMoreRoundsThanItHasTo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ keys, want int }{
		"a key each":     {100, 10},
		"ten of a key":   {10, 10},
		"a hundred of a": {1, 100},
	} {
		synctest.Test(t, func(t *testing.T) {
			tr := transporttest.Script(transporttest.Accept())
			tr.Limits.MaxRecords = 10
			items := make([][]byte, 100)
			for i := range items {
				items[i] = fmt.Appendf(nil, `{"k":%q,"n":%d}`, strconv.Itoa(i%c.keys), i)
			}
			p, _, _ := pipeline(&sliceSource{items: items, page: 100}, tr)
			p.Parse, p.Ordered, p.Once = ingest.Naming{Key: "k"}.Parser(), true, true
			begin := time.Now()
			if err := p.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := len(tr.Sends()); n != c.want || time.Since(begin) > 0 {
				t.Errorf("%s: %d requests in %v, want %d without a wait", name, n, time.Since(begin), c.want)
			}
		})
	}
}
