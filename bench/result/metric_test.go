package result

import "testing"

func TestMainPhaseIsNoColdOne(t *testing.T) {
	f := &File{Trials: []Trial{{Phases: []Phase{
		{Name: "cold", Kind: "open", Offered: 900, Cold: true},
		{Name: "max", Kind: "closed", Offered: 5000},
		{Name: "steady", Kind: "open", Offered: 500},
		{Name: "burst", Kind: "open", Offered: 400},
	}}}}
	if got := f.MainPhase(); got != "steady" {
		t.Errorf("the main phase is %q, want steady: the largest open one that expects no cold starts", got)
	}
}

// What a budget held down is not the most that a transport takes.
func TestAHeldPhaseHasNoHighestRate(t *testing.T) {
	t.Parallel()
	held := func(ok bool) []Check { return []Check{{Name: "held", OK: ok, Warning: true}} }
	trial := Trial{Valid: true, Phases: []Phase{
		{Kind: "closed", AcceptedRate: 90, ProcessedRate: 80, Checks: held(true)},
		{Kind: "closed", AcceptedRate: 100, ProcessedRate: 100, Checks: held(false)},
		{Kind: "open", AcceptedRate: 500}}}
	for name, want := range map[string]float64{"throughput.max": 90, "throughput.max_processed": 80} {
		m, _ := MetricNamed(name)
		if got, ok := m.Of(&trial, ""); !ok || got != want {
			t.Errorf("%s is %v, %v, want %v of the phase that was not held down", name, got, ok, want)
		}
	}
	trial.Phases = trial.Phases[1:]
	m, _ := MetricNamed("throughput.max")
	if got, ok := m.Of(&trial, ""); ok {
		t.Errorf("throughput.max is %v although every closed phase was held down", got)
	}
}
