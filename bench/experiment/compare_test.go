package experiment

import (
	"math"
	"strings"
	"testing"

	"sluice/bench/audit"
	"sluice/bench/result"
)

// runOf makes a run of two transports with n pairs; latency gives the p99 of each by pair.
func runOf(n int, kind string, latency func(pair int, transport string) float64) *result.File {
	f := &result.File{Targets: []result.Target{
		{Transport: "memory", Kind: result.Null}, {Transport: "sqs", Kind: kind}, {Transport: "apigateway", Kind: kind},
	}}
	for pair := range n {
		for _, name := range []string{"memory", "sqs", "apigateway"} {
			p99 := latency(pair, name)
			p50 := p99 / 2
			s := result.Summary{N: 2000, P50: &p50, P99: &p99}
			f.Trials = append(f.Trials, result.Trial{Pair: pair, Transport: name, Valid: true, USD: 0.001, Audit: audit.Matrix{Accepted: 1000},
				Phases: []result.Phase{{Name: "steady", Kind: "open", Offered: 1000, Accepted: 1000, Latency: result.Latencies{Accept: s, Processed: s}},
					{Name: "max", Kind: "closed", Concurrency: 8, Accepted: 100, AcceptedRate: 1e5 / p99}}})
		}
	}
	return f
}

// noise differs from pair to pair and transport to transport, by a percent or two.
func noise(pair int, transport string) float64 {
	return 1 + 0.01*math.Sin(float64(pair*7+len(transport)))
}

func TestCompareFindsWhatIsThere(t *testing.T) {
	f := runOf(6, result.AWS, func(pair int, name string) float64 {
		if name == "apigateway" {
			return 40 * noise(pair, name)
		}
		return 20 * noise(pair, name)
	})
	got := Compare(f)
	if len(got) != 6 {
		t.Fatalf("%d comparisons, want the family of 6 for one pair of transports; the null transport is compared with none", len(got))
	}
	for _, c := range got {
		want := map[string]string{"accept.p50": result.ABetter, "accept.p99": result.ABetter, "processed.p50": result.ABetter,
			"processed.p99": result.ABetter, "throughput.max": result.ABetter, "usd_per_million": result.Equivalent}[c.Metric]
		if c.Verdict != want {
			t.Errorf("%s: %s (%s), want %s", c.Metric, c.Verdict, c.Text, want)
		}
		if c.A != "sqs" || c.B != "apigateway" || c.StandIn {
			t.Errorf("%s: compares %s with %s, stand-in %v", c.Metric, c.A, c.B, c.StandIn)
		}
		if c.Metric == "accept.p99" && (math.Abs(c.Ratio-0.5) > 0.02 || math.Abs(c.TypicalA-20) > 1 || math.Abs(c.TypicalB-40) > 1) {
			t.Errorf("accept.p99: %v and %v, ratio %v, want about 20, 40 and 0.5", c.TypicalA, c.TypicalB, c.Ratio)
		}
	}
}

func TestCompareLeavesInvalidTrialsOut(t *testing.T) {
	f := runOf(7, result.StandIn, func(pair int, name string) float64 {
		if pair == 3 && name == "sqs" {
			return 9000
		}
		return 20 * noise(pair, name)
	})
	for i := range f.Trials {
		if f.Trials[i].Pair == 3 && f.Trials[i].Transport == "sqs" {
			f.Trials[i].Valid, f.Trials[i].Because = false, []string{"3 records were left at the far end"}
		}
	}
	for _, c := range Compare(f) {
		if c.Pairs != 6 {
			t.Errorf("%s: %d pairs, want 6: the pair of an invalid trial does not count", c.Metric, c.Pairs)
		}
		if c.Verdict != result.Equivalent {
			t.Errorf("%s: %s (%s), want equivalent", c.Metric, c.Verdict, c.Text)
		}
		if !c.StandIn || !strings.Contains(c.Text, "not AWS") {
			t.Errorf("%s: a stand-in's comparison says %q", c.Metric, c.Text)
		}
	}
}

// A generator that was late in the open phase spoils the latencies, and neither the price nor the closed phase.
func TestCompareKeepsWhatALateGeneratorDoesNotTouch(t *testing.T) {
	f := runOf(7, result.StandIn, func(pair int, name string) float64 { return 20 * noise(pair, name) })
	late := &f.Trials[3*3+1] // pair 3, sqs
	late.Valid, late.Because = false, []string{"steady: late"}
	late.Phases[0].Checks = []result.Check{{Name: "late_send"}}
	for _, c := range Compare(f) {
		want := 6
		if c.Metric == "throughput.max" || c.Metric == "usd_per_million" {
			want = 7
		}
		if c.Pairs != want {
			t.Errorf("%s: %d pairs, want %d", c.Metric, c.Pairs, want)
		}
	}
}

func TestCompareWithoutPairsSaysWhy(t *testing.T) {
	f := runOf(1, result.StandIn, func(int, string) float64 { return 20 })
	for _, c := range Compare(f) {
		if c.Verdict != result.NoVerdict || !strings.Contains(c.Text, "1 pair") {
			t.Errorf("%s: %s (%q), want no verdict and the number of pairs", c.Metric, c.Verdict, c.Text)
		}
	}
}

// TestSameAgainstSame is the A/A run: two transports that are one.
func TestSameAgainstSame(t *testing.T) {
	f := runOf(8, result.AWS, func(pair int, name string) float64 { return 20 * noise(pair, name) })
	for _, c := range Compare(f) {
		if c.Verdict == result.ABetter || c.Verdict == result.BBetter {
			t.Errorf("%s: %s (%s), although both are the same", c.Metric, c.Verdict, c.Text)
		}
	}
}
