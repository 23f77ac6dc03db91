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
