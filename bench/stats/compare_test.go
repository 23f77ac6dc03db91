package stats_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/bench/stats"
)

// near compares to a relative error of 0.1 %, or to an absolute one near 0.
func near(got, want float64) bool { return math.Abs(got-want) <= 1e-3*math.Max(math.Abs(want), 0.01) }

func exp(xs ...float64) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = math.Exp(x)
	}
	return out
}

func ones(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

// The log ratios have mean 0.45 and standard deviation 0.1870829: t is 5.892.
func TestCompareByHand(t *testing.T) {
	t.Parallel()
	c, err := stats.Compare(exp(0.2, 0.3, 0.4, 0.5, 0.6, 0.7), ones(6), stats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	half := 2.570582 * 0.1870829 / math.Sqrt(6) // t with 5 degrees of freedom, from a table
	want := stats.Comparison{
		Pairs: 6, Ratio: math.Exp(0.45), SD: 0.1870829,
		CI: stats.Interval{Low: math.Exp(0.45 - half), High: math.Exp(0.45 + half)}, P: 0.002002,
		HodgesLehmann: math.Exp(0.45), WilcoxonCI: stats.Interval{Low: math.Exp(0.2), High: math.Exp(0.7)}, WilcoxonP: 2.0 / 64,
	}
	if diff := cmp.Diff(want, c, cmp.Comparer(near)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCompareHasNoFavourite(t *testing.T) {
	t.Parallel()
	a, b := []float64{12, 15, 11, 19, 14, 13, 16}, []float64{10, 14, 12, 13, 13, 12.5, 11}
	ab, err := stats.Compare(a, b, stats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ba, err := stats.Compare(b, a, stats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	turned := func(i stats.Interval) stats.Interval { return stats.Interval{Low: 1 / i.High, High: 1 / i.Low} }
	ba.Ratio, ba.HodgesLehmann, ba.CI, ba.WilcoxonCI = 1/ba.Ratio, 1/ba.HodgesLehmann, turned(ba.CI), turned(ba.WilcoxonCI)
	if diff := cmp.Diff(ab, ba, cmp.Comparer(near)); diff != "" {
		t.Errorf("a/b and b/a disagree:\n%s", diff)
	}
}

// byCounting is the two-sided p-value by the definition: all 2^n ways to put signs on the ranks are equally likely.
func byCounting(d []float64) float64 {
	ranks, plus, all := make([]float64, len(d)), 0.0, 0.0
	for i := range d {
		for j := range d {
			switch x, y := math.Abs(d[i]), math.Abs(d[j]); {
			case y < x:
				ranks[i]++
			case y == x:
				ranks[i] += 0.5
			}
		}
		ranks[i] += 0.5
		all += ranks[i]
		if d[i] > 0 {
			plus += ranks[i]
		}
	}
	extreme := 0
	for signs := range 1 << len(d) {
		sum := 0.0
		for i := range d {
			if signs>>i&1 == 1 {
				sum += ranks[i]
			}
		}
		if math.Abs(sum-all/2) >= math.Abs(plus-all/2) {
			extreme++
		}
	}
	return float64(extreme) / math.Ldexp(1, len(d))
}

func TestSignedRank(t *testing.T) {
	t.Parallel()
	ramp := func(n int) []float64 { // 1 … n, the first of every three negative
		d := make([]float64, n)
		for i := range d {
			d[i] = float64(i+1) / 100
			if i%3 == 0 {
				d[i] = -d[i]
			}
		}
		return d
	}
	tests := []struct {
		name string
		d    []float64
		p    float64 // 0: by counting
		ends bool    // the interval has ends
	}{
		{"5 pairs cannot reach 5 %", []float64{.1, .2, .3, .4, .5}, 2.0 / 32, false},
		{"6 pairs reach 3.1 %", []float64{.1, .2, .3, .4, .5, .6}, 2.0 / 64, true},
		{"one small sign against", []float64{-.1, .2, .3, .4, .5, .6}, 4.0 / 64, true},
		{"signs balance", []float64{-.3, -.1, .2, .4, -.5, .6}, 0, true},
		{"zeros carry no sign", []float64{0, 0, .1, .2, .3, .4}, 2.0 / 16, true},
		{"all zero", []float64{0, 0, 0, 0, 0, 0}, 1, true},
		{"equal sizes share ranks", []float64{-.1, .1, .1, .1, .1, .1}, 14.0 / 64, true},
		{"some equal sizes", []float64{-.1, .1, .2, .2, .2, -.3, .4, .4, .4}, 0, true},
		{"16 pairs", ramp(16), 0, true},
		// Sum of the negative ranks 1, 4 … 28 = 145, mean 232.5, variance 2363.75: z = 87/48.618.
		{"30 pairs, normal approximation", ramp(30), 0.07354, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := stats.Compare(exp(test.d...), ones(len(test.d)), stats.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if test.p == 0 {
				test.p = byCounting(test.d)
			}
			if !near(c.WilcoxonP, test.p) {
				t.Errorf("p is %.5f, want %.5f", c.WilcoxonP, test.p)
			}
			if ends := c.WilcoxonCI.Low > 0 && !math.IsInf(c.WilcoxonCI.High, 1); ends != test.ends {
				t.Errorf("the interval is %v; has ends: %v, want %v", c.WilcoxonCI, ends, test.ends)
			}
		})
	}
}

// The interval holds exactly the ratios that the test does not refute: that is its definition.
func TestSignedRankIntervalInvertsItsTest(t *testing.T) {
	t.Parallel()
	d := []float64{-0.131, 0.072, 0.013, 0.211, 0.157, 0.093, -0.041, 0.302, 0.119, 0.061}
	c, err := stats.Compare(exp(d...), ones(len(d)), stats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []struct {
		at   float64
		in   float64 // a step towards the inside
		name string
	}{{math.Log(c.WilcoxonCI.Low), 1e-4, "low"}, {math.Log(c.WilcoxonCI.High), -1e-4, "high"}} {
		p := func(shift float64) float64 {
			moved := make([]float64, len(d))
			for i := range d {
				moved[i] = d[i] - shift
			}
			c, err := stats.Compare(exp(moved...), ones(len(d)), stats.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return c.WilcoxonP
		}
		if inside, outside := p(end.at+end.in), p(end.at-end.in); inside <= 0.05 || outside > 0.05 {
			t.Errorf("%s end: p is %.4f inside and %.4f outside, want above and at most 0.05", end.name, inside, outside)
		}
	}
}

func TestCompareRefuses(t *testing.T) {
	t.Parallel()
	good := []float64{1, 2, 3}
	tests := []struct {
		name string
		a, b []float64
		o    stats.Options
		want string
	}{
		{"no trials", nil, nil, stats.Options{}, "0 pairs"},
		{"one pair", good[:1], good[:1], stats.Options{}, "1 pairs, want 2"},
		{"a trial without its partner", good, good[:2], stats.Options{}, "3 trials on one side and 2"},
		{"zero", good, []float64{1, 0, 3}, stats.Options{}, "pair 2: b is 0"},
		{"negative", []float64{1, 2, -3}, good, stats.Options{}, "pair 3: a is -3"},
		{"not a number", []float64{math.NaN(), 2, 3}, good, stats.Options{}, "pair 1: a is NaN"},
		{"infinite", []float64{math.Inf(1), 2, 3}, good, stats.Options{}, "pair 1: a is +Inf"},
		{"too many", make([]float64, 2001), make([]float64, 2001), stats.Options{}, "2001 pairs"},
		{"certainty", good, good, stats.Options{Level: 1}, "confidence is 1"},
		{"no effect is small enough", good, good, stats.Options{MinEffect: -0.1}, "least effect is -0.1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if c, err := stats.Compare(test.a, test.b, test.o); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %+v, %v; want an error with %q", c, err, test.want)
			}
		})
	}
}

func TestIdenticalRatiosLeaveNoDoubt(t *testing.T) {
	t.Parallel()
	c, err := stats.Compare([]float64{0.3, 0.6, 0.9, 1.2, 1.5, 1.8}, []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, stats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !near(c.Ratio, 3) || c.CI.High-c.CI.Low > 1e-9 || c.P > 1e-9 {
		t.Errorf("got ratio %v, interval %v, p %v; want 3, nothing around it, 0", c.Ratio, c.CI, c.P)
	}
	same, err := stats.Compare(ones(6), ones(6), stats.Options{})
	if err != nil || same.P != 1 || same.WilcoxonP != 1 || same.Ratio != 1 {
		t.Errorf("got %+v, %v; want ratio 1 and p 1 for equal trials", same, err)
	}
}

func TestIntervalJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]stats.Interval{
		"[0.5,2]":     {Low: 0.5, High: 2},
		"[null,null]": {Low: 0, High: math.Inf(1)},
		"[0.5,null]":  {Low: 0.5, High: math.Inf(1)},
	} {
		var got stats.Interval
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: got %v, %v; want %v", text, got, err, want)
		}
		if back, err := json.Marshal(want); err != nil || string(back) != text {
			t.Errorf("%v: got %s, %v; want %s", want, back, err, text)
		}
	}
	for _, bad := range []string{"[1]", "[2,1]", "{}", "[1,2,3]", `["1",2]`} {
		if err := json.Unmarshal([]byte(bad), new(stats.Interval)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}
