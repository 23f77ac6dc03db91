package resulttest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"sluice/bench/cost"
	"sluice/bench/result"
	"sluice/bench/stats"
)

// doc is the workload of the run.
const doc = `workload: 1
seed: 42
records: {size: {dist: lognormal, p50: 1KiB, p99: 16KiB, max: 240KiB}, keys: {n: 1000, zipf: 1.1}}
phases:
  - {name: steady, rate: 400/s, arrivals: poisson, duration: 10s}
  - {name: burst, base: 100/s, peak: 900/s, width: 2s, every: 4s, duration: 8s}
  - {name: max, closed: true, concurrency: [1, 4, 16], duration: 2s}
batching: {max_records: 10, linger: 5ms}
consumer: {mode: own, work: 2ms}
faults:
  - {at: 13s, kind: stall, for: 1s}
  - {at: 15s, kind: throttle, p: 0.02, for: 2s}
transports: [memory, sqs, apigateway, jetstream, rabbitmq]
trials: {pairs: 6, order: random}
`

// Pairs is how many blocks of trials the run has.
const Pairs = 6

var transports = []string{"memory", "sqs", "apigateway", "jetstream", "rabbitmq"}

var began = time.Date(2026, 11, 22, 14, 3, 0, 0, time.UTC)

// Fixture returns the run, the same each time, for the caller to change.
func Fixture() *result.File {
	f := new(result.File)
	if err := json.Unmarshal(once(), f); err != nil {
		panic(err) // it was written here
	}
	return f
}

// once is the text of the run, which takes half a second to make.
var once = sync.OnceValue(func() []byte {
	var out bytes.Buffer
	if err := build().Write(&out); err != nil {
		panic(err) // the numbers are made here
	}
	return out.Bytes()
})

func build() *result.File {
	sum := sha256.Sum256([]byte(doc))
	book := cost.DefaultBook()
	f := &result.File{
		Schema: result.Schema,
		Run: result.Run{ID: "20261122T140300Z-7f3a", Started: began, Seconds: 872.4, Seed: 42, Profile: "file",
			Command: "sluice-bench run --workload workload.yaml --seed 42"},
		Env: result.Env{Version: "v0.3.0", Commit: "4f0c2a9d1b7e", Go: "go1.26.0",
			Modules: map[string]string{"github.com/aws/aws-sdk-go-v2/service/sqs": "v1.42.0", "github.com/nats-io/nats.go": "v1.55.0"},
			OS:      "linux", Arch: "amd64", Kernel: "6.12.0", CPU: "Example CPU at 2.6 GHz", CPUs: 2, GOMAXPROCS: 2, Memory: 8 << 30,
			Cgroup: "cpu.max 200000 100000", Clock: "tsc"},
		Workload:    result.Workload{SHA256: hex.EncodeToString(sum[:]), Doc: doc, Records: "synthetic"},
		PriceBook:   result.PriceBook{ID: book.ID, Region: book.Region, Retrieved: book.Retrieved, Doc: book.Doc()},
		Targets:     targets(),
		Calibration: calibration(),
		Searches:    searches(),
		Warnings:    []string{"p99.9 is withheld: 4,000 records in a phase are fewer than the 10,000 that it needs"},
	}
	random := rand.New(rand.NewPCG(42, 7))
	at := began.Add(12 * time.Second)
	for pair := range Pairs {
		order := random.Perm(len(transports))
		weather := 1 + 0.05*random.NormFloat64() // shared by the trials of a block
		for slot, i := range order {
			s := simulation{random: random, weather: weather * (1 + 0.03*random.NormFloat64()), model: models[transports[i]]}
			t := s.trial(transports[i], pair, slot)
			t.Started, at = at, at.Add(28*time.Second)
			f.Trials = append(f.Trials, t)
		}
	}
	invalidate(f)
	f.Comparisons = comparisons(f)
	return f
}

