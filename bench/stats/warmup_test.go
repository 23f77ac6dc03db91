package stats_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"sluice/bench/stats"
)

func TestWarmup(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		at       func(i, n int) float64 // the mean, at i of n
		from, to int                    // per cent of the series that may be cut
		steady   bool
	}{
		{"steady from the start", func(i, n int) float64 { return 100 }, 0, 15, true},
		{"cold for a fifth", func(i, n int) float64 {
			if i < n/5 {
				return 400
			}
			return 100
		}, 20, 25, true},
		{"settles exponentially", func(i, n int) float64 { return 100 + 300*math.Exp(-float64(i)/float64(n)*20) }, 10, 35, true},
		{"rises all along", func(i, n int) float64 { return 100 + 50*float64(i)/float64(n) }, 0, 0, false},
		{"shifts after two thirds", func(i, n int) float64 {
			if i < 2*n/3 {
				return 100
			}
			return 150
		}, 0, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(5, 5))
			series := make([]float64, 300)
			for i := range series {
				series[i] = test.at(i, len(series)) + 4*rnd.NormFloat64()
			}
			cut, err := stats.Warmup(series)
			if steady := !errors.Is(err, stats.ErrNotSteady); steady != test.steady {
				t.Fatalf("got %v, want steady: %v", err, test.steady)
			}
			if cut < 3*test.from || cut > 3*test.to {
				t.Errorf("cut %d of 300, want %d to %d %%", cut, test.from, test.to)
			}
		})
	}
	if _, err := stats.Warmup(make([]float64, stats.MinWarmup-1)); err == nil || errors.Is(err, stats.ErrNotSteady) {
		t.Errorf("too few observations: got %v, want an error that says so", err)
	}
}
