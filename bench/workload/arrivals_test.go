package workload_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"sluice/bench/workload"
)

// open parses a workload with one phase that has these keys.
func open(t *testing.T, seed int, keys string) *workload.Workload {
	t.Helper()
	return parse(t, fmt.Sprintf("workload: 1\nseed: %d\nphases: [{name: a, %s}]\n", seed, keys))
}

// between counts the arrivals from one time to under another.
func between(all []time.Duration, from, to time.Duration) int {
	a, _ := slices.BinarySearch(all, from)
	b, _ := slices.BinarySearch(all, to)
	return b - a
}

// Golden schedules: a change of these means that a seed no longer says what it said, so results of before and after cannot
// be compared.
func TestSchedulesFollowFromTheSeed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, keys, want string
	}{
		{"poisson", "rate: 400/s, duration: 3s", "1212 90609f37a871c059"},
		{"constant", "rate: 400/s, duration: 3s, arrivals: constant", "1200 0c7b74bde2106ca1"},
		{"burst", "base: 50/s, peak: 1000/s, width: 2s, every: 10s, duration: 30s", "7243 2e96cd5569f1af3b"},
		{"ramp", "from: 0/s, to: 200/s, duration: 10s", "1007 15c8bc07e7c24923"},
	} {
		all := open(t, 42, c.keys).Arrivals(0, 3)
		sum := sha256.New()
		for _, at := range all {
			_ = binary.Write(sum, binary.BigEndian, int64(at))
		}
		if got := fmt.Sprintf("%d %s", len(all), hex.EncodeToString(sum.Sum(nil)[:8])); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestSchedulesDifferBySeedPairAndPhaseOnly(t *testing.T) {
	t.Parallel()
	const keys = "rate: 50/s, duration: 2s, arrivals: "
	for _, kind := range []string{"poisson", "constant"} {
		first := open(t, 1, keys+kind).Arrivals(0, 0)
		for name, other := range map[string][]time.Duration{
			"another pair": open(t, 1, keys+kind).Arrivals(0, 1),
			"another seed": open(t, 2, keys+kind).Arrivals(0, 0),
			"another phase": parse(t, "workload: 1\nseed: 1\nphases: [{name: b, "+keys+kind+"}, {name: a, "+keys+kind+"}]\n").
				Arrivals(1, 0),
		} {
			if slices.Equal(first, other) {
				t.Errorf("%s, %s: the same arrivals", kind, name)
			}
		}
		again := parse(t, "workload: 1\nseed: 1\nphases: [{name: other, "+keys+kind+"}]\ntransports: [memory]\ntrials: {order: fixed}\n")
		if !slices.Equal(first, again.Arrivals(0, 0)) {
			t.Errorf("%s: other arrivals for other transports, another order and another name", kind)
		}
	}
}

func TestArrivalsAreInOrderAndInTime(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{
		"rate: 1000/s, duration: 5s", "rate: 7/s, duration: 5s, arrivals: constant", "base: 0/s, peak: 900/s, width: 70ms, every: 1s, duration: 7300ms",
		"from: 0/s, to: 500/s, duration: 4s", "from: 500/s, to: 0/s, duration: 4s", "from: 300/s, to: 300/s, duration: 4s, arrivals: constant",
	} {
		w := open(t, 5, keys)
		for pair := range 20 {
			all := w.Arrivals(0, pair)
			if !slices.IsSorted(all) || len(all) == 0 || all[0] < 0 || all[len(all)-1] >= w.Phases[0].Duration {
				t.Fatalf("%s, pair %d: %d arrivals, sorted %v; want some, ascending, from 0 to under %v", keys, pair, len(all), slices.IsSorted(all), w.Phases[0].Duration)
			}
		}
	}
}

func TestConstantArrivalsAreEvenlySpaced(t *testing.T) {
	t.Parallel()
	w := open(t, 9, "rate: 400/s, duration: 3s, arrivals: constant")
	for pair := range 10 {
		all := w.Arrivals(0, pair)
		if len(all) != 1200 {
			t.Fatalf("pair %d: %d arrivals, want 1200", pair, len(all))
		}
		for i, at := range all {
			if off := at - all[0] - time.Duration(i)*2500*time.Microsecond; off.Abs() > time.Nanosecond {
				t.Fatalf("pair %d: arrival %d is off by %v, want at most the rounding of a nanosecond", pair, i, off)
			}
		}
		if all[0] >= 2500*time.Microsecond {
			t.Errorf("pair %d begins at %v, want in the first spacing", pair, all[0])
		}
	}
}

func TestPoissonArrivals(t *testing.T) {
	t.Parallel()
	w := open(t, 11, "rate: 500/s, duration: 200s")
	all := w.Arrivals(0, 0)
	n := float64(len(all))
	if math.Abs(n-100_000) > 4*math.Sqrt(100_000) {
		t.Errorf("%v arrivals, want 100000 within four standard deviations", n)
	}
	var sum, squares, products, below float64
	last := 0.0
	for i := 1; i < len(all); i++ {
		gap := (all[i] - all[i-1]).Seconds() * 500 // in mean gaps
		sum += gap
		squares += gap * gap
		products += (gap - 1) * (last - 1)
		if gap < math.Ln2 {
			below++
		}
		last = gap
	}
	mean := sum / n
	for what, x := range map[string][3]float64{ // got, want, four standard deviations
		"mean gap":                  {mean, 1, 4 / math.Sqrt(n)},
		"variance of gaps":          {squares/n - mean*mean, 1, 4 * math.Sqrt(8/n)},
		"gaps below the median":     {below / n, 0.5, 4 * 0.5 / math.Sqrt(n)},
		"correlation of neighbours": {products / n, 0, 4 / math.Sqrt(n)},
	} {
		if math.Abs(x[0]-x[1]) > x[2] {
			t.Errorf("%s: %.4f, want %v ± %.4f", what, x[0], x[1], x[2])
		}
	}
	// Index of dispersion: counts of a Poisson process in equal times have a variance equal to their mean.
	var counts []float64
	for s := range 200 {
		counts = append(counts, float64(between(all, time.Duration(s)*time.Second, time.Duration(s+1)*time.Second)))
	}
	var dispersion float64
	for _, c := range counts {
		dispersion += (c - 500) * (c - 500) / 500 / 200
	}
	if dispersion < 0.6 || dispersion > 1.4 {
		t.Errorf("variance of counts is %.2f of their mean, want 1 ± 0.4", dispersion)
	}
}

func TestBursts(t *testing.T) {
	t.Parallel()
	// In the middle of every 10 s, 2 s at 1000/s: from 4 to 6 s, from 14 to 16 s, and the beginning of one at 24 s.
	w := open(t, 3, "base: 50/s, peak: 1000/s, width: 2s, every: 10s, duration: 25s, arrivals: constant")
	all := w.Arrivals(0, 0)
	const s = time.Second
	for _, c := range []struct {
		from, to time.Duration
		want     int
	}{{0, 4 * s, 200}, {4 * s, 6 * s, 2000}, {6 * s, 14 * s, 400}, {14 * s, 16 * s, 2000}, {16 * s, 24 * s, 400}, {24 * s, 25 * s, 1000}} {
		if got := between(all, c.from, c.to); got < c.want-1 || got > c.want+1 {
			t.Errorf("from %v to %v: %d arrivals, want %d ± 1", c.from, c.to, got, c.want)
		}
	}
	if got, want := w.Phases[0].Rate(), 6000.0/25; math.Abs(got-want) > 1e-9 {
		t.Errorf("mean rate %v, want %v", got, want)
	}
}

func TestRamps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		keys string
		want [4]int // in the quarters of 8 s: integrals of the rate
	}{
		{"from: 0/s, to: 400/s", [4]int{100, 300, 500, 700}},
		{"from: 400/s, to: 0/s", [4]int{700, 500, 300, 100}},
		{"from: 100/s, to: 200/s", [4]int{225, 275, 325, 375}},
		{"from: 100/s, to: 100/s", [4]int{200, 200, 200, 200}},
	} {
		constant := open(t, 3, c.keys+", duration: 8s, arrivals: constant").Arrivals(0, 0)
		var poisson [4]int // of 50 pairs
		w := open(t, 3, c.keys+", duration: 8s")
		for pair := range 50 {
			for q := range poisson {
				poisson[q] += between(w.Arrivals(0, pair), time.Duration(q)*2*time.Second, time.Duration(q+1)*2*time.Second)
			}
		}
		for q, want := range c.want {
			if got := between(constant, time.Duration(q)*2*time.Second, time.Duration(q+1)*2*time.Second); got < want-1 || got > want+1 {
				t.Errorf("%s, constant, quarter %d: %d arrivals, want %d ± 1", c.keys, q, got, want)
			}
			if got := float64(poisson[q]); math.Abs(got-50*float64(want)) > 4*math.Sqrt(50*float64(want)) {
				t.Errorf("%s, poisson, quarter %d: %v arrivals in 50 pairs, want %d within four standard deviations", c.keys, q, got, 50*want)
			}
		}
	}
}

func TestOnlyOpenPhasesHaveArrivals(t *testing.T) {
	t.Parallel()
	w := parse(t, "workload: 1\nphases: [{name: a, closed: true, concurrency: [4], duration: 1s}, {name: b, search: {slo: accept.p50 < 1s}}]\n")
	for i := range w.Phases {
		if all := w.Arrivals(i, 0); len(all) != 0 {
			t.Errorf("a %v phase has %d arrivals, want none", w.Phases[i].Kind, len(all))
		}
	}
}
