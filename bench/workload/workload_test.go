package workload_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/bench/workload"
)

// parse reads a workload that must be valid.
func parse(t *testing.T, doc string) *workload.Workload {
	t.Helper()
	w, err := workload.Parse([]byte(doc))
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, doc)
	}
	return w
}

func TestProfilesAreValid(t *testing.T) {
	t.Parallel()
	for _, name := range workload.Profiles() {
		w, err := workload.Builtin(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if w.Trials.Pairs < 6 {
			t.Errorf("%s has %d pairs, want at least the 6 that allow a verdict", name, w.Trials.Pairs)
		}
	}
	if _, err := workload.Builtin("quik"); err == nil || !strings.Contains(err.Error(), "quick, standard, audit") {
		t.Errorf("Builtin(quik) fails with %v, want the names that there are", err)
	}
}

func TestQuickIsQuickAndItsP99Counts(t *testing.T) {
	t.Parallel()
	w, err := workload.Builtin("quick")
	if err != nil {
		t.Fatal(err)
	}
	trial := w.Trials.Warmup
	for _, p := range w.Phases {
		trial += p.Total()
	}
	// A trial also starts a process and waits for the last records: two seconds for both leave room.
	if all := time.Duration(w.Trials.Pairs*len(w.Transports)) * (trial + 2*time.Second); all > 4*time.Minute {
		t.Errorf("the quick profile takes about %v, want at most 4m", all)
	}
	for pair := range w.Trials.Pairs {
		if n := len(w.Arrivals(0, pair)); n < 1000 {
			t.Errorf("pair %d has %d records in %s, want the 1000 that p99 needs", pair, n, w.Phases[0].Name)
		}
	}
}

func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/workloads/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %d examples, %v; want at least 4", len(files), err)
	}
	for _, file := range files {
		w, err := workload.Load(file)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if doc, err := os.ReadFile(file); err != nil || w.Doc() != string(doc) {
			t.Errorf("%s: Doc differs from the file, %v", file, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	w := parse(t, "workload: 1\nphases: [{name: a, rate: 60/min, duration: 10s}]\n")
	if got := w.Phases[0]; got.Kind != workload.Open || got.Rate() != 1 || got.Arrivals != "poisson" || got.Search != (workload.Ladder{}) {
		t.Errorf("phase %+v, want an open one with 1/s of independent arrivals and no search", got)
	}
	if got := w.Records.Size; got.Dist != "fixed" || got.Bytes != 1024 {
		t.Errorf("size %+v, want 1KiB for all", got)
	}
	if len(w.Transports) != 2 || w.Transports[0].Name != "sqs" || w.Transports[1].Name != "apigateway" {
		t.Errorf("transports %+v, want sqs and apigateway", w.Transports)
	}
	if got, want := w.BatchingOf(w.Transports[0]), (workload.Batching{MaxRecords: 10}); got != want {
		t.Errorf("batching %+v, want %+v", got, want)
	}
	if w.Seed != 1 || w.Trials.Pairs != 6 || w.Trials.Order != "random" || w.Budget.MaxUSD != 1 || w.PriceBook == "" {
		t.Errorf("got %+v, want seed 1, 6 pairs in random order, 1 USD, a price book", w)
	}
}

func TestHashIsThatOfTheFileAsItIs(t *testing.T) {
	t.Parallel()
	const doc = "workload: 1\nphases: [{name: a, rate: 1/s, duration: 10s}]\n"
	// printf 'workload: 1\nphases: [{name: a, rate: 1/s, duration: 10s}]\n' | sha256sum
	if got, want := parse(t, doc).Hash(), "6a69f4d506f087fde6a273e677146aa5ab91c666423a15c87c9bbd9ab6120ae2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if parse(t, doc).Hash() == parse(t, doc+"# a remark\n").Hash() {
		t.Error("a remark leaves the hash as it is, want that of every byte")
	}
}

func TestAllKindsOfPhases(t *testing.T) {
	t.Parallel()
	w := parse(t, `workload: 1
phases:
  - {name: steady, rate: 10/s, duration: 2s, arrivals: constant}
  - {name: burst, base: 0/s, peak: 100/s, width: 1s, every: 4s, duration: 8s}
  - {name: ramp, from: 0/s, to: 100/s, duration: 10s}
  - {name: max, closed: true, concurrency: [1, 2, 4], duration: 5s}
  - {name: find, search: {slo: "accept.p99.9 < 20ms", from: 50/s, until: 90%, step: 2s}}
  - {name: find2, search: {slo: "processed.p50<1s"}}
`)
	for i, want := range []struct {
		kind  workload.Kind
		rate  float64
		total time.Duration
	}{
		{workload.Open, 10, 2 * time.Second},
		{workload.Open, 25, 8 * time.Second},
		{workload.Open, 50, 10 * time.Second},
		{workload.Closed, 0, 15 * time.Second},
		{workload.Search, 0, 0},
	} {
		if p := w.Phases[i]; p.Kind != want.kind || p.Rate() != want.rate || p.Total() != want.total {
			t.Errorf("%s is %v with %v/s for %v, want %v with %v/s for %v", p.Name, p.Kind, p.Rate(), p.Total(), want.kind, want.rate, want.total)
		}
	}
	if got, want := w.Phases[4].Search, (workload.Ladder{SLO: workload.SLO{Metric: "accept", Quantile: 0.999, Bound: 20 * time.Millisecond}, From: 50, Until: 0.9, Step: 2 * time.Second}); got != want {
		t.Errorf("search %+v, want %+v", got, want)
	}
	if got := w.Phases[5].Search; got.From != 0 || got.Until != 1.1 || got.Step != 30*time.Second {
		t.Errorf("search %+v, want from auto until 110%% in steps of 30s", got)
	}
}

func TestASearchMayHaveJustTheRecordsForItsQuantile(t *testing.T) {
	t.Parallel()
	parse(t, "workload: 1\nphases: [{name: a, search: {slo: processed.p99 < 1s, step: 10s}}]\nbudget: {max_rps: 100}\n")
}

func TestTheKindOfAPI(t *testing.T) {
	t.Parallel()
	for transports, want := range map[string]string{
		"":                                "rest",
		"transports: [sqs, apigateway]\n": "rest",
		"transports: [sqs, {name: apigateway}]\n":            "rest",
		"transports: [sqs, {api: http, name: apigateway}]\n": "http",
	} {
		w := parse(t, "workload: 1\nphases: [{name: a, rate: 1/s, duration: 10s}]\n"+transports)
		if queue, api := w.Transports[0].API, w.Transports[1].API; queue != "" || api != want {
			t.Errorf("%q: a queue of kind %q and an API of kind %q, want none and %q", transports, queue, api, want)
		}
	}
}

func TestBatchingOfASide(t *testing.T) {
	t.Parallel()
	w := parse(t, `workload: 1
phases: [{name: a, rate: 1/s, duration: 10s}]
batching: {max_records: 8, linger: 5ms}
transports: [memory, {name: sqs, batching: {max_records: 1}}, {name: apigateway, batching: {linger: 0s}}]
`)
	for i, want := range []workload.Batching{{8, 5 * time.Millisecond}, {1, 5 * time.Millisecond}, {8, 0}} {
		if got := w.BatchingOf(w.Transports[i]); got != want {
			t.Errorf("%s: %+v, want %+v", w.Transports[i].Name, got, want)
		}
	}
}

func TestOrderOfTransports(t *testing.T) {
	t.Parallel()
	const doc = "workload: 1\nphases: [{name: a, rate: 1/s, duration: 10s}]\ntransports: [memory, sqs, apigateway]\ntrials: {pairs: 100, order: "
	parsed := map[string]*workload.Workload{}
	for _, kind := range []string{"abba", "fixed", "random"} {
		parsed[kind] = parse(t, doc+kind+"}\n")
	}
	order := func(kind string, pair int) string {
		var names []string
		for _, s := range parsed[kind].Order(pair) {
			names = append(names, s.Name)
		}
		return strings.Join(names, " ")
	}
	const listed, reversed = "memory sqs apigateway", "apigateway sqs memory"
	for pair, want := range []string{listed, reversed, listed, reversed} {
		if got := order("abba", pair); got != want {
			t.Errorf("abba, pair %d: %s, want %s", pair, got, want)
		}
		if got := order("fixed", pair); got != listed {
			t.Errorf("fixed, pair %d: %s, want %s", pair, got, listed)
		}
	}
	count := map[string]int{}
	for pair := range 600 {
		count[order("random", pair)]++
	}
	for got, n := range count {
		if len(count) != 6 || n < 60 || n > 140 { // 100 each, standard deviation 9
			t.Errorf("random: %d orders, %q in %d of 600 pairs; want all 6, about 100 times each", len(count), got, n)
		}
	}
	if first := order("random", 7); first != order("random", 7) {
		t.Error("random: two orders for one pair")
	}
}
