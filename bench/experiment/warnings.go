package experiment

import (
	"fmt"
	"slices"
	"strings"

	"sluice/bench/result"
)

// warnings are what a reader of the whole run has to know of checks that make no trial invalid.
func warnings(f *result.File, bound float64) []string {
	var all []string
	if names, _ := warned(f, "held"); names != "" {
		all = append(all, fmt.Sprintf("budget.max_rps, %g/s, held the closed phases of %s down: their highest throughput is that of the budget, and no comparison of it says which transport takes more", bound, names))
	}
	if names, text := warned(f, "faults"); names != "" {
		all = append(all, names+": "+text)
	}
	return all
}

// warned returns the transports in whose trials a check failed, and what the first of them says; empty: none.
func warned(f *result.File, check string) (transports, text string) {
	var names []string
	for _, t := range f.Trials {
		for _, p := range t.Phases {
			if c, ok := checkNamed(p, check); ok && !c.OK && !slices.Contains(names, t.Transport) {
				names, text = append(names, t.Transport), c.Text
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", "), text
}
