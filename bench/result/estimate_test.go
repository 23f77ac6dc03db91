package result

import (
	"math"
	"math/rand/v2"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-3*math.Abs(b) }

func TestTypical(t *testing.T) {
	// ln 1, ln e, ln e²: mean 1, deviation 1; t(2; 0.975) = 4.3027, so 1 ± 4.3027/√3 on the logarithms.
	got := Typical([]float64{1, math.E, math.E * math.E})
	want := Estimate{3, math.E, math.Exp(1 - 4.3027/math.Sqrt(3)), math.Exp(1 + 4.3027/math.Sqrt(3))}
	if got.N != 3 || !near(got.Mid, want.Mid) || !near(got.Low, want.Low) || !near(got.High, want.High) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for name, c := range map[string]struct {
		values  []float64
		mid     float64
		bounded bool
	}{
		"one value":              {[]float64{3}, 3, false},
		"all the same":           {[]float64{3, 3}, 3, true},
		"nothing, several times": {[]float64{0, 0}, 0, true},
		"some are nothing":       {[]float64{0, 4}, 2, false},
	} {
		if got := Typical(c.values); got.Mid != c.mid || got.Bounded() != c.bounded {
			t.Errorf("%s: got %+v, want %v with bounds %v", name, got, c.mid, c.bounded)
		}
	}
}

func TestRatio(t *testing.T) {
	for name, c := range map[string]struct {
		b, a    []float64
		mid     float64
		bounded bool
	}{
		"one of each":     {[]float64{3}, []float64{2}, 1.5, false},
		"exact":           {[]float64{3, 3}, []float64{2, 2}, 1.5, true},
		"spread":          {[]float64{2, 8}, []float64{1, 1, 1}, 4, true},
		"both nothing":    {[]float64{0, 0}, []float64{0}, 1, true},
		"from nothing":    {[]float64{1, 1}, []float64{0, 0}, math.Inf(1), false},
		"down to nothing": {[]float64{0, 0}, []float64{2, 2}, 0, false},
	} {
		got := Ratio(c.b, c.a)
		if got.Mid != c.mid && !near(got.Mid, c.mid) || got.Bounded() != c.bounded || !(got.Low <= got.Mid && got.Mid <= got.High) {
			t.Errorf("%s: got %+v, want %v with bounds %v", name, got, c.mid, c.bounded)
		}
	}
}

// TestRatioCoversTheTruth draws runs of six and four trials with unequal spreads whose true ratio is 1.3.
func TestRatioCoversTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	draw := func(n int, median, sd float64) []float64 {
		values := make([]float64, n)
		for i := range values {
			values[i] = median * math.Exp(sd*random.NormFloat64())
		}
		return values
	}
	const runs = 4000
	covered := 0
	for range runs {
		if r := Ratio(draw(4, 130, 0.2), draw(6, 100, 0.05)); r.Low <= 1.3 && 1.3 <= r.High {
			covered++
		}
	}
	if share := float64(covered) / runs; share < 0.93 || share > 0.97 {
		t.Errorf("the interval covers the true ratio in %.1f %% of the runs, want 93 to 97 %%", share*100)
	}
}

func TestQuantity(t *testing.T) {
	for _, c := range []struct {
		v    float64
		unit string
		want string
	}{
		{0, "ms", "0 ms"}, {0.0204, "ms", "20.4 µs"}, {0.9996, "ms", "1.00 ms"}, {9.999, "ms", "10.0 ms"}, {12.345, "ms", "12.3 ms"}, {999.6, "ms", "1.00 s"},
		{60_000, "ms", "60 s"}, {600_000, "ms", "10 min"}, {21.44, "µs", "21.4 µs"}, {1500, "µs", "1.50 ms"}, {2, "s", "2 s"},
		{4325.4, "/s", "4,325/s"}, {1_420_656, "/s", "1,420,656/s"}, {0.5, "/s", "0.500/s"},
		{0, "$", "$0"}, {0.000123456, "$", "$0.000123"}, {0.2187, "$", "$0.219"}, {0.996, "$", "$1.00"}, {12.5, "$", "$12.50"}, {1234567.891, "$", "$1,234,567.89"}, {-2, "$", "-$2.00"},
		{0, "B", "0 B"}, {1023, "B", "1,023 B"}, {1536, "B", "1.50 KiB"}, {41 << 20, "B", "41 MiB"}, {1023 << 10, "B", "1,023 KiB"},
		{142, "", "142"}, {0.1458, "", "0.146"}, {-1234, "", "-1,234"}, {999.7, "", "1,000"},
		{math.NaN(), "ms", "–"}, {math.Inf(1), "", "–"},
	} {
		if got := Quantity(c.v, c.unit); got != c.want {
			t.Errorf("%v %s: got %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}