func targets() []result.Target {
	target := func(transport, kind, name, durability string) result.Target {
		return result.Target{Transport: transport, Kind: kind, Name: name, Consumer: "own", Durability: durability, MaxRecords: 10, Linger: 5}
	}
	all := []result.Target{
		target("memory", result.Null, "nothing", "none: kept in memory"),
		target("sqs", result.StandIn, "127.0.0.1 queue bench-sqs", "stored in the stand-in's memory"),
		target("apigateway", result.StandIn, "127.0.0.1 POST /bench/records", "processed by the function behind it"),
		target("jetstream", result.Embedded, "127.0.0.1 stream BENCH", "stored in a file by one server"),
		target("rabbitmq", result.Local, "127.0.0.1 quorum queue bench", "stored by a quorum of one"),
	}
	all[1].Model, all[1].Region = "sqs-send-2021, seed 42", "us-east-1"
	all[2].Model, all[2].Region, all[2].Consumer, all[2].MaxRecords = "apigw-rest-warm-2gb, seed 42", "us-east-1", "reply", 10
	all[1].Settings = map[string]string{"queue": "standard", "visibility_timeout": "30s"}
	all[2].Settings = map[string]string{"api": "REST", "authorization": "AWS_IAM"}
	return all
}

func calibration() *result.Calibration {
	return &result.Calibration{TimerP50: 58, TimerP99: 140, NullP50: 9, NullP99: 31, NullRate: 412_000, MeasuringCPU: 0.021,
		Checks: []result.Check{
			{Name: "overhead", OK: true, Value: 31, Limit: 50, Text: "the null transport accepts within 31 µs (p99), at most 50 µs"},
			{Name: "client rate", OK: true, Value: 412_000, Limit: 4_500, Text: "this client offers 412,000 records a second, at least 4,500: five times the highest rate here"},
			{Name: "measuring", OK: true, Value: 0.021, Limit: 0.05, Text: "measuring takes 2.1 % of the sender's CPU, at most 5 %"},
		}}
}

// invalidate spoils one trial, as a busy machine would.
func invalidate(f *result.File) {
	i := slices.IndexFunc(f.Trials, func(t result.Trial) bool { return t.Transport == "rabbitmq" && t.Pair == 3 })
	t := &f.Trials[i]
	t.Valid = false
	why := "records were released up to 41.20 ms (p99) after they were due, at most 1.00 ms"
	t.Because = []string{"steady: " + why}
	for j := range t.Phases[0].Checks {
		if c := &t.Phases[0].Checks[j]; c.Name == "late_send" {
			c.OK, c.Value, c.Text = false, 41.2, why
		}
	}
}

// Compared are the metrics of the comparisons.
var Compared = []string{"accept.p50", "accept.p99", "processed.p50", "processed.p99", "throughput.max", "cpu_per_record"}

// comparisons judges all pairs of transports.
func comparisons(f *result.File) []result.Comparison {
	var all []result.Comparison
	for i, a := range transports {
		for _, b := range transports[i+1:] {
			all = append(all, compare(f, a, b)...)
		}
	}
	return all
}

func compare(f *result.File, a, b string) []result.Comparison {
	var family []stats.Metric
	var out []result.Comparison
	for _, name := range Compared {
		m, _ := result.MetricNamed(name)
		c := result.Comparison{Metric: name, Unit: m.Unit, Higher: m.Higher, A: a, B: b,
			StandIn: f.Target(a).Kind == result.StandIn || f.Target(b).Kind == result.StandIn}
		if m.Latency() {
			c.Phase = "steady"
		}
		sides := stats.Metric{Name: name, HigherIsBetter: m.Higher}
		for pair := range Pairs {
			x, okX := valueOf(f, m, a, pair)
			y, okY := valueOf(f, m, b, pair)
			if okX && okY {
				c.Values = append(c.Values, [2]float64{x, y})
				sides.A, sides.B = append(sides.A, x), append(sides.B, y)
			}
		}
		c.Pairs, c.TypicalA, c.TypicalB = len(c.Values), result.Typical(sides.A).Mid, result.Typical(sides.B).Mid
		family, out = append(family, sides), append(out, c)
	}
	judged, err := stats.Judge(family, stats.Options{})
	if err != nil {
		panic(err) // the numbers are made here
	}
	for i, j := range judged {
		c := &out[i]
		c.Ratio, c.CI95, c.HL, c.HLCI95 = j.Ratio, j.CI, j.HodgesLehmann, j.WilcoxonCI
		c.P, c.HolmP, c.Verdict, c.Needs, c.Text = j.P, j.HolmP, string(j.Verdict), j.Needs, j.Text(a, b)
	}
	return out
}

func valueOf(f *result.File, m result.Metric, transport string, pair int) (float64, bool) {
	for i := range f.Trials {
		if t := &f.Trials[i]; t.Transport == transport && t.Pair == pair && t.Valid {
			return m.Of(t, "steady")
		}
	}
	return 0, false
}
