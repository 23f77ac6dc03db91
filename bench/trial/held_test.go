package trial

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/bench/result"
)

// A sender has ten records accepted every 5 ms: 2,000/s each, and the budget allows 5,000/s.
const bounded = `
records: {size: {dist: fixed, bytes: 100B}}
phases: [{name: max, closed: true, concurrency: [1, 8], duration: 1s}]
trials: {warmup: 500ms, drain: 60s}
budget: {max_rps: 5000}
`

func TestTheBudgetHoldsAClosedPhaseDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		got := run(t, runner(t, bounded, b), b.farEnd())
		if !got.Valid || len(got.Phases) != 2 {
			t.Fatalf("%d phases, invalid because %q, %q", len(got.Phases), got.Because, got.Unexpected)
		}
		for i, want := range []struct {
			rate float64
			free bool
			text string
		}{
			{2000, true, "did not hold the senders down"},
			{5000, false, "held the senders down: the transport may take more than the 4"},
		} {
			wantHeld(t, got.Phases[i], want.rate, want.free, want.text)
		}
	})
}

func TestTheBudgetHoldsTheClosedLoopOfASearchDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		probe, err := runner(t, bounded, b).Probe(t.Context(), b.farEnd(), 1)
		if err != nil {
			t.Fatal(err)
		}
		p, err := probe.Closed(t.Context(), 8, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		wantHeld(t, p, 5000, false, "held the senders down")
		if err := probe.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// wantHeld looks at the rate of a phase, and at what is said of it.
func wantHeld(t *testing.T, p result.Phase, rate float64, free bool, text string) {
	t.Helper()
	if p.AcceptedRate < 0.97*rate || p.AcceptedRate > 1.01*rate {
		t.Errorf("concurrency %d: %.0f a second, want %.0f", p.Concurrency, p.AcceptedRate, rate)
	}
	for _, c := range p.Checks {
		if c.Name == "held" {
			if c.OK != free || !c.Warning || !strings.Contains(c.Text, text) {
				t.Errorf("concurrency %d: %+v, want a warning that it %q", p.Concurrency, c, text)
			}
			return
		}
	}
	t.Errorf("concurrency %d: nothing says whether the budget held it down: %+v", p.Concurrency, p.Checks)
}
