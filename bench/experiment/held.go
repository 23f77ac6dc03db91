package experiment

import (
	"fmt"
	"slices"
	"strings"

	"sluice/bench/result"
)

// heldDown says which transports sent a closed phase as fast as the budget allows and not as fast as they can; empty: none.
func heldDown(f *result.File, bound float64) []string {
	var names []string
	for _, t := range f.Trials {
		for _, p := range t.Phases {
			if held, ok := checkNamed(p, "held"); ok && !held.OK && !slices.Contains(names, t.Transport) {
				names = append(names, t.Transport)
			}
		}
	}
	if names == nil {
		return nil
	}
	slices.Sort(names)
	return []string{fmt.Sprintf("budget.max_rps, %g/s, held the closed phases of %s down: their highest throughput is that of the budget, and no comparison of it says which transport takes more", bound, strings.Join(names, ", "))}
}
