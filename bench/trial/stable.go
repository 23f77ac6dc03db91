package trial

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"sluice/bench/result"
)

const (
	mostGrowth  = 0.01 // of the backlog, as a share of the rate
	leastGrowth = 0.1  // seconds by which records may take longer at the end of a phase than at its start, however short it is
	parts       = 15   // parts of a phase whose mean latencies are compared
	leastParts  = 8    // with records in them
	certainty   = 0.999
)

// stable says whether the destination, or its consumer, keeps up: where it does not, a record takes the longer the later it
// is due, and any latency that is printed says how long the trial was and nothing else.
//
// What is judged is the slope of the mean latency over the phase, by least squares over its parts. With a backlog that
// grows by g, a record that is due a second later takes g / (rate − g) seconds longer. Other than the backlog itself, the
// latency does not grow with a rate that is to grow, and it needs no time to fill up at the start. The check does not fire
// for chance: the slope has to be over the limit with a certainty of 99.9 % by the scatter of the parts around it. A
// moment in which the machine was elsewhere is scatter, wherever it falls; and in a phase of a few seconds, in which a few
// of them make up a slope, the limit is what adds up to a tenth of a second.
func (m *measured) stable(p result.Phase) result.Check {
	slope := m.slope() / m.length.Seconds()
	limit := p.OfferedRate * max(mostGrowth, leastGrowth/m.length.Seconds())
	growth := p.OfferedRate * slope / (1 + slope)
	c := result.Check{Name: "stable", OK: growth <= limit, Value: growth, Limit: limit}
	if c.OK {
		c.Text = fmt.Sprintf("the backlog grew by %.1f records a second, at most %.1f", growth, limit)
	} else {
		c.Text = fmt.Sprintf("unstable: %.0f records a second came and about %.0f were done, so the backlog grew by %.0f a second, at most %.0f; latencies tell the length of the trial",
			p.OfferedRate, p.OfferedRate-growth, growth, limit)
	}
	return c
}

// slope is by how many seconds the latency certainly grew over the phase; 0 if it cannot be told that it did.
func (m *measured) slope() float64 {
	var sums, counts [parts]float64
	for i, e := range m.report.Entries {
		end := e.Left
		if r := m.done[i]; r.Seq >= 0 && e.Accepted > 0 {
			end = r.Done
		}
		if end == 0 {
			continue // never sent, because the run was interrupted
		}
		place := int(float64(e.Due-m.sent.Start) / float64(m.length) * parts)
		place = min(max(place, 0), parts-1)
		sums[place] += float64(end-e.Due) / 1e9
		counts[place]++
	}
	var at, latency []float64
	for i, n := range counts {
		if n > 0 {
			at, latency = append(at, (float64(i)+0.5)/parts), append(latency, sums[i]/n)
		}
	}
	if len(at) < leastParts {
		return 0
	}
	intercept, slope := stat.LinearRegression(at, latency, nil, false)
	mean, residuals, spread := stat.Mean(at, nil), 0.0, 0.0
	for i, x := range at {
		residuals += square(latency[i] - intercept - slope*x)
		spread += square(x - mean)
	}
	freedom := float64(len(at) - 2)
	err := math.Sqrt(residuals / freedom / spread)
	return max(0, slope-err*distuv.StudentsT{Sigma: 1, Nu: freedom}.Quantile(certainty))
}

func square(x float64) float64 { return x * x }
