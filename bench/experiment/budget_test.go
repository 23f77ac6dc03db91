package experiment

import (
	"math"
	"strings"
	"testing"

	"sluice/bench/cost"
	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/bench/workload"
)

const planned = `
workload: 1
records: {size: {dist: fixed, bytes: 1KiB}}
phases:
  - {name: steady, rate: 100/s, duration: 10s}
batching: {max_records: 10, linger: 1s}
transports: [memory, sqs, apigateway, jetstream]
trials: {pairs: 10, warmup: 10s}
`

func estimate(t *testing.T, text, kind string) cost.Cost {
	t.Helper()
	e := experimentOf(t, parse(t, text), kind)
	got, err := Estimate(e.Runner.Workload, e.Runner.Pool, e.Ends, cost.DefaultBook())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	// 20,000 records each way, warm-up included, and a tenth more, which may be sent again. SQS in full requests of ten: 3 requests for ten records and a tenth of an
	// empty one each, at $0.40 a million, and 200 calls. REST: one call each at $3.50, and one function each at $0.20 and
	// 128 MB × 1 ms.
	sqs := 22_000*(0.3+0.1)*0.4e-6 + 220*0.4e-6
	rest := 22_000*3.5e-6 + 22_000*(0.2e-6+0.125*0.001*16.6667e-6)
	for kind, want := range map[string]float64{result.AWS: sqs + rest, result.Remote: sqs + rest, result.StandIn: 0, result.Local: 0, result.Embedded: 0} {
		got := estimate(t, planned, kind)
		if math.Abs(got.USD-want) > 0.001*want || want == 0 && len(got.Items) > 0 {
			t.Errorf("%s: $%.6f, want $%.6f: %+v", kind, got.USD, want, got.Items)
		}
		names := map[string]bool{}
		for _, item := range got.Items {
			if names[item.Name] {
				t.Errorf("%s: %s is listed twice", kind, item.Name)
			}
			names[item.Name] = true
		}
	}
}

func TestEstimateOfWhatHasNoRate(t *testing.T) {
	t.Parallel()
	closed := estimate(t, strings.Replace(planned, "rate: 100/s", "closed: true, concurrency: [4, 8]", 1), result.AWS).USD
	// 12 senders, a request every 10 ms, 10 s and 10 pairs: 120,000 requests to each.
	if least := 120_000 * (0.4e-6 + 3.5e-6); closed < least || closed > 3*least {
		t.Errorf("closed phases cost $%.4f, want $%.4f and something for receiving", closed, least)
	}
	// Held down to 100/s, 2 steps of 10 s and 10 pairs send 20,000 records; to 20/s, 4,000, of which two share a request to SQS.
	const rest = 3.5 + 0.2 + 0.125*0.001*16.6667
	for bound, want := range map[string]float64{"100": 22_000 * (0.4*0.4 + rest) * 1e-6, "20": 4_400 * (0.4*1.6 + rest) * 1e-6} {
		held := estimate(t, strings.Replace(planned, "rate: 100/s", "closed: true, concurrency: [4, 8]", 1)+"budget: {max_rps: "+bound+"}\n", result.AWS).USD
		if math.Abs(held-want) > 0.01*want {
			t.Errorf("closed phases held down to %s/s cost $%.4f, want $%.4f", bound, held, want)
		}
	}
	search := "search: {slo: \"accept.p50 < 1s\"}"
	free := estimate(t, strings.Replace(planned, "rate: 100/s, duration: 10s", search, 1), result.AWS).USD
	bound := estimate(t, strings.Replace(planned, "rate: 100/s, duration: 10s", search, 1)+"budget: {max_rps: 100}\n", result.AWS).USD
	if free < 10 || bound > free/2 {
		t.Errorf("a search costs up to $%.2f, and up to $%.2f below 100/s; want the bound to count", free, bound)
	}
}

// A profile that its own budget refuses at AWS would be of no use there.
func TestProfilesKeepToTheirOwnBudget(t *testing.T) {
	t.Parallel()
	for _, name := range workload.Profiles() {
		w, err := workload.Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		e := experimentOf(t, w, result.AWS)
		got, err := Estimate(w, e.Runner.Pool, e.Ends, cost.DefaultBook())
		if err == nil {
			err = Afford(w, got)
		}
		if err != nil || got.USD < w.Budget.MaxUSD/20 {
			t.Errorf("%s: %v; it costs $%.2f of $%.2f, want less than its budget, and not far less", name, err, got.USD, w.Budget.MaxUSD)
		}
	}
}

func TestAfford(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, workload string
		usd            float64
		want           string // in the error; empty: none
	}{
		{"within", planned + "budget: {max_usd: 2, max_rps: 100}\n", 1.99, ""},
		{"no limit of the rate", planned, 0.5, ""},
		{"too much money", planned + "budget: {max_usd: 2}\n", 2.01, "would cost about $2.01, and budget.max_usd is $2.00"},
		{"no money at all", planned + "budget: {max_usd: 0}\n", 0.001, "budget.max_usd is $0.00"},
		{"nothing to pay", planned + "budget: {max_usd: 0}\n", 0, ""},
		{"too high a rate", planned + "budget: {max_rps: 99}\n", 0, "phase steady offers 100/s, and budget.max_rps is 99"},
		{"too high a peak", strings.Replace(planned, "rate: 100/s", "base: 1/s, peak: 100/s, width: 1s, every: 5s", 1) + "budget: {max_rps: 99}\n", 0, "phase steady offers 100/s"},
		{"too high an end", strings.Replace(planned, "rate: 100/s", "from: 1/s, to: 100/s", 1) + "budget: {max_rps: 99}\n", 0, "phase steady offers 100/s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Afford(parse(t, c.workload), cost.Cost{USD: c.usd})
			if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestPaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		transport, kind string
		want            bool
	}{
		{"sqs", result.AWS, true}, {"apigateway", result.AWS, true}, {"apigateway", result.Remote, true}, {"sqs", result.Local, false},
		{"sqs", result.StandIn, false}, {"jetstream", result.Remote, false}, {"rabbitmq", result.Remote, false}, {"memory", result.Null, false},
	} {
		if got := Paid((&trial.FarEnd{Target: result.Target{Transport: c.transport, Kind: c.kind}}).Target); got != c.want {
			t.Errorf("%s at %s: paid %v, want %v", c.transport, c.kind, got, c.want)
		}
	}
}
