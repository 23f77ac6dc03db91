package workload

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"sluice/bench/stats"
)

const (
	maxArrivals = 10_000_000 // records that the open phases of one trial may offer
	maxText     = 0.8        // share of a text of printable characters that can be incompressible: 92 of 256 values, 6.5 of 8 bits
)

// names is what a phase may be called: it becomes a column, a label and a part of an address.
var names = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

// check reports what no single key shows, and settles what follows from which keys are there.
func (d *decoder) check(w *Workload) {
	if w.PriceBook == "" {
		d.problem("price_book", "price_book is empty")
	}
	d.checkRecords(w)
	d.checkPhases(w)
	for i, f := range w.Faults {
		d.checkFault(fmt.Sprintf("faults[%d]", i), f)
		d.checkStrikes(w, fmt.Sprintf("faults[%d]", i), f)
	}
	d.settleSides(w)
	d.checkReceipts(w)
}

// checkReceipts reports an address that is none of a queue in which every receipt stays to be counted, and receipts that
// nobody puts there or reads.
func (d *decoder) checkReceipts(w *Workload) {
	const path = "consumer.receipts"
	if !d.given(path) || d.bad(path) {
		return
	}
	u, err := url.Parse(w.Consumer.Receipts)
	switch {
	case err == nil && u.User != nil:
		d.problem(path, "%s holds a user or password, which do not belong into a workload; receipts are read with the AWS_* settings", path)
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") == "" || u.RawQuery != "":
		d.problem(path, "%s is %q, want the address of an SQS queue, as in https://sqs.us-east-1.amazonaws.com/123456789012/receipts", path, clip(w.Consumer.Receipts))
	case strings.HasSuffix(u.Path, ".fifo"):
		d.problem(path, "%s is a FIFO queue, which drops a second receipt of a record, so that no duplicate would be seen; use a standard queue", path)
	}
	if w.Consumer.Mode == "reply" {
		d.problem(path, "%s means nothing with consumer.mode: reply, which reads nothing back", path)
	}
	if !slices.ContainsFunc(w.Transports, func(s Side) bool { return s.Name == "apigateway" }) {
		d.problem(path, "%s is for the transport apigateway, which transports does not list", path)
	}
}

// settleSides fills in the transports and the keys of their batching that the file leaves out.
func (d *decoder) settleSides(w *Workload) {
	if !d.given("transports") {
		w.Transports = []Side{{Name: "sqs"}, {Name: "apigateway", API: "rest"}}
	} else if len(w.Transports) == 0 && !d.bad("transports") {
		d.problem("transports", "transports is an empty list")
	}
	seen := map[string]bool{}
	for i, s := range w.Transports {
		path := fmt.Sprintf("transports[%d]", i)
		if seen[s.Name] && s.Name != "" {
			d.problem(path, "%s: %s is listed twice", path, s.Name)
		}
		seen[s.Name] = true
		if s.Name != "apigateway" {
			w.Transports[i].API = ""
			if d.given(path+".api") && s.Name != "" {
				d.problem(path+".api", "%s.api means nothing for %s", path, s.Name)
			}
		}
		if s.Batching == nil {
			continue
		}
		if !d.given(path + ".batching.max_records") {
			s.Batching.MaxRecords = w.Batching.MaxRecords
		}
		if !d.given(path + ".batching.linger") {
			s.Batching.Linger = w.Batching.Linger
		}
	}
}

// bad reports whether something is known to be wrong in the line of a path.
func (d *decoder) bad(path string) bool {
	for _, p := range d.problems {
		if p.Line == d.lines[path] {
			return true
		}
	}
	return false
}

