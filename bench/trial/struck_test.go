package trial

import (
	"strings"
	"testing"
	"testing/synctest"

	"sluice/bench/result"
	"sluice/bench/workload"
)

func TestAFaultThatNeverStruckIsAWarning(t *testing.T) {
	t.Parallel()
	stall, rare := workload.Fault{Kind: "stall"}, workload.Fault{Kind: "5xx", P: 0.001}
	for _, c := range []struct {
		name   string
		faults []workload.Fault
		fired  map[string]int
		asked  bool
		idle   string
	}{
		{"struck", []workload.Fault{stall}, map[string]int{"stall": 1}, true, ""},
		{"never struck", []workload.Fault{stall, stall}, map[string]int{"stall": 0}, true, "stall"},
		{"one of two kinds", []workload.Fault{stall, {Kind: "latency", P: 1}}, map[string]int{"stall": 1}, true, "latency"},
		{"left to chance", []workload.Fault{rare}, map[string]int{}, false, ""},
		{"none scripted", nil, map[string]int{}, false, ""},
	} {
		got, asked := struck(c.faults, c.fired)
		if asked != c.asked || asked && got.OK != (c.idle == "") {
			t.Errorf("%s: asked %v, %+v; want asked %v, idle %q", c.name, asked, got, c.asked, c.idle)
		}
		if c.idle != "" && (!got.Warning || !strings.Contains(got.Text, "it: "+c.idle+";")) {
			t.Errorf("%s: got %+v, want a warning that names %s once", c.name, got, c.idle)
		}
	}
}

// The trial counts all the same, and says so in its last phase.
func TestATrialSaysWhichFaultNeverStruck(t *testing.T) {
	t.Parallel()
	sparse := strings.Replace(steady, "rate: 400/s", "rate: 2/s, arrivals: constant", 1)
	for name, c := range map[string]struct {
		fault string
		ok    bool
	}{
		"in the trial":        {"{kind: slow_consumer, at: 1s, for: 500ms, by: 30ms}", true},
		"between two records": {"{kind: slow_consumer, at: 1250ms, for: 1ms, by: 30ms}", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBroker()
				b.consumers = 32
				got := run(t, runner(t, sparse+"faults: ["+c.fault+"]\n", b), b.farEnd())
				var check result.Check
				for _, each := range got.Phases[0].Checks {
					if each.Name == "faults" {
						check = each
					}
				}
				if !got.Valid || check.OK != c.ok || check.Text == "" {
					t.Errorf("valid %v, got %+v; want valid, held %v", got.Valid, check, c.ok)
				}
			})
		})
	}
}
