package stats_test

import (
	"math"
	"strings"
	"testing"

	"sluice/bench/stats"
)

func law(lambda, sigma, kappa float64, noise ...float64) []stats.Step {
	var steps []stats.Step
	for i, n := range []float64{1, 2, 4, 8, 16, 32, 64} {
		x := lambda * n / (1 + sigma*(n-1) + kappa*n*(n-1))
		if len(noise) > 0 {
			x *= 1 + noise[i%len(noise)]
		}
		steps = append(steps, stats.Step{Concurrency: n, Throughput: x})
	}
	return steps
}

func TestUSLFindsItsParameters(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                 string
		lambda, sigma, kappa float64
		peak                 float64 // 0: none that may be told
	}{
		{"retrograde", 995, 0.02, 0.0005, math.Sqrt(0.98 / 0.0005)},
		{"contention alone", 400, 0.05, 0, 0},
		{"linear", 80, 0, 0, 0},
		{"the peak is beyond 1.5 times the measured", 400, 0.01, 0.00005, 0},
		{"everything one at a time", 100, 1, 0.01, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			u, err := stats.FitUSL(law(test.lambda, test.sigma, test.kappa))
			if err != nil {
				t.Fatal(err)
			}
			if !near(u.Lambda, test.lambda) || math.Abs(u.Sigma-test.sigma) > 1e-6 || math.Abs(u.Kappa-test.kappa) > 1e-8 {
				t.Errorf("got %+v, want %v, %v, %v", u, test.lambda, test.sigma, test.kappa)
			}
			if n, ok := u.Peak(); ok != (test.peak > 0) || !near(n, test.peak) {
				t.Errorf("peak at %v, %v; want %v", n, ok, test.peak)
			}
			for i, r := range u.Residuals {
				if math.Abs(r) > 1e-6 {
					t.Errorf("step %d: residual %v, want none", i, r)
				}
			}
		})
	}
}

func TestUSLWithNoise(t *testing.T) {
	t.Parallel()
	noise := []float64{0.03, -0.02, 0.01, -0.03}
	u, err := stats.FitUSL(law(995, 0.02, 0.0005, noise...))
	if err != nil {
		t.Fatal(err)
	}
	if x, err := u.At(44); err != nil || math.Abs(x/law(995, 0.02, 0.0005)[5].Throughput-1) > 0.2 {
		t.Errorf("at the peak: %v, %v", x, err)
	}
	if math.Abs(u.Lambda/995-1) > 0.05 || math.Abs(u.Kappa/0.0005-1) > 0.15 {
		t.Errorf("got %+v, want λ near 995 and κ near 0.0005", u)
	}
	if len(u.Residuals) != 7 || math.Abs(u.Residuals[0]) > 0.06 || u.Residuals[0] == 0 {
		t.Errorf("residuals %v, want 7 of a few per cent", u.Residuals)
	}
	// Noise that would make κ negative: it stays at 0 and σ is still fitted.
	u, err = stats.FitUSL(law(400, 0.05, 0, 0, 0, 0, 0, 0, 0, 0.05))
	if err != nil || u.Kappa != 0 || math.Abs(u.Sigma/0.05-1) > 0.1 {
		t.Errorf("contention with noise: got %+v, %v; want σ near 0.05 and κ 0", u, err)
	}
	// Faster than linear: the terms stay at 0 and the residuals show it.
	u, err = stats.FitUSL(law(100, -0.005, 0))
	if err != nil || u.Sigma != 0 || u.Kappa < 0 || u.Residuals[6] < 0.1 {
		t.Errorf("faster than linear: got %+v, %v; want no negative term and a residual above 10 %%", u, err)
	}
}

func TestUSLRefuses(t *testing.T) {
	t.Parallel()
	good := law(100, 0.01, 0.001)
	for name, test := range map[string]struct {
		steps []stats.Step
		want  string
	}{
		"five steps":              {good[:5], "5 different concurrencies"},
		"one step again":          {append(good[:5:5], good[4]), "5 different concurrencies"},
		"a step without a result": {append(good[:6:6], stats.Step{Concurrency: 64}), "step 7: throughput 0"},
		"no concurrency":          {append(good[:6:6], stats.Step{Throughput: 5}), "step 7"},
	} {
		if u, err := stats.FitUSL(test.steps); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %+v, %v; want an error with %q", name, u, err, test.want)
		}
	}
	u, err := stats.FitUSL(good)
	if err != nil {
		t.Fatal(err)
	}
	if x, err := u.At(97); err == nil {
		t.Errorf("at 97, measured up to 64: got %v, want a refusal", x)
	}
	if x, err := u.At(96); err != nil || x <= 0 {
		t.Errorf("at 96: got %v, %v; want an answer", x, err)
	}
}
