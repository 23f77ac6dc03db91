package stats_test

import (
	"math"
	"testing"

	"sluice/bench/stats"
)

func TestQuantilesNeedTenRecordsBeyond(t *testing.T) {
	t.Parallel()
	for q, want := range map[float64]int{0: 10, 0.5: 20, 0.9: 100, 0.95: 200, 0.99: 1000, 0.999: 10_000, 0.9999: 100_000} {
		if got := stats.Needed(q); got != want {
			t.Errorf("q %v needs %d records, want %d", q, got, want)
		}
		if stats.Admissible(want-1, q) || !stats.Admissible(want, q) {
			t.Errorf("q %v: %d records admissible: %v, one fewer: %v; want true and false", q, want, stats.Admissible(want, q), stats.Admissible(want-1, q))
		}
	}
}

func TestUpper95(t *testing.T) {
	t.Parallel()
	// If the rate were the bound, nothing would be seen in one run out of twenty.
	for _, n := range []int{1, 10, 5998, 1_000_000, 1_000_000_000} {
		bound := stats.Upper95(n)
		if got := math.Exp(float64(n) * math.Log1p(-bound)); !near(got, 0.05) {
			t.Errorf("n %d: bound %v gives no event with probability %v, want 0.05", n, bound, got)
		}
		if n > 100 && math.Abs(bound*float64(n)/3-1) > 0.01 {
			t.Errorf("n %d: bound %v, want about 3/n", n, bound)
		}
	}
	if got := stats.Upper95(0); got != 1 {
		t.Errorf("nothing tried: bound %v, want 1", got)
	}
}
