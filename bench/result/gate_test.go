package result_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sluice/bench/result"
	"sluice/bench/result/resulttest"
)

// run makes a run with one trial of sqs for each p99 of acceptance in milliseconds. The phase is called steady.
func run(p99 ...float64) *result.File {
	f := &result.File{Schema: result.Schema, Targets: []result.Target{{Transport: "sqs", Kind: result.AWS}}}
	for i, v := range p99 {
		t := result.Trial{Pair: i, Transport: "sqs", Valid: true, Phases: []result.Phase{
			{Name: "steady", Kind: "open", Offered: 1000, Accepted: 1000},
			{Name: "max", Kind: "closed", Concurrency: 1, AcceptedRate: 10000 / v},
		}}
		t.Phases[0].Latency.Accept = result.Summary{N: 1000, P99: &v, Mean: v / 2}
		f.Trials = append(f.Trials, t)
	}
	return f
}

func outcome(t *testing.T, f, baseline *result.File, rule string, o result.GateOptions) result.Finding {
	t.Helper()
	g, err := result.Gate(f, baseline, []string{rule}, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Findings) != 1 {
		t.Fatalf("%s: %d findings, want 1", rule, len(g.Findings))
	}
	return g.Findings[0]
}

func TestGateFailsOnlyWhatIsProvedUnlessItIsStrict(t *testing.T) {
	t.Parallel()
	tight := []float64{99, 101, 100, 99, 101, 100} // about 99.1 to 100.9
	loose := []float64{60, 170, 100, 60, 165, 100} // about 60 to 150
	for _, c := range []struct {
		name, rule      string
		values          []float64
		usual, strictly result.Outcome
	}{
		{"far above", "accept.p99 > 50ms", tight, result.Failed, result.Failed},
		{"far below", "accept.p99 > 150ms", tight, result.Passed, result.Passed},
		{"interval around the limit, typical value below", "accept.p99 > 105ms", loose, result.Passed, result.Failed},
		{"interval around the limit, typical value above", "accept.p99 > 90ms", loose, result.Undecided, result.Failed},
		{"a rate far too low", "throughput.max < 150", tight, result.Failed, result.Failed},
		{"a rate high enough", "throughput.max < 50", tight, result.Passed, result.Passed},
		{"a rate around the limit, typical value too low", "throughput.max < 105", loose, result.Undecided, result.Failed},
		{"a rate around the limit, typical value high enough", "throughput.max < 90", loose, result.Passed, result.Failed},
		{"one trial proves nothing", "accept.p99 > 50ms", []float64{100}, result.Undecided, result.Failed},
		{"units are converted", "sqs.accept.p99@steady >= 0.05s", tight, result.Failed, result.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := run(c.values...)
			if got := outcome(t, f, nil, c.rule, result.GateOptions{}); got.Outcome != c.usual {
				t.Errorf("%s: got %s, want %s (%+v)", c.rule, got.Outcome, c.usual, got.Value)
			}
			if got := outcome(t, f, nil, c.rule, result.GateOptions{Strict: true}); got.Outcome != c.strictly {
				t.Errorf("strictly: %s: got %s, want %s (%+v)", c.rule, got.Outcome, c.strictly, got.Value)
			}
		})
	}
}

func TestGateRelatesToABaseline(t *testing.T) {
	t.Parallel()
	before := run(99, 101, 100, 99, 101, 100)
	for _, c := range []struct {
		name   string
		now    []float64
		rule   string
		usual  result.Outcome
		strict result.Outcome
	}{
		{"20 % slower", []float64{119, 121, 120, 119, 121, 120}, "accept.p99 ratio > 1.10", result.Failed, result.Failed},
		{"the same", []float64{100, 99, 101, 100, 99, 101}, "accept.p99 ratio > 1.10", result.Passed, result.Passed},
		{"20 % faster", []float64{79, 81, 80, 79, 81, 80}, "accept.p99 ratio > 1.10", result.Passed, result.Passed},
		{"perhaps slower", []float64{80, 180, 125, 80, 180, 125}, "accept.p99 ratio > 1.10", result.Undecided, result.Failed},
		{"perhaps not slower", []float64{70, 150, 100, 70, 150, 100}, "accept.p99 ratio > 1.10", result.Passed, result.Failed},
		{"a rate has dropped", []float64{149, 151, 150, 149, 151, 150}, "throughput.max ratio < 0.9", result.Failed, result.Failed},
		{"a rate has risen", []float64{79, 81, 80, 79, 81, 80}, "throughput.max ratio < 0.9", result.Passed, result.Passed},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outcome(t, run(c.now...), before, c.rule, result.GateOptions{}); got.Outcome != c.usual {
				t.Errorf("got %s, want %s (%+v)", got.Outcome, c.usual, got.Value)
			}
			if got := outcome(t, run(c.now...), before, c.rule, result.GateOptions{Strict: true}); got.Outcome != c.strict {
				t.Errorf("strictly: got %s, want %s (%+v)", got.Outcome, c.strict, got.Value)
			}
		})
	}
}

