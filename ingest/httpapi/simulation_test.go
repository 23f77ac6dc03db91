package httpapi

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/internal/proof"
)

var (
	seeds = flag.Int("seeds", 150, "simulations to run; go test ./ingest/httpapi -run '^TestSimulation$' -seeds 3000")
	only  = flag.Int64("seed", -1, "the one simulation to run; negative: -seeds of them")
)

// TestSimulation reads APIs drawn at random, which grow while they are read, fail in passing and forget their own places, by a
// reader that is opened anew with its last cursor or an older one. At the end, when the API is well and grows no more, every
// record has been read, as often as it was written and no more often, unless something excuses a repeat; nothing has blocked
// without a reason in what the API did; and reading has come to rest. A seed gives the same run each time.
func TestSimulation(t *testing.T) {
	t.Parallel()
	first, end := uint64(0), uint64(*seeds)
	if *only >= 0 {
		first, end = uint64(*only), uint64(*only)+1
	}
	var mu sync.Mutex
	total := tally{}
	t.Run("all", func(t *testing.T) {
		for seed := first; seed < end; seed++ {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				t.Parallel()
				counts := simulateReading(t, seed)
				mu.Lock()
				defer mu.Unlock()
				total.add(counts)
			})
		}
	})
	proof.Count(t, proof.Seeds, int(end-first))
	proof.Count(t, proof.Obligations, total["record"])
	t.Logf("%d seeds: %v", end-first, total)
	if *only >= 0 || t.Failed() {
		return
	}
	for _, what := range []string{"500", "429", "403", "login page", "no answer", "cut off", "forgotten 400", "forgotten 404", "forgotten 410", "forgotten 422",
		"restart", "back", "forgotten too often", "no page too often", "repeat", "run without excuse"} {
		if total[what] == 0 {
			t.Errorf("%q never happened in %d seeds: the simulation shows nothing about it", what, *seeds)
		}
	}
}

// A tally is how often what happened.
type tally map[string]int

func (a tally) add(b tally) {
	for what, n := range b {
		a[what] += n
	}
}

// A plan is what a seed is about.
type plan struct {
	Mode            string // SLUICE_HTTP_PAGINATION
	Since, Windows  bool
	Lookback        bool
	Children        bool
	Parents         int
	Details         bool
	Parts           bool // pages are larger than what is held of them
	Post            bool
	Size            int  // of pages
	Limit           bool // the reader knows Size
	Total, More     bool // numbered pages say what follows
	Eager           bool // the last page with records leads to another one
	Ragged          bool // pages are short, each time otherwise, and no two tokens are equal
	Forgets         bool // tokens do not live for ever
	Restarts, Older bool // with the last cursor, and with older ones
	Reads           int  // while there is trouble
}

func (p plan) numbered() bool { return p.Mode == paginationPage || p.Mode == paginationOffset }

// reshuffled reports whether a page that is asked for again may hold other records than before, and not only more.
func (p plan) reshuffled() bool { return p.Ragged || p.Lookback }

func drawPlan(rnd *rand.Rand) plan {
	oneIn := func(n int) bool { return rnd.IntN(n) == 0 }
	modes := []string{paginationLink, paginationNext, paginationCursor, paginationCursor, paginationPage, paginationOffset}
	p := plan{Mode: modes[rnd.IntN(len(modes))], Size: 1 + rnd.IntN(7), Parents: 1, Reads: 60 + rnd.IntN(200),
		Limit: oneIn(2), Eager: oneIn(3), Details: oneIn(5), Restarts: oneIn(2)}
	switch rnd.IntN(4) {
	case 0, 1:
		p.Since = true
	case 2:
		p.Windows = true
	}
	asksByValue := p.Since || p.Windows
	if p.numbered() {
		p.Total = oneIn(3)
		p.More = !p.Total && p.Mode == paginationPage && oneIn(3)
	} else {
		p.Lookback = asksByValue && oneIn(2) // a late record would move others from one numbered page to the next
		p.Forgets = asksByValue && oneIn(2)  // without a value to ask by, what is forgotten is lost
		p.Ragged = oneIn(3)
	}
	if oneIn(4) {
		p.Children, p.Parents = true, 1+rnd.IntN(4)
	}
	p.Parts = !p.Details && oneIn(2) // a page with details is held whole
	p.Post = p.Mode == paginationCursor && !p.Windows && !p.Children && oneIn(4)
	p.Older = p.Restarts && oneIn(2)
	return p
}

