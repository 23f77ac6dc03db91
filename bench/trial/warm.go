package trial

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/bench/audit"
	"sluice/bench/result"
	"sluice/bench/stats"
)

// together is how many records in a row one observation of the warm-up rule is the median of.
const together = 5

// steady says whether the accept latencies of an open phase had settled, by the MSER-5 rule. It does not make the trial
// invalid: the rule also speaks up for a few in a hundred series that are steady. ok is false if there are too few records
// to ask.
func (m *measured) steady() (c result.Check, ok bool) {
	var series, row []float64
	for _, e := range m.report.Entries {
		if e.Fate != audit.Accepted {
			continue
		}
		if row = append(row, result.Millis(time.Duration(e.Accepted-e.Due))); len(row) == together {
			slices.Sort(row)
			series, row = append(series, row[together/2]), row[:0]
		}
	}
	if len(series) < stats.MinWarmup {
		return c, false
	}
	cut, err := stats.Warmup(series)
	share := float64(cut) / float64(len(series))
	c = result.Check{Name: "steady", OK: err == nil, Value: share, Limit: 0.5, Warning: true}
	if errors.Is(err, stats.ErrNotSteady) {
		c.Value = 1
		c.Text = "the latencies had not settled within half of the phase (MSER-5): warm up for longer"
		return c, true
	}
	c.Text = fmt.Sprintf("the latencies settled after %.0f %% of the phase (MSER-5), at most 50 %%", share*100)
	return c, true
}