func TestGateCountsInvalidTrialsForLossesOnly(t *testing.T) {
	t.Parallel()
	f := run(100, 100, 5000)
	f.Trials[2].Valid, f.Trials[2].Audit.Lost = false, 1
	if got := outcome(t, f, nil, "lost > 0", result.GateOptions{}); got.Outcome != result.Failed {
		t.Errorf("a loss in an invalid trial: got %s, want %s", got.Outcome, result.Failed)
	}
	if got := outcome(t, f, nil, "accept.p99 > 200ms", result.GateOptions{Strict: true}); got.Outcome != result.Passed {
		t.Errorf("a slow invalid trial: got %s, want %s", got.Outcome, result.Passed)
	}
	if got := outcome(t, f, nil, "invalid_trials > 0", result.GateOptions{}); got.Outcome != result.Failed {
		t.Errorf("an invalid trial: got %s, want %s", got.Outcome, result.Failed)
	}
}

func TestGateDoesNotOpenForNothing(t *testing.T) {
	t.Parallel()
	f := run(100, 100)
	for i := range f.Trials {
		f.Trials[i].Valid = false
	}
	g, err := result.Gate(f, nil, []string{"accept.p99 > 200ms"}, result.GateOptions{})
	if err != nil || !g.Failed || g.Findings[0].Outcome != result.Unknown {
		t.Errorf("no valid trial: %+v, %v, want a failed gate without data", g, err)
	}
}

// A price that does not exist is not one of $0, whatever the limit.
func TestGateKnowsWhatHasNoPrice(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	for _, rule := range []string{"jetstream.usd_per_million > 1", "memory.usd_per_million < 1"} {
		if got := outcome(t, f, nil, rule, result.GateOptions{}); got.Outcome != result.Unknown || !strings.Contains(got.Text, "nothing that it used is billed") {
			t.Errorf("%s: got %s, %q, want no data, and why", rule, got.Outcome, got.Text)
		}
	}
	g, err := result.Gate(f, nil, []string{"usd_per_million > 1"}, result.GateOptions{})
	if err != nil || g.Failed || len(g.Findings) != 2 {
		t.Errorf("a rule that names no transport: %+v, %v, want sqs and apigateway judged and passed", g, err)
	}
	f.Trials = slices.DeleteFunc(f.Trials, func(t result.Trial) bool { return t.Transport == "sqs" })
	if g, err = result.Gate(f, nil, []string{"usd_per_million > 1"}, result.GateOptions{}); err != nil || !g.Failed {
		t.Errorf("sqs was never tried: %+v, %v, want a failed gate", g, err)
	}
}

func TestGateDoesNotOpenWhereNothingCanBeSeen(t *testing.T) {
	t.Parallel()
	f := run(100, 100)
	f.Targets[0].Kind = result.Null
	f.Trials[0].Audit.Accepted = 1
	for _, rule := range []string{"lost > 0", "usd_per_million > 1"} {
		if got := outcome(t, f, nil, rule, result.GateOptions{}); got.Outcome != result.Unknown {
			t.Errorf("%s with no destination: got %s, want %s", rule, got.Outcome, result.Unknown)
		}
	}
}

func TestGateTreatsWhatIsNotDecidedAsTold(t *testing.T) {
	t.Parallel()
	for fails, o := range map[bool]result.GateOptions{false: {}, true: {FailUndecided: true}} {
		g, err := result.Gate(run(60, 170, 100, 60, 165, 100), nil, []string{"accept.p99 > 90ms"}, o)
		if err != nil || g.Failed != fails {
			t.Errorf("%+v: failed is %v, %v, want %v", o, g.Failed, err, fails)
		}
	}
}