// config reads a as its plan says.
func (p plan) config(a *simulatedAPI) Config {
	c := Default()
	c.URL, c.Records, c.Pagination = "http://127.0.0.1:1/items", "data", p.Mode
	c.Now = func() time.Time { return time.Unix(a.now, 0) }
	c.Wrap = func(http.RoundTripper) http.RoundTripper { return a }
	c.Warn = func(string) {}
	p.configPages(&c)
	if p.Since {
		c.SinceParam, c.SincePath, c.SinceType = "since", "at", sinceUnix
		if p.Lookback {
			c.SinceLookback = lookback * time.Second
		}
	}
	if p.Windows {
		c.WindowStart, c.WindowStartParam, c.WindowEndParam, c.WindowFormat = fmt.Sprint(beginOfTime-100), "from", "to", sinceUnix
		c.WindowStep = 30 * time.Second
		if p.Lookback {
			c.WindowLookback = lookback * time.Second
		}
	}
	if p.Children {
		c.ChildURL, c.ParentRecords = "/p/{p}/items", "data"
	}
	if p.Details {
		c.DetailURL, c.DetailInto = "/details/{id}", "detail"
	}
	if p.Parts {
		c.MaxPageBytes = 150 // about three records
	}
	if p.Post {
		c.Method, c.CursorParam, c.Body = http.MethodPost, "", `{"cursor":{{cursor|null}}}`
		if p.Since {
			c.SinceParam, c.Body = "", `{"cursor":{{cursor|null}},"since":{{since|null}}}`
		}
	}
	return c
}

func (p plan) configPages(c *Config) {
	switch p.Mode {
	case paginationCursor:
		c.CursorParam, c.CursorPath = "after", "next"
	case paginationNext:
		c.NextPath = "next"
	}
	if p.numbered() && p.Limit {
		c.Limit = p.Size
	}
	if p.Total {
		c.TotalPath = "total"
	}
	if p.More {
		c.MorePath = "more"
	}
}

// A simulatedReader reads a simulatedAPI and keeps account of it.
type simulatedReader struct {
	t    *testing.T
	plan plan
	rnd  *rand.Rand
	api  *simulatedAPI
	src  *Source

	at       ingest.Cursor
	places   []ingest.Cursor // where it may go back to
	got      map[int]int     // how often a record was read, by its id
	newest   int64           // value that was read
	repeated []int           // records that no forgotten place lets come again
	happened tally
}

// simulateReading runs one seed.
func simulateReading(t *testing.T, seed uint64) tally {
	rnd := rand.New(rand.NewPCG(seed, 0))
	p := drawPlan(rnd)
	api := newSimulatedAPI(p, rnd)
	r := &simulatedReader{t: t, plan: p, rnd: rnd, api: api, src: open(t, p.config(api)), places: []ingest.Cursor{""}, got: map[int]int{}, happened: tally{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the plan: %+v\nwhat happened: %v, %v, %d records\nagain: go test ./ingest/httpapi -run '^TestSimulation$' -seed %d",
				p, r.happened, api.struck, len(api.records), seed)
		}
	})
	for range p.Reads {
		r.read()
		if rnd.IntN(5) == 0 {
			api.grow()
		}
		if p.Restarts && rnd.IntN(8) == 0 {
			r.restart()
		}
	}
	r.comeToRest()
	r.settle()
	r.happened.add(api.struck)
	return r.happened
}

// restart opens the source anew, with the last cursor or an older one.
func (r *simulatedReader) restart() {
	r.happened["restart"]++
	if r.plan.Older && r.rnd.IntN(2) == 0 {
		r.happened["back"]++
		r.at = r.places[r.rnd.IntN(len(r.places))]
	}
	if err := r.src.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.src = open(r.t, r.plan.config(r.api))
}

// read makes one Read, which may fail.
func (r *simulatedReader) read() ingest.Batch {
	r.api.inRead, r.api.paged, r.api.forbade = 0, false, false
	b, err := r.src.Read(r.t.Context(), r.at)
	if r.api.inRead > endless {
		r.t.Fatalf("more than %d requests in one Read(%s)", endless, r.at)
	}
	if err != nil {
		r.failed(err)
		return ingest.Batch{}
	}
	if r.api.paged {
		r.api.logins["list"] = 0
	}
	if len(b.Bad) > 0 {
		r.t.Fatalf("Read(%s) finds bad records: %v", r.at, b.Bad)
	}
	for _, item := range b.Items {
		r.note(item)
	}
	r.at = b.Next
	r.places = append(r.places, r.at)
	if b.CaughtUp {
		r.happened["sweep"]++
		r.api.swept = r.api.newest
		if r.plan.Lookback {
			r.places = []ingest.Cursor{r.at} // from further back, what is late by now is later than the look-back
		}
	}
	return b
}

