package trial

import (
	"fmt"
	"slices"
	"strings"

	"sluice/bench/result"
	"sluice/bench/workload"
)

// struck says whether the faults of the workload have struck that were to strike whatever comes, by how often each kind
// has. It is a warning: the numbers are right, but not those of what was scripted. ok is false if there is no such fault.
func struck(faults []workload.Fault, fired map[string]int) (c result.Check, ok bool) {
	var idle []string
	for _, f := range faults {
		if f.P > 0 && f.P < 1 {
			continue // chance may leave it out
		}
		if ok = true; fired[f.Kind] == 0 && !slices.Contains(idle, f.Kind) {
			idle = append(idle, f.Kind)
		}
	}
	c = result.Check{Name: "faults", OK: len(idle) == 0, Value: float64(len(idle)), Warning: true,
		Text: "each scripted fault that was to strike in any case did so"}
	if !c.OK {
		c.Text = fmt.Sprintf("a fault was scripted and never struck, so that the trial says nothing about it: %s; look at its time, and at what it is to strike",
			strings.Join(idle, ", "))
	}
	return c, ok
}
