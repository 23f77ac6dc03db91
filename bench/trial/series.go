package trial

import (
	"slices"
	"time"

	"sluice/bench/audit"
	"sluice/bench/result"
)

// latencies are those of the records of one second.
type latencies struct{ accept, done []time.Duration }

// series makes one result.Second per second of the phase, and more while it drains. What it holds meanwhile is bounded by
// the number of records, not by the length of the phase.
func (m *measured) series() []result.Second {
	var all []result.Second
	var took []latencies
	at := func(t int64) int { // the second of t, which exists from then on
		s := max(0, int(time.Duration(t-m.sent.Start)/time.Second))
		for len(all) <= s {
			all, took = append(all, result.Second{At: len(all)}), append(took, latencies{})
		}
		return s
	}
	for i, e := range m.report.Entries {
		due := at(e.Due)
		all[due].Offered++
		if failed := int(e.Attempts); e.First > 0 {
			if e.Fate == audit.Accepted {
				failed--
			}
			all[at(e.First)].Errors += failed
		}
		if e.Fate == audit.Accepted {
			all[at(e.Accepted)].Accepted++
			took[due].accept = append(took[due].accept, time.Duration(e.Accepted-e.Due))
		}
		if r := m.done[i]; r.Seq >= 0 {
			all[at(r.Done)].Processed++
			took[due].done = append(took[due].done, time.Duration(r.Done-e.Due))
		}
	}
	backlog := 0
	for i := range all {
		s := &all[i]
		backlog += s.Accepted - s.Processed
		s.Backlog = backlog
		s.AcceptP50, s.AcceptP99 = middleAndTail(took[i].accept)
		s.DoneP50, s.DoneP99 = middleAndTail(took[i].done)
	}
	return all
}

// middleAndTail sorts samples and returns their p50 and p99 in milliseconds, by the rank that a result.Histogram takes.
func middleAndTail(samples []time.Duration) (p50, p99 float64) {
	if len(samples) == 0 {
		return 0, 0
	}
	slices.Sort(samples)
	at := func(q float64) float64 {
		rank := int(q*float64(len(samples)) + 0.5)
		return result.Millis(max(0, samples[max(1, rank)-1])) // below zero: counted as zero
	}
	return at(0.5), at(0.99)
}
