package trial

import (
	"fmt"
	"math"
	"time"

	"sluice/bench/result"
)

// Limits of the checks that decide whether a trial counts.
const (
	leastAchieved = 0.99                   // of what was offered
	mostLate      = 0.05                   // p99 of the late send, as a share of the median accept latency ...
	leastLate     = time.Millisecond       // ... or this, if it is more
	mostCPU       = 0.70                   // of what GOMAXPROCS allows
	mostPause     = 5 * time.Millisecond   // p99 of the garbage collector's pauses
	mostLittle    = 0.05                   // difference between L and λW as a share of L ...
	leastLittle   = 100 * time.Microsecond // ... or this much time per record, which is that of noting things down
)

// checks are the conditions under which the numbers of a phase count. In a closed phase there is no schedule to be late
// for, and the sender may well be busy: its rate is then the rate of this client, which the check says.
func (m *measured) checks(p result.Phase, h histograms) []result.Check {
	cost := m.report.Cost
	share := 0.0
	if cost.Wall > 0 && cost.Procs > 0 {
		share = cost.CPU.Seconds() / cost.Wall.Seconds() / float64(cost.Procs)
	}
	all := []result.Check{
		{Name: "cpu", OK: share <= mostCPU, Value: share, Limit: mostCPU,
			Text: fmt.Sprintf("the sender used %.0f %% of its processors, at most %.0f %%", share*100, mostCPU*100)},
		{Name: "gc", OK: cost.GCPauseP99 <= mostPause, Value: result.Millis(cost.GCPauseP99), Limit: result.Millis(mostPause),
			Text: fmt.Sprintf("the sender's p99 pause for garbage was %v, at most %v", cost.GCPauseP99, mostPause)},
		m.little(p),
	}
	if held, ok := m.held(p); ok {
		all = append(all, held)
	}
	if m.kind != "open" {
		return all
	}
	achieved := 1.0
	if p.Offered > 0 {
		achieved = float64(p.Accepted) / float64(p.Offered)
	}
	late := h.late.Quantile(0.99)
	limit := max(leastLate, time.Duration(mostLate*float64(h.accept.Quantile(0.5))))
	if m.calm {
		all = append(all, m.stable(p))
		if steady, ok := m.steady(); ok {
			all = append(all, steady)
		}
	}
	return append(all,
		result.Check{Name: "achieved", OK: achieved >= leastAchieved, Value: achieved, Limit: leastAchieved,
			Text: fmt.Sprintf("%d of %d offered records were accepted, at least %.0f %%", p.Accepted, p.Offered, leastAchieved*100)},
		result.Check{Name: "late_send", OK: late <= limit, Value: result.Millis(late), Limit: result.Millis(limit),
			Text: fmt.Sprintf("records were released up to %.2f ms (p99) after they were due, at most %.2f ms", result.Millis(late), result.Millis(limit))})
}

// little compares the number of records in the sender, counted as they came and went, with what follows from their rate and
// their time in it. Both come from the same time stamps: it checks the bookkeeping of the benchmark itself, of which nothing
// may be forgotten or counted twice, and is no second measurement.
func (m *measured) little(p result.Phase) result.Check {
	difference := math.Abs(p.InSystem - p.LambdaW)
	slack := leastLittle.Seconds() * p.OfferedRate
	limit := max(mostLittle*p.InSystem, slack)
	return result.Check{Name: "little", OK: difference <= limit, Value: difference, Limit: limit,
		Text: fmt.Sprintf("the benchmark's own books: %.3f records in the sender as they were counted, %.3f by rate × time in it; they differ by at most %.3f", p.InSystem, p.LambdaW, limit)}
}