// note counts a record.
func (r *simulatedReader) note(item []byte) {
	var record struct {
		ID     int
		At     int64
		Detail *struct{ More int }
	}
	if err := json.Unmarshal(item, &record); err != nil {
		r.t.Fatalf("%s: %v", item, err)
	}
	if r.plan.Details && (record.Detail == nil || record.Detail.More != record.ID) {
		r.t.Fatalf("%s has not the detail of record %d", item, record.ID)
	}
	r.newest = max(r.newest, record.At)
	if r.got[record.ID]++; r.got[record.ID] > r.api.times[record.ID] {
		r.happened["repeat"]++
		if r.api.refused == 0 || r.isKnown(record.At) {
			r.repeated = append(r.repeated, record.ID)
		}
	}
}

// isKnown reports whether the reader has to know a record of this value again in a sweep that begins anew. Of the older ones of a
// sweep it remembers none.
func (r *simulatedReader) isKnown(at int64) bool {
	if r.plan.Parts {
		return false // a page is noted at its end
	}
	since := r.newest
	if r.plan.Windows {
		since = r.api.now
	}
	if r.plan.Lookback {
		since -= lookback
	}
	return at >= since
}

// failed wants a fault that the API has given reason for. Where a sweep cannot end before the API has forgotten it, an operator
// starts over.
func (r *simulatedReader) failed(err error) {
	r.happened["fault"]++
	f := fault.From(err)
	switch code := f.Code(); {
	case f.Class != fault.Blocked && (r.api.troubled || r.api.inRead == 0): // with no request, it is about a page from before
	case code == "forbidden" && r.api.forbade:
	case code == "bad_page" && max(r.api.logins["list"], r.api.logins["detail"]) >= maxMalformed:
		r.happened["no page too often"]++
	case slices.Contains(forgetful, code) && r.api.refused > maxAnew:
		r.happened["forgotten too often"]++
		r.at, r.places, r.api.refused = "", []ingest.Cursor{""}, 0
	default:
		r.t.Fatalf("Read(%s) = %v (%s), which nothing that the API did gives reason for", r.at, err, f.Class)
	}
}

// comeToRest reads an API that is well until several sweeps have come to their end. The first of them may have begun before,
// and without a parent that was refused; the window that the second finds begun there may end before the last records.
func (r *simulatedReader) comeToRest() {
	r.api.troubled = false
	r.api.now += 3
	ended := 0
	for range 20_000 {
		b := r.read()
		if ended >= 3 && len(b.Items) > 0 {
			r.t.Fatalf("%d sweeps over an API that does not change have ended, and the next finds %s", ended, b.Items)
		}
		if b.CaughtUp {
			r.api.now += 3
			if ended++; ended == 5 {
				return
			}
		}
	}
	r.t.Fatalf("no end to reading an API that does not change; %d sweeps have ended", ended)
}

// settle compares what was read with what was written.
func (r *simulatedReader) settle() {
	r.happened["record"] = len(r.api.records)
	var missing []int
	for id, times := range r.api.times {
		if r.got[id] < times {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		r.t.Errorf("missing: %d records of %d: %v", len(missing), len(r.api.records), missing)
	}
	if r.excuse() == "" {
		r.happened["run without excuse"]++
		if len(r.repeated) > 0 {
			r.t.Errorf("repeated without an excuse: %d records of %d: %v", len(r.repeated), len(r.api.records), r.repeated)
		}
	}
}

// excuse is why any record may have come again, or "".
func (r *simulatedReader) excuse() string {
	p := r.plan
	switch {
	case r.happened["back"] > 0:
		return "it went back"
	case r.happened["forgotten too often"] > 0:
		return "it started over"
	case (p.Parts || p.Details) && p.reshuffled():
		return "a page of which a part was read was another one when it was asked for again"
	case p.Ragged && !p.Since && !p.Windows:
		return "only the records of the last page are known again, and it held fewer"
	}
	return ""
}