func (d *decoder) checkPhases(w *Workload) {
	if d.given("phases") && len(w.Phases) == 0 && !d.bad("phases") {
		d.problem("phases", "phases is an empty list")
	}
	seen := map[string]bool{}
	total := 0.0
	for i := range w.Phases {
		p, path := &w.Phases[i], fmt.Sprintf("phases[%d]", i)
		if p.Name != "" && !names.MatchString(p.Name) {
			d.problem(path+".name", "%s.name is %q, want 1 to 32 of a-z, 0-9, - and _", path, clip(p.Name))
		}
		if seen[p.Name] && p.Name != "" {
			d.problem(path+".name", "%s.name is %s, as an earlier phase's is", path, p.Name)
		}
		seen[p.Name] = true
		before := len(d.problems)
		d.checkPhase(path, p)
		if len(d.problems) > before || d.bad(path) {
			continue
		}
		d.checkSearch(w, path, p)
		rate := p.Rate()
		total += rate * p.Duration.Seconds()
		if p.Kind == Open && rate*p.Duration.Seconds() < 1 {
			d.problem(path, "%s offers less than one record in its %v", path, p.Duration)
		}
	}
	if total > maxArrivals {
		d.problem("phases", "the open phases offer %.0f records in a trial, want at most %d", total, maxArrivals)
	}
}

// checkSearch reports a search that cannot decide anything, because no rate that the budget allows brings as many records in
// a step as the quantile needs.
func (d *decoder) checkSearch(w *Workload, path string, p *Phase) {
	if p.Kind != Search || w.Budget.MaxRPS == 0 {
		return
	}
	slo := p.Search.SLO
	if most, need := w.Budget.MaxRPS*p.Search.Step.Seconds(), stats.Needed(slo.Quantile); most < float64(need) {
		d.problem(path+".search", "%s.search: %v at budget.max_rps, %g/s, bring %.0f records, but a p%g needs %d; make the step longer or raise budget.max_rps",
			path, p.Search.Step, w.Budget.MaxRPS, most, slo.Quantile*100, need)
	}
}

// kinds lists, for each kind of phase, the keys that make it and those that it may have besides.
var kinds = []struct {
	name, must, may string
	kind            Kind
	shape           shape
}{
	{"a steady phase", "rate duration", "arrivals", Open, steady},
	{"a burst phase", "base peak width every duration", "arrivals", Open, burst},
	{"a ramp", "from to duration", "arrivals", Open, ramp},
	{"a closed phase", "closed concurrency duration", "", Closed, steady},
	{"a search", "search", "", Search, steady},
}

// checkPhase finds out what kind of phase p is and whether it has the keys for it.
func (d *decoder) checkPhase(path string, p *Phase) {
	found := -1
	for i, k := range kinds {
		for _, key := range strings.Fields(k.must) {
			if key == "duration" || !d.given(path+"."+key) || found == i {
				continue
			}
			if found >= 0 {
				d.problem(path, "%s is both %s and %s", path, kinds[found].name, k.name)
				return
			}
			found = i
		}
	}
	if found < 0 {
		d.problem(path, "%s says not when to send: give rate; base, peak, width and every; from and to; closed and concurrency; or search", path)
		return
	}
	k := kinds[found]
	p.Kind, p.shape = k.kind, k.shape
	for _, key := range strings.Fields(k.must) {
		if !d.given(path + "." + key) {
			d.problem(path, "%s: %s needs %q", path, k.name, key)
		}
	}
	for _, key := range []string{"arrivals", "duration"} {
		if d.given(path+"."+key) && !strings.Contains(k.must+" "+k.may, key) {
			d.problem(path+"."+key, "%s.%s means nothing for %s", path, key, k.name)
		}
	}
	switch {
	case k.shape == burst && p.Peak <= p.Base:
		d.problem(path, "%s: peak %v is not above base %v", path, p.Peak, p.Base)
	case k.shape == burst && p.Width >= p.Every:
		d.problem(path, "%s: width %v is not below every %v", path, p.Width, p.Every)
	case k.kind == Closed && !p.Closed:
		d.problem(path, "%s has a concurrency, so it needs closed: true", path)
	case k.kind == Closed && len(p.Concurrency) == 0 && d.given(path+".concurrency") && !d.bad(path+".concurrency"):
		d.problem(path, "%s.concurrency is an empty list", path)
	}
}
