package stats_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"sluice/bench/stats"
)

// spread returns n log ratios with exactly the given mean and standard deviation, spaced like a normal distribution.
func spread(n int, mean, sd float64) []float64 {
	out, squares := make([]float64, n), 0.0
	for i := range out {
		out[i] = distuv.UnitNormal.Quantile((float64(i) + 0.5) / float64(n))
		squares += out[i] * out[i]
	}
	unit := math.Sqrt(squares / float64(n-1))
	for i := range out {
		out[i] = mean + sd*out[i]/unit
	}
	return out
}

func TestHolm(t *testing.T) {
	t.Parallel()
	got := stats.Holm([]float64{0.04, 0.01, 0.03, 0.005, 0.9})
	// Sorted 0.005×5, 0.01×4, 0.03×3, 0.04×2 (raised to the one before), 0.9×1.
	for i, want := range []float64{0.09, 0.04, 0.09, 0.025, 0.9} {
		if !near(got[i], want) {
			t.Errorf("p-value %d: got %v, want %v", i, got[i], want)
		}
	}
	if got := stats.Holm([]float64{0.7, 0.6}); got[0] != 1 || got[1] != 1 {
		t.Errorf("got %v, want no p-value above 1", got)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		d      []float64 // ln(a/b)
		higher bool
		o      stats.Options
		want   stats.Verdict
		text   string
	}{
		{name: "a latency halves", d: spread(10, math.Log(0.5), 0.05), want: stats.ABetter, text: "sqs lower by 50 %"},
		{name: "a latency doubles", d: spread(10, math.Log(2), 0.05), want: stats.BBetter, text: "apigateway lower by 50 %"},
		{name: "a throughput doubles", d: spread(10, math.Log(2), 0.05), higher: true, want: stats.ABetter, text: "sqs higher, 2.0 times"},
		{name: "a throughput falls by a tenth", d: spread(10, math.Log(0.9), 0.05), higher: true, want: stats.BBetter, text: "apigateway higher by 11 %"},
		{name: "the same within 3 %", d: spread(20, 0.01, 0.04), want: stats.Equivalent, text: "equivalent"},
		{name: "a proven difference too small to matter", d: spread(20, 0.03, 0.01), want: stats.Equivalent, text: "equivalent"},
		{name: "it matters to those who say so", d: spread(20, 0.03, 0.01), o: stats.Options{MinEffect: 0.02}, want: stats.BBetter, text: "apigateway lower by 3 %"},
		{name: "too wide", d: spread(6, 0.01, 0.2), want: stats.Inconclusive, text: "inconclusive: needs about 105 pairs"},
		{name: "a large effect in more noise", d: spread(6, 0.2, 0.2), want: stats.Inconclusive, text: "inconclusive: needs about 7 pairs"},
		{name: "on the edge of mattering", d: spread(10, 0.048, 0.1), want: stats.Inconclusive, text: "inconclusive: needs more than 1000 pairs"},
		{name: "five pairs prove nothing", d: spread(5, 3, 0.01), want: stats.Inconclusive, text: "inconclusive: needs about 6 pairs"},
		{name: "five pairs prove no equivalence", d: spread(5, 0, 0.01), want: stats.Inconclusive, text: "inconclusive: needs about 6 pairs"},
		{name: "the t test is sure, the ranks are not", d: []float64{.19, -.01, .18, .16, .14, .18, -.02}, want: stats.Inconclusive},
		{name: "sure, but not 99 % sure", d: spread(10, 0.2, 0.22), o: stats.Options{Level: 0.99}, want: stats.Inconclusive},
		{name: "and at 95 %", d: spread(10, 0.2, 0.22), want: stats.BBetter},
		{name: "the ranks are 99 % sure, the t test is not", d: []float64{.1, .11, .12, .1, .13, .12, .11, .1, .12, .9}, o: stats.Options{Level: 0.99}, want: stats.Inconclusive},
		{name: "identical ratios", d: spread(6, 1, 0), want: stats.BBetter, text: "apigateway lower by 63 %"},
		{name: "the ranks are sure, the t test sees an outlier", d: []float64{.1, .11, .12, .1, .13, .12, .11, 3}, want: stats.Inconclusive},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := stats.Judge([]stats.Metric{{Name: "m", HigherIsBetter: test.higher, A: exp(test.d...), B: ones(len(test.d))}}, test.o)
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Verdict != test.want {
				t.Errorf("got %s, want %s: %+v", got[0].Verdict, test.want, got[0])
			}
			if text := got[0].Text("sqs", "apigateway"); test.text != "" && text != test.text {
				t.Errorf("got %q, want %q", text, test.text)
			}
		})
	}
}