func TestGateIncreaseFromNothingIsBeyondEveryRatio(t *testing.T) {
	t.Parallel()
	f := run(100)
	f.Trials[0].Audit.Duplicates.Total = 1
	if got := outcome(t, f, run(100), "duplicates ratio > 1000", result.GateOptions{}); got.Outcome != result.Failed {
		t.Errorf("from 0 to 1: got %s, want %s", got.Outcome, result.Failed)
	}
	if got := outcome(t, run(100), run(100), "duplicates ratio > 1", result.GateOptions{}); got.Outcome != result.Passed {
		t.Errorf("from 0 to 0: got %s, want %s", got.Outcome, result.Passed)
	}
}

func TestGateSaysWhatTheStandInMeasured(t *testing.T) {
	t.Parallel()
	f := run(100, 101)
	f.Targets[0].Kind = result.StandIn
	for rule, want := range map[string]bool{"accept.p99 > 200ms": true, "lost > 0": false} {
		if got := outcome(t, f, nil, rule, result.GateOptions{}).Text; strings.Contains(got, "stand-in") != want {
			t.Errorf("%s: %q mentions the stand-in: %v, want %v", rule, got, !want, want)
		}
	}
}

func TestGateRefusesAnotherExperiment(t *testing.T) {
	t.Parallel()
	other := run(100, 101)
	other.Workload.SHA256 = "another"
	var refused *result.NotComparable
	if _, err := result.Gate(run(100, 101), other, []string{"accept.p99 ratio > 1.1"}, result.GateOptions{}); !errors.As(err, &refused) {
		t.Errorf("got %v, want it refused", err)
	}
	g, err := result.Gate(run(100, 101), other, []string{"accept.p99 ratio > 1.1"}, result.GateOptions{Force: true})
	if err != nil || !strings.Contains(strings.Join(g.Notes, "\n"), "NOT COMPARABLE") {
		t.Errorf("forced: notes %q, %v, want the stamp", g.Notes, err)
	}
	if _, err := result.Gate(run(100, 101), other, []string{"accept.p99 > 1ms"}, result.GateOptions{}); err != nil {
		t.Errorf("an absolute rule: got %v, want the baseline ignored", err)
	}
}

func TestBadRulesAreOneSentenceThatHelps(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]string{
		"":                            "such as",
		"accept.p99":                  "such as",
		"accept.p99 == 3ms":           "such as",
		"accept.p98 > 3ms":            `no metric "accept.p98"`,
		"latency > 3ms":               "accept.{p50,p90,p99",
		"accept.p99 > 3":              "one of the units",
		"accept.p99 > 3 hours":        "one of the units",
		"accept.p99 > 3h":             "one of the units",
		"lost > 1ms":                  "one of the units",
		"lost > 1.2.3":                "not a number",
		"accept.p99 ratio > 1.1ms":    "no unit",
		"accept.p99 ratio > 1.1":      "baseline",
		"kafka.lost > 0":              `no transport "kafka"`,
		"accept.p99@night > 1ms":      `no phase "night"`,
		"lost@steady > 0":             "no phase",
		"usd_per_million@steady > 1":  "no phase",
		"throughput.max@steady < 1":   "no phase",
		"accept.p99 > 1ms; rm -rf / ": "such as",
	} {
		_, err := result.Gate(run(1, 2), nil, []string{rule}, result.GateOptions{})
		var bad *result.RuleError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want one sentence with %q", rule, err, want)
		}
	}
}

// Every metric has at least one trial of the fixture that has it, so that no rule is about nothing.
func TestEveryMetricIsMeasured(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	names := map[string]bool{}
	for _, m := range result.Metrics() {
		if names[m.Name] {
			t.Errorf("%s is there twice", m.Name)
		}
		names[m.Name] = true
		at, okAt := m.Of(&f.Trials[0], "steady")
		elsewhere, okElsewhere := m.Of(&f.Trials[0], "nowhere")
		if whole := at == elsewhere && okAt == okElsewhere; whole == m.Phased && !strings.HasSuffix(m.Name, ".p999") {
			t.Errorf("%s is the same in every phase: %v, and it says that it has a phase: %v", m.Name, whole, m.Phased)
		}
		if _, err := result.ParseRule(m.Name + "@steady ratio > 1"); (err == nil) != m.Phased {
			t.Errorf("%s in one phase: %v, want it refused if it has none", m.Name, err)
		}
		if m.Name != "accept.p999" && !strings.HasSuffix(m.Name, ".p999") && len(f.Values(m, "sqs", "steady")) == 0 {
			t.Errorf("no trial has %s", m.Name)
		}
		if _, err := result.ParseRule(m.Name + " ratio > 1"); err != nil {
			t.Errorf("%s cannot be in a rule: %v", m.Name, err)
		}
	}
}
