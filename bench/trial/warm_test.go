package trial

import (
	"math/rand/v2"
	"testing"
	"time"

	"sluice/bench/audit"
	"sluice/bench/load"
)

// phaseOf has n accepted records with these latencies in milliseconds.
func phaseOf(n int, latency func(i int) float64) *measured {
	m := &measured{kind: "open"}
	for i := range n {
		due := int64(i) * int64(time.Millisecond)
		m.report.Entries = append(m.report.Entries, load.Entry{Due: due, Accepted: due + int64(latency(i)*1e6), Fate: audit.Accepted})
	}
	return m
}

func TestSteady(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name    string
		latency func(i int) float64
		want    bool
	}{
		{"the same all along", func(int) float64 { return 10 + noise.Float64() }, true},
		{"slow in the first tenth", func(i int) float64 {
			if i < 120 {
				return 100 + noise.Float64()
			}
			return 10 + noise.Float64()
		}, true},
		{"growing all along", func(i int) float64 { return 10 + float64(i)/10 + noise.Float64() }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := phaseOf(1200, c.latency).steady()
			if !ok || got.OK != c.want {
				t.Errorf("steady is %v (asked: %v), want %v: %s", got.OK, ok, c.want, got.Text)
			}
		})
	}
	if _, ok := phaseOf(499, func(int) float64 { return 10 }).steady(); ok {
		t.Error("499 records were asked, want at least 500")
	}
}
