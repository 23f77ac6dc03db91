package experiment

import (
	"fmt"
	"math"
	"time"

	"sluice/bench/result"
	"sluice/bench/stats"
	"sluice/bench/workload"
)

// A verdict is what a step says of its rate.
type verdict uint8

const (
	undecided verdict = iota // there were too few records for the quantile of the objective
	failed
	passed
)

// step judges an open step.
func (s *search) step(p result.Phase, rate float64) (result.Step, verdict) {
	step := stepOf(p)
	median := p.Latency.Accept.Mean
	if q := p.Latency.Accept.P50; q != nil {
		median = *q
	}
	client := p.Spoiled()
	if client == "" {
		s.medians = append(s.medians, measurement{rate, median})
	}
	var v verdict
	v, step.Because = s.judge(p, step, median)
	if step.Because != "" && client != "" {
		step.Because += "; the client had its part in it: " + client
	}
	step.Passed = v == passed
	return step, v
}

// judge says whether a rate passes, and why not: all that was accepted came through, almost all was accepted, at once or
// nearly so, by a destination that keeps up, within the objective. Until there was a step that the client did not spoil, the
// median of this one stands for that of an unloaded destination: it is too long rather than too short.
func (s *search) judge(p result.Phase, step result.Step, median float64) (verdict, string) {
	unloaded := median
	if len(s.medians) > 0 {
		unloaded = s.lowest().value
	}
	achieved := float64(p.Accepted) / float64(max(1, p.Offered))
	limit := max(1000, 3*p.OfferedRate*unloaded/1000)
	value, enough := objective(p, s.ladder.SLO)
	switch {
	case lossOf(p) != "":
		return failed, lossOf(p)
	case achieved < 0.99:
		return failed, fmt.Sprintf("%.1f %% of the records were accepted, want 99 %%", achieved*100)
	case step.Errors > mostErrors:
		return failed, fmt.Sprintf("%.2f %% of the attempts failed, want at most %.1f %%", step.Errors*100, mostErrors*100)
	case float64(p.MaxQueue) > limit:
		return failed, fmt.Sprintf("%d records were waiting, want at most %.0f", p.MaxQueue, limit)
	}
	if c, ok := checkNamed(p, "stable"); ok && !c.OK {
		return failed, c.Text
	}
	switch {
	case !enough:
		return undecided, fmt.Sprintf("%d records are too few for this quantile; make the step longer", p.Accepted)
	case value >= s.ladder.SLO.Bound:
		return failed, fmt.Sprintf("%s is %v, want under %v", s.ladder.SLO.Metric, value.Round(time.Microsecond), s.ladder.SLO.Bound)
	}
	return passed, ""
}

// lossOf says how many records were accepted and not processed, of which latencies know nothing; empty: none. Where nobody
// receives, the reply is the end.
func lossOf(p result.Phase) string {
	if p.Processed >= p.Accepted {
		return ""
	}
	return fmt.Sprintf("%d of the %d records that were accepted were not processed in the time that they had", p.Accepted-p.Processed, p.Accepted)
}

// objective returns the latency that the SLO is about, and whether there are records enough for its quantile.
func objective(p result.Phase, slo workload.SLO) (time.Duration, bool) {
	text := p.HDR.Accept
	if slo.Metric == "processed" {
		text = p.HDR.Processed
	}
	h, err := result.DecodeHistogram(text)
	if err != nil || !stats.Admissible(int(h.N()), slo.Quantile) {
		return 0, false
	}
	return h.Quantile(slo.Quantile), true
}

// A measurement is the median accept latency at a rate, in milliseconds.
type measurement struct{ rate, value float64 }

// lowest is the first measurement at the lowest rate. There is one.
func (s *search) lowest() measurement {
	low := s.medians[0]
	for _, m := range s.medians {
		if m.rate < low.rate {
			low = m
		}
	}
	return low
}

// knee is the lowest rate whose median is beyond kneeAt times that of the lowest rate; 0: there is none.
func (s *search) knee() float64 {
	if len(s.medians) == 0 {
		return 0
	}
	at, limit := math.Inf(1), kneeAt*s.lowest().value
	for _, m := range s.medians {
		if m.value > limit {
			at = min(at, m.rate)
		}
	}
	if math.IsInf(at, 1) {
		return 0
	}
	return at
}

// stepOf makes a step of a phase.
func stepOf(p result.Phase) result.Step {
	step := result.Step{Kind: p.Kind, Concurrency: p.Concurrency, Offered: p.OfferedRate, Achieved: p.AcceptedRate,
		AcceptP50: p.Latency.Accept.P50, AcceptP99: p.Latency.Accept.P99, ProcessedP99: p.Latency.Processed.P99}
	errors := 0
	for _, second := range p.Series {
		errors += second.Errors
	}
	if attempts := p.Accepted + errors; attempts > 0 {
		step.Errors = float64(errors) / float64(attempts)
	}
	if c, ok := checkNamed(p, "stable"); ok {
		step.BacklogSlope = c.Value
	}
	return step
}

// checkNamed returns a check of the phase.
func checkNamed(p result.Phase, name string) (result.Check, bool) {
	for _, c := range p.Checks {
		if c.Name == name {
			return c, true
		}
	}
	return result.Check{}, false
}
