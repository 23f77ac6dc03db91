package stats

import (
	"fmt"
	"math"
)

// A Verdict is what the pairs of one metric prove.
type Verdict string

// Better means lower for a latency or a cost, and higher for a throughput: see Metric.HigherIsBetter.
const (
	ABetter      Verdict = "a_better"
	BBetter      Verdict = "b_better"
	Equivalent   Verdict = "equivalent"
	Inconclusive Verdict = "inconclusive"
)

const (
	maxFamily = 6    // metrics that may be judged together; more of them would dilute each
	minPairs  = 6    // with 5 pairs the signed-rank test cannot reach 5 %: its least p is 2/2^5
	maxNeeded = 1000 // pairs that are counted towards; beyond it the answer is "more than 1000"
	alpha     = 0.05
)

// A Metric holds one number per trial of each side; A[i] and B[i] come from the same block.
type Metric struct {
	Name           string
	HigherIsBetter bool // throughput; false: latency, cost, CPU, bytes
	A, B           []float64
}

// A Judgement is the verdict on one metric, and the numbers behind it.
type Judgement struct {
	Metric         string `json:"metric"`
	HigherIsBetter bool   `json:"higher_is_better"`
	Comparison
	HolmP   float64 `json:"holm_p"`
	Verdict Verdict `json:"verdict"`

	// Needs is, for an inconclusive metric, about how many pairs would decide if they go on like these; 0 means more than
	// 1,000.
	Needs int `json:"needs_pairs,omitempty"`
}

// Judge compares a family of 1 to 6 metrics of the same trials and judges each.
//
// A side is better if both intervals exclude 1, the ratio is off 1 by at least Options.MinEffect, and the t test's p-value,
// adjusted by Holm's method over the family, is below 0.05. Two sides are equivalent if the whole t interval is within
// MinEffect of 1. Everything else, and everything with fewer than 6 pairs, is inconclusive.
func Judge(family []Metric, o Options) ([]Judgement, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	if len(family) < 1 || len(family) > maxFamily {
		return nil, fmt.Errorf("%d metrics, want 1 to %d: every further one weakens the others", len(family), maxFamily)
	}
	judged := make([]Judgement, len(family))
	ps := make([]float64, len(family))
	for i, m := range family {
		c, err := Compare(m.A, m.B, o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		judged[i] = Judgement{Metric: m.Name, HigherIsBetter: m.HigherIsBetter, Comparison: c}
		ps[i] = c.P
	}
	for i, p := range Holm(ps) {
		judged[i].HolmP = p
		judged[i].decide(o, len(family))
	}
	return judged, nil
}

func (j *Judgement) decide(o Options, family int) {
	effect := math.Abs(j.Ratio-1) >= o.MinEffect
	differ := !j.CI.Contains(1) && !j.WilcoxonCI.Contains(1) && j.HolmP < alpha
	same := j.CI.Low >= 1-o.MinEffect && j.CI.High <= 1+o.MinEffect
	switch {
	case j.Pairs < minPairs:
		j.Verdict = Inconclusive
	case effect && differ && j.HigherIsBetter == (j.Ratio > 1):
		j.Verdict = ABetter
	case effect && differ:
		j.Verdict = BBetter
	case same:
		j.Verdict = Equivalent
	default:
		j.Verdict = Inconclusive
	}
	if j.Verdict == Inconclusive {
		j.Needs = j.needs(o, family)
	}
}

// needs is the least number of pairs, more than there are, at which the same mean and the same spread would give a verdict
// by the t interval: a difference if the observed effect is large enough, equivalence if it is not.
func (j *Judgement) needs(o Options, family int) int {
	mean := math.Log(j.Ratio)
	room := math.Abs(mean) // how far the interval may reach
	level := o.Level
	if math.Abs(j.Ratio-1) < o.MinEffect {
		room = min(math.Log1p(o.MinEffect)-mean, mean-math.Log1p(-o.MinEffect))
	} else if j.P > 0 {
		share := j.P / j.HolmP // of alpha, that Holm leaves this metric
		if j.HolmP >= 1 {
			share = 1 / float64(family) // the quotient is of a p-value that was cut off at 1
		}
		level = max(level, 1-alpha*share)
	}
	for n := max(minPairs, j.Pairs+1); n <= maxNeeded; n++ {
		if tHalfWidth(j.SD, n, level) < room {
			return n
		}
	}
	return 0
}

// Text says the judgement in words; a and b name the sides.
func (j Judgement) Text(a, b string) string {
	switch j.Verdict {
	case ABetter:
		return a + " " + j.better(j.Ratio)
	case BBetter:
		return b + " " + j.better(1/j.Ratio)
	case Equivalent:
		return "equivalent"
	}
	if j.Needs == 0 {
		return fmt.Sprintf("inconclusive: needs more than %d pairs", maxNeeded)
	}
	return fmt.Sprintf("inconclusive: needs about %d pairs", j.Needs)
}

// better words the ratio of the better side to the other.
func (j Judgement) better(ratio float64) string {
	switch {
	case !j.HigherIsBetter:
		return fmt.Sprintf("lower by %.0f %%", (1-ratio)*100)
	case ratio >= 1.995: // 100 % higher as it is printed
		return fmt.Sprintf("higher, %.1f times", ratio)
	}
	return fmt.Sprintf("higher by %.0f %%", (ratio-1)*100)
}
