package workload_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/bench/workload"
)

// valid is the least that a workload needs.
const valid = "workload: 1\nphases:\n  - {name: a, rate: 1/s, duration: 10s}\n"

func TestParseSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	phase := func(keys string) string { return "workload: 1\nphases:\n  - {name: a, " + keys + "}\n" }
	fault := func(keys string) string { return valid + "faults:\n  - {" + keys + "}\n" }
	receipts := func(keys string) string { return valid + "consumer: {receipts: " + keys + "}\n" }
	cases := []struct{ name, doc, want string }{
		{"empty", "", "the file is empty; a workload begins with the line workload: 1"},
		{"comments only", "# nothing\n", "the file is empty; a workload begins with the line workload: 1"},
		{"a list", "- a\n", "line 1: this is no list of keys; a workload begins with the line workload: 1"},
		{"two documents", valid + "---\n" + valid, "line 4: a second document begins here; a file is one workload"},
		{"cut off", "workload: 1\nphases: [{name: a", "not YAML: near line 1: did not find expected ',' or '}'"},
		{"something after it", valid + "}\n", "not YAML: near line 3: did not find expected key"},
		{"too long", valid + "#" + strings.Repeat("x", 64<<10), "the file has more than 65536 bytes, which no workload needs"},
		{"no phases", "workload: 1\n", "phases is missing"},
		{"empty list of phases", "workload: 1\nphases: []\n", "line 2: phases is an empty list"},
		{"another version", strings.Replace(valid, ": 1", ": 2", 1), "line 1: workload is 2, want 1 to 1"},
		{"no version", valid[len("workload: 1\n"):], "workload is missing"},

		{"mistyped key", valid + "sede: 1\n", "line 4: sede: there is no such key; did you mean seed?"},
		{"mistyped key in a phase", phase("rate: 1/s, durration: 10s"),
			"line 3: phases[0].durration: there is no such key; did you mean duration?\nline 3: phases[0]: a steady phase needs \"duration\""},
		{"a key like no other", valid + "x: 1\n", "line 4: x: there is no such key; there are workload, seed, records, phases, batching, consumer, faults, transports, trials, budget, price_book"},
		{"a key twice", valid + "seed: 1\nseed: 2\n", "line 5: seed is given a second time; the first is in line 4"},
		{"an empty value", valid + "seed:\n", "line 4: seed is empty"},
		{"an alias", "workload: 1\nseed: &x 1\nphases: *x\n", "line 2: seed: anchors and aliases are not supported; write it out\nline 3: phases: anchors and aliases are not supported; write it out"},
		{"a bomb of aliases", "a: &a [1,2]\nb: &b [*a,*a]\nc: &c [*b,*b]\n" + valid,
			"line 1: a: there is no such key; there are workload, seed, records, phases, batching, consumer, faults, transports, trials, budget, price_book\n" +
				"line 2: b: there is no such key; there are workload, seed, records, phases, batching, consumer, faults, transports, trials, budget, price_book\n" +
				"line 3: c: there is no such key; there are workload, seed, records, phases, batching, consumer, faults, transports, trials, budget, price_book"},
		{"a merge", valid + "<<: {seed: 1}\n", "line 4: <<: there is no such key; there are workload, seed, records, phases, batching, consumer, faults, transports, trials, budget, price_book"},
		{"a list for a block", valid + "records: [1]\n", "line 4: records is a list, want a block of keys"},
		{"a word for a list", valid + "faults: stall\n", "line 4: faults is \"stall\", want a list"},
		{"a block for a word", valid + "seed: {a: 1}\n", "line 4: seed is a block of keys, want one value"},
		{"a word for a block", valid + "trials: six\n", "line 4: trials is \"six\", want a block of keys"},

		{"a word for a number", valid + "seed: x\n", "line 4: seed is \"x\": want a whole number from 0 to 18446744073709551615"},
		{"a negative seed", valid + "seed: -1\n", "line 4: seed is \"-1\": want a whole number from 0 to 18446744073709551615"},
		{"yes for true", valid + "records: {sample: yes}\n", "line 4: records.sample is \"yes\": want true or false"},
		{"a time without a unit", phase("rate: 1/s, duration: 10"), "line 3: phases[0].duration is \"10\": want a time with its unit, such as 500ms, 30s or 2m"},
		{"a rate without a unit", phase("rate: 10, duration: 10s"), "line 3: phases[0].rate is \"10\": want a number per time, such as 200/s, 90/min or 1000/h"},
		{"an infinite rate", phase("rate: Inf/s, duration: 10s"), "line 3: phases[0].rate is \"Inf/s\": want a number per time, such as 200/s, 90/min or 1000/h"},
		{"a rate beyond any number", phase("rate: 1e999/s, duration: 10s"), "line 3: phases[0].rate is \"1e999/s\": want a number per time, such as 200/s, 90/min or 1000/h"},
		{"a size without a unit", valid + "records: {size: 100}\n", "line 4: records.size is \"100\": want whole bytes with a unit, such as 512B, 16KiB, 100KB, 1MiB or 1MB"},
		{"half a byte", valid + "records: {size: 0.5B}\n", "line 4: records.size is \"0.5B\": want whole bytes with a unit, such as 512B, 16KiB, 100KB, 1MiB or 1MB"},
		{"not a number", valid + "records: {random_ratio: .nan}\n", "line 4: records.random_ratio is \".nan\": want a number"},
		{"no receivers", valid + "consumer: {concurrency: 0}\n", "line 4: consumer.concurrency is \"0\": want auto or a whole number above 0"},
		{"receipts at no address", receipts("receipts"), "line 4: consumer.receipts is \"receipts\", want the address of an SQS queue, as in https://sqs.us-east-1.amazonaws.com/123456789012/receipts"},
		{"receipts in no queue", receipts("https://sqs.us-east-1.amazonaws.com/"), "line 4: consumer.receipts is \"https://sqs.us-east-1.amazonaws.com/\", want the address of an SQS queue, as in https://sqs.us-east-1.amazonaws.com/123456789012/receipts"},
		{"receipts at an empty address", receipts(`""`), "line 4: consumer.receipts is \"\", want the address of an SQS queue, as in https://sqs.us-east-1.amazonaws.com/123456789012/receipts"},
		{"receipts with a password", receipts("https://u:canary@example.com/1/q"), "line 4: consumer.receipts holds a user or password, which do not belong into a workload; receipts are read with the AWS_* settings"},
		{"receipts in a queue that drops duplicates", receipts("https://sqs.us-east-1.amazonaws.com/1/q.fifo"), "line 4: consumer.receipts is a FIFO queue, which drops a second receipt of a record, so that no duplicate would be seen; use a standard queue"},
		{"receipts that nobody reads", receipts("https://sqs.us-east-1.amazonaws.com/1/q, mode: reply"), "line 4: consumer.receipts means nothing with consumer.mode: reply, which reads nothing back"},
		{"receipts that nobody puts", receipts("https://sqs.us-east-1.amazonaws.com/1/q") + "transports: [sqs]\n", "line 4: consumer.receipts is for the transport apigateway, which transports does not list"},
		{"an objective without a bound", "workload: 1\nphases:\n  - {name: a, search: {slo: processed.p99}}\n",
			"line 3: phases[0].search.slo is \"processed.p99\": want an objective such as processed.p99 < 500ms: accept or processed; p50, p90, p95, p99 or p99.9; a time above 0"},
		{"a search without an objective", phase("search: {step: 5s}"), "line 3: phases[0].search.slo is missing"},

		{"a search without the records for its quantile", phase("search: {slo: processed.p99 < 500ms, step: 1s}") + "budget: {max_rps: 100}\n",
			"line 3: phases[0].search: 1s at budget.max_rps, 100/s, bring 100 records, but a p99 needs 1000; make the step longer or raise budget.max_rps"},
		{"a search just short of the records for its quantile", phase("search: {slo: accept.p99.9 < 500ms, step: 10s}") + "budget: {max_rps: 999}\n",
			"line 3: phases[0].search: 10s at budget.max_rps, 999/s, bring 9990 records, but a p99.9 needs 10000; make the step longer or raise budget.max_rps"},

		{"a rate of nothing", phase("rate: 0/s, duration: 10s"), "line 3: phases[0].rate is 0/s, want 0.001/s to 1000000/s"},
		{"a rate too high", phase("rate: 2e6/s, duration: 10s"), "line 3: phases[0].rate is 2e6/s, want 0.001/s to 1000000/s"},
		{"a phase too long", phase("rate: 1/s, duration: 7h"), "line 3: phases[0].duration is 7h, want 100ms to 6h"},
		{"one concurrency of three too high", phase("closed: true, concurrency: [1, 5000, 2], duration: 1s"), "line 3: phases[0].concurrency[1] is 5000, want 1 to 4096"},
		{"too many pairs", valid + "trials: {pairs: 1001}\n", "line 4: trials.pairs is 1001, want 1 to 1000"},
		{"too many steps", phase("closed: true, duration: 1s, concurrency: [" + strings.Repeat("1, ", 32) + "1]"), "line 3: phases[0].concurrency has 33 items, want at most 32"},
		{"too many records", phase("rate: 1000/s, duration: 6h"), "line 3: the open phases offer 21600000 records in a trial, want at most 10000000"},
		{"less than a record", phase("rate: 0.01/s, duration: 10s"), "line 3: phases[0] offers less than one record in its 10s"},

		{"an unknown word", valid + "trials: {order: randum}\n", "line 4: trials.order is \"randum\", want one of random, abba, fixed; did you mean random?"},
		{"an unknown transport", valid + "transports: [sqs, apigw]\n", "line 4: transports[1] is \"apigw\", want one of memory, sqs, apigateway, jetstream, rabbitmq"},
		{"a kind of API of a queue", valid + "transports: [{name: sqs, api: http}]\n", "line 4: transports[0].api means nothing for sqs"},
		{"an API of no kind", valid + "transports: [{name: apigateway, api: websocket}]\n", "line 4: transports[0].api is \"websocket\", want one of rest, http"},
		{"a transport twice", valid + "transports: [sqs, {name: sqs}]\n", "line 4: transports[1]: sqs is listed twice"},
		{"no transports", valid + "transports: []\n", "line 4: transports is an empty list"},
		{"a transport without a name", valid + "transports: [{batching: {linger: 1s}}]\n", "line 4: transports[0].name is missing"},

		{"a phase without a name", "workload: 1\nphases: [{rate: 1/s, duration: 1s}]\n", "line 2: phases[0].name is missing"},
		{"a name with a space", "workload: 1\nphases: [{name: a b, rate: 1/s, duration: 1s}]\n", "line 2: phases[0].name is \"a b\", want 1 to 32 of a-z, 0-9, - and _"},
		{"two phases of a name", valid + "  - {name: a, rate: 1/s, duration: 10s}\n", "line 4: phases[1].name is a, as an earlier phase's is"},
		{"a phase without arrivals", phase("duration: 1s"), "line 3: phases[0] says not when to send: give rate; base, peak, width and every; from and to; closed and concurrency; or search"},
		{"a phase of two kinds", phase("rate: 1/s, closed: true, concurrency: [1], duration: 1s"), "line 3: phases[0] is both a steady phase and a closed phase"},
		{"a burst without a width", phase("base: 1/s, peak: 2/s, every: 1s, duration: 10s"), "line 3: phases[0]: a burst phase needs \"width\""},
		{"a burst that is none", phase("base: 2/s, peak: 2/s, width: 1s, every: 2s, duration: 10s"), "line 3: phases[0]: peak 2/s is not above base 2/s"},
		{"a burst without an end", phase("base: 1/s, peak: 2/s, width: 2s, every: 2s, duration: 10s"), "line 3: phases[0]: width 2s is not below every 2s"},
		{"a closed phase that is not", phase("closed: false, concurrency: [1], duration: 1s"), "line 3: phases[0] has a concurrency, so it needs closed: true"},
		{"a closed phase without steps", phase("closed: true, concurrency: [], duration: 1s"), "line 3: phases[0].concurrency is an empty list"},
		{"arrivals of senders that wait", phase("closed: true, concurrency: [1], duration: 1s, arrivals: constant"), "line 3: phases[0].arrivals means nothing for a closed phase"},
		{"a search with a duration", phase("search: {slo: accept.p50 < 1s}, duration: 1s"), "line 3: phases[0].duration means nothing for a search"},

		{"a lognormal without p99", valid + "records:\n  size: {dist: lognormal, p50: 1KiB, max: 2KiB}\n", "line 5: records.size: lognormal needs \"p99\""},
		{"a fixed size with a maximum", valid + "records: {size: {bytes: 1KiB, max: 2KiB}}\n", "line 4: records.size.max means nothing for fixed"},
		{"a lognormal upside down", valid + "records: {size: {dist: lognormal, p50: 4KiB, p99: 1KiB, max: 8KiB}}\n", "line 4: records.size: want p50 4KiB ≤ p99 1KiB ≤ max 8KiB"},
		{"a uniform upside down", valid + "records: {size: {dist: uniform, min: 4KiB, max: 1KiB}}\n", "line 4: records.size: min 4KiB is above max 1KiB"},
		{"a JSON object of 10 bytes", valid + "records: {size: 10B}\n", "line 4: records.size allows bodies of 10B, but json needs at least 11B"},
		{"text without a pattern", valid + "records: {random_ratio: 0.9}\n", "line 4: records.random_ratio is 0.9, want at most 0.8 for json; binary allows 1"},
		{"a pool beyond memory", valid + "records: {size: 10MiB, pool: 100000}\n", "line 4: records.pool: 100000 bodies of these sizes take 1000000 MiB, want at most 256"},

		{"a stall without an end", fault("kind: stall"), "line 5: faults[0]: stall needs \"for\""},
		{"an unknown fault", fault("kind: stal, for: 1s"), "line 5: faults[0].kind is \"stal\", want one of stall, latency, 5xx, throttle, reset_after_send, lost_ack, duplicate_delivery, partial_batch_failure, slow_consumer, consumer_crash, expired_credentials, clock_skew, dns_failure; did you mean stall?"},
		{"a stall with a share", fault("kind: stall, for: 1s, p: 0.5"), "line 5: faults[0].p means nothing for stall"},
		{"a refusal without an end", fault("kind: throttle"), "line 5: faults[0]: throttle would let nothing pass any more; give it for, rate, or a p below 1"},
		{"a refusal of everything", fault("kind: 5xx, p: 1"), "line 5: faults[0]: 5xx would let nothing pass any more; give it for, or a p below 1"},
		{"a throttle of two kinds", fault("kind: throttle, p: 0.1, rate: 1/s"), "line 5: faults[0]: throttle is by rate or by p, not both"},
		{"a latency of nothing", fault("kind: latency, by: 0s"), "line 5: faults[0].by is 0s, which is no latency"},
		{"a negative latency", fault("kind: latency, by: -1s"), "line 5: faults[0].by is negative, which only clock_skew can be"},
		{"a share above 1", fault("kind: 5xx, p: 2"), "line 5: faults[0].p is 2, want 0.000001 to 1\nline 5: faults[0]: 5xx would let nothing pass any more; give it for, or a p below 1"},
		{"a fault after the end", fault("kind: stall, for: 1s, at: 60s"), "line 5: faults[0].at is 1m0s, but the phases last 10s; it would never strike"},
		{"a fault at the end", strings.Replace(valid, "rate: 1/s, duration: 10s}", "rate: 1/s, duration: 10s}\n  - {name: b, closed: true, concurrency: [1, 2], duration: 5s}\n  - {name: c, search: {slo: accept.p50 < 1s}}", 1) +
			"faults: [{kind: stall, for: 1s, at: 19s}, {kind: stall, for: 1s, at: 20s}]\n", "line 6: faults[1].at is 20s, but the phases last 20s; it would never strike"},
		{"a fault of a search", phase("search: {slo: accept.p50 < 1s}") + "faults: [{kind: stall, for: 1s}]\n", "line 4: faults[0] would never strike: a search has no faults, and there is no other phase"},
		{"a fault of an unknown length", phase("rate: 1/s, duration: x") + "faults: [{kind: stall, for: 1s}]\n", "line 3: phases[0].duration is \"x\": want a time with its unit, such as 500ms, 30s or 2m"},
		{"no price book", valid + "price_book: ''\n", "line 4: price_book is empty"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, err := workload.Parse([]byte(c.doc))
			var problems workload.Problems
			if w != nil || !errors.As(err, &problems) {
				t.Fatalf("got %v, %v; want Problems and no workload", w, err)
			}
			if err.Error() != c.want {
				t.Errorf("got\n%v\nwant\n%s", err, c.want)
			}
		})
	}
}

