package experiment

import (
	"time"

	"sluice/bench/workload"
)

// shares of the highest closed rate make the ladder.
var shares = []float64{0.1, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0}

// rates are those that are tried, in ascending order: from the first to a share of the highest closed one, and none above
// limit, unless that is 0.
func rates(l workload.Ladder, highest, limit float64) []float64 {
	until := float64(l.Until) * highest
	if limit > 0 {
		until = min(until, limit)
	}
	var all []float64
	if first := float64(l.From); first > 0 && first <= until {
		all = append(all, first)
	}
	for _, share := range shares {
		if rate := share * highest; rate > float64(l.From) && rate < until*(1-1e-9) {
			all = append(all, rate)
		}
	}
	if len(all) == 0 || all[len(all)-1] < until {
		all = append(all, until)
	}
	return all
}

// closedStep is how long a step of the closed loop takes: its rate is there at once.
func closedStep(l workload.Ladder) time.Duration { return min(l.Step, longestClosed) }

// openSteps is the most that a ladder can have.
func openSteps(l workload.Ladder) int {
	return len(rates(l, 1, 0)) + mostHalvings + mostRetreats*confirmations + mostRepeats
}