// The advice is checked by following it: that many pairs of the same mean and spread must decide, and one fewer not.
func TestNeedsIsEnough(t *testing.T) {
	t.Parallel()
	for _, d := range [][]float64{spread(6, 0.01, 0.2), spread(6, 0.2, 0.2), spread(8, -0.07, 0.15), spread(10, 0, 0.12), spread(3, 0.3, 0.1)} {
		judge := func(n int) stats.Judgement {
			mean, squares := 0.0, 0.0
			for _, x := range d {
				mean += x / float64(len(d))
			}
			for _, x := range d {
				squares += (x - mean) * (x - mean)
			}
			longer := spread(n, mean, math.Sqrt(squares/float64(len(d)-1)))
			j, err := stats.Judge([]stats.Metric{{Name: "m", A: exp(longer...), B: ones(n)}}, stats.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return j[0]
		}
		first := judge(len(d))
		if first.Verdict != stats.Inconclusive || first.Needs <= len(d) {
			t.Errorf("%v: got %s, needs %d; want inconclusive and more pairs than %d", d, first.Verdict, first.Needs, len(d))
			continue
		}
		// The signed-rank interval must agree and is a little wider or narrower: "about" allows a tenth and two.
		if j := judge(first.Needs + first.Needs/10 + 2); j.Verdict == stats.Inconclusive {
			t.Errorf("%v: still inconclusive with %d pairs: %+v", d, j.Pairs, j)
		}
		if n := first.Needs - first.Needs/10 - 1; n > len(d) {
			if j := judge(n); j.Verdict != stats.Inconclusive {
				t.Errorf("%v: %s with %d pairs, fewer than the %d it said it needs", d, j.Verdict, n, first.Needs)
			}
		}
	}
}

func TestHolmDecidesInTheFamily(t *testing.T) {
	t.Parallel()
	border := stats.Metric{Name: "border", A: exp(spread(10, 0.1, 0.12)...), B: ones(10)} // p about 0.027
	noise := func(name string) stats.Metric {
		return stats.Metric{Name: name, A: exp(spread(10, 0.001, 0.2)...), B: ones(10)}
	}
	alone, err := stats.Judge([]stats.Metric{border}, stats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	amid, err := stats.Judge([]stats.Metric{border, noise("x"), noise("y")}, stats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if alone[0].Verdict != stats.BBetter || amid[0].Verdict != stats.Inconclusive {
		t.Errorf("alone %s (p %v), in a family of three %s (p %v); want b_better and inconclusive",
			alone[0].Verdict, alone[0].HolmP, amid[0].Verdict, amid[0].HolmP)
	}
}

// A p-value that was cut off at 1 does not say what part of alpha the family leaves: the whole family shares it.
func TestNeedsInAFamilyThatIsFarFromProof(t *testing.T) {
	t.Parallel()
	family := func(n int) []stats.Metric {
		var all []stats.Metric
		for range 6 {
			all = append(all, stats.Metric{Name: "m", A: exp(spread(n, 0.1, 0.3)...), B: ones(n)})
		}
		return all
	}
	judge := func(n int) stats.Judgement {
		judged, err := stats.Judge(family(n), stats.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return judged[0]
	}
	first := judge(8)
	if first.HolmP != 1 || first.Needs <= 8 {
		t.Fatalf("Holm's p is %v and %d pairs are needed, want a p cut off at 1 and more pairs than 8", first.HolmP, first.Needs)
	}
	if j := judge(first.Needs + first.Needs/10 + 2); j.Verdict != stats.BBetter {
		t.Errorf("with the %d pairs it said it needs, and a tenth more: %s (Holm's p %v), want b_better", first.Needs, j.Verdict, j.HolmP)
	}
	if j := judge(first.Needs - first.Needs/10 - 1); j.Verdict != stats.Inconclusive {
		t.Errorf("with fewer than the %d pairs it said it needs: %s, want inconclusive", first.Needs, j.Verdict)
	}
}

func TestJudgeRefuses(t *testing.T) {
	t.Parallel()
	good := stats.Metric{Name: "processed.p99", A: ones(6), B: ones(6)}
	bad := stats.Metric{Name: "usd", A: []float64{1, 0, 1}, B: ones(3)}
	tests := []struct {
		name   string
		family []stats.Metric
		want   string
	}{
		{"nothing", nil, "0 metrics"},
		{"seven metrics", []stats.Metric{good, good, good, good, good, good, good}, "7 metrics, want 1 to 6"},
		{"a bad number, with its metric's name", []stats.Metric{good, bad}, "usd: pair 2: a is 0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got, err := stats.Judge(test.family, stats.Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, %v; want an error with %q", got, err, test.want)
			}
		})
	}
}

// R8: trials of a transport against itself, six metrics in a family, 100 seeds: fewer than 5 of them may see a difference.
func TestSameAgainstSameHasNoVerdict(t *testing.T) {
	t.Parallel()
	for _, pairs := range []int{6, 10, 20} {
		differences := 0
		for seed := range uint64(100) {
			rnd := rand.New(rand.NewPCG(seed, 8))
			family := make([]stats.Metric, 6)
			for i := range family {
				w := newWorld(rnd, 0.05)
				a, b := w.pairs(pairs)
				family[i] = stats.Metric{Name: "m", A: exp(a...), B: exp(b...)}
			}
			judged, err := stats.Judge(family, stats.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range judged {
				if j.Verdict == stats.ABetter || j.Verdict == stats.BBetter {
					differences++
					break
				}
			}
		}
		t.Logf("%2d pairs: %d of 100 seeds see a difference", pairs, differences)
		if differences > 5 {
			t.Errorf("%d pairs: %d of 100 seeds see a difference that is not there, want at most 5", pairs, differences)
		}
	}
}