func TestParseSaysEverythingAtOnceInOrder(t *testing.T) {
	t.Parallel()
	_, err := workload.Parse([]byte(`workload: 1
sead: 3
phases:
  - {name: a, rate: 10, duration: 1s}
  - name: b
    closed: true
    concurrency: [0]
trials: {pairs: 0, order: other}
transports: [sqs, sqs]
`))
	const want = `line 2: sead: there is no such key; did you mean seed?
line 4: phases[0].rate is "10": want a number per time, such as 200/s, 90/min or 1000/h
line 5: phases[1]: a closed phase needs "duration"
line 7: phases[1].concurrency[0] is 0, want 1 to 4096
line 8: trials.pairs is 0, want 1 to 1000
line 8: trials.order is "other", want one of random, abba, fixed
line 9: transports[1]: sqs is listed twice`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "w.yaml")
	if err := os.WriteFile(file, []byte(valid+"x: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := workload.Load(file); err == nil || !strings.HasPrefix(err.Error(), file+": line 4: x: ") {
		t.Errorf("got %v, want it to begin with the file and the line", err)
	}
	if _, err := workload.Load(filepath.Join(dir, "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that there is no such file", err)
	}
	if _, err := workload.Load(dir); err == nil {
		t.Error("a folder is read as a workload")
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	w := parse(t, `workload: 1
phases: [{name: a, rate: 1000/h, duration: 1h}, {name: b, rate: 90/min, duration: 1h}, {name: c, rate: 2.5e2/s, duration: 1m30s}]
records: {size: {dist: lognormal, p50: 1.5KiB, p99: 16KB, max: 1MB}}
trials: {drain: 2m}
`)
	var rates []float64
	for _, p := range w.Phases {
		rates = append(rates, p.Rate())
	}
	if want := []float64{1000.0 / 3600, 1.5, 250}; !slices.Equal(rates, want) {
		t.Errorf("rates %v, want %v", rates, want)
	}
	if s := w.Records.Size; s.P50 != 1536 || s.P99 != 16000 || s.Max != 1000000 {
		t.Errorf("sizes %+v, want 1536, 16000 and 1000000 bytes", s)
	}
}

func TestUnitsInWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{workload.Bytes(0).String(), "0B"}, {workload.Bytes(1023).String(), "1023B"}, {workload.Bytes(1024).String(), "1KiB"},
		{workload.Bytes(1025).String(), "1025B"}, {workload.Bytes(3 << 20).String(), "3MiB"}, {workload.PerSecond(2.5).String(), "2.5/s"},
		{workload.RateOrAuto(0).String(), "auto"}, {workload.RateOrAuto(7).String(), "7/s"}, {workload.Share(1.1).String(), "110%"},
		{workload.CountOrAuto(0).String(), "auto"}, {workload.CountOrAuto(7).String(), "7"},
		{workload.SLO{Metric: "processed", Quantile: 0.999, Bound: 5e8}.String(), "processed.p99.9 < 500ms"},
		{workload.Open.String() + workload.Closed.String() + workload.Search.String(), "openclosedsearch"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}
