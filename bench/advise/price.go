package advise

import (
	"time"

	"sluice/bench/cost"
)

// shape describes the workload to the formulas of cost, with what was counted instead of what is assumed where there is a
// count under the same conditions. counted reports whether that is so.
func (in Input) shape(o cost.Option) (s cost.Shape, counted bool) {
	q := in.Question
	kib := q.wire(o) / 1024
	s = cost.Shape{
		KiB: kib, PostFill: float64(q.PostRecords), Pollers: 1,
		SendFill:    q.fill(kib),
		ReceiveFill: q.fill(kib),
	}
	if e := in.of(o); e != nil && e.atRate(q) {
		s.Attempts, s.Empty = e.Attempts, e.Empty
		counted = e.Attempts > 0
		if e.SendFill > 0 && e.Linger == q.Linger && q.Together <= 1 {
			// No more than these records allow: those of the measurement may have been smaller.
			s.SendFill = max(1, min(e.SendFill, cost.Fill(1e9, time.Second, kib, q.MaxRecords)))
		}
	}
	if q.MemoryMB > 0 {
		fill := s.ReceiveFill
		if o.Transport() == "apigateway" {
			fill = s.PostFill
		}
		// Records that share an invocation are worked on one after the other.
		s.Function = &cost.Function{MemoryGB: float64(q.MemoryMB) / 1024, Seconds: q.Work.Seconds() * fill}
		s.Pollers = cost.IdlePollers
	}
	return s, counted
}

// The length of a run that proves: 10 pairs of 30 seconds, the standard profile.
const runPairs, runSeconds = 10, 30

// runUSD is the estimated price of measuring the given options at the user's rate with the standard profile.
func (in Input) runUSD(options []cost.Option) (float64, error) {
	var plans []cost.Plan
	for _, o := range options {
		s, _ := in.shape(o)
		plans = append(plans, cost.Plan{Option: o, Shape: s, Records: int64(runPairs * runSeconds * in.Question.Rate),
			Consumers: s.Pollers, Waiting: runPairs * time.Minute, Calls: 10 * runPairs})
	}
	c, err := in.Book.Estimate(plans)
	return c.USD, err
}

// fill is how many records of kib KiB a request to a queue holds: those that come at once, or those that come while the
// first one waits.
func (q Question) fill(kib float64) float64 {
	most := cost.Fill(1e9, time.Second, kib, q.MaxRecords)
	return max(cost.Fill(q.Rate, q.Linger, kib, q.MaxRecords), min(float64(q.Together), most))
}
