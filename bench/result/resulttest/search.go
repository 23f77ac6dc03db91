package resulttest

import (
	"math"

	"sluice/bench/result"
)

// searches are a closed ladder and an open one for each of two transports.
func searches() []result.Search {
	var all []result.Search
	for _, name := range []string{"sqs", "apigateway"} {
		m := models[name]
		s := result.Search{Transport: name, Phase: "ramp", SLO: "processed.p99 < 100ms",
			USL: &result.USL{Lambda: m.most, Sigma: 0.08, Kappa: 0.0006, Peak: 39, R2: 0.991}}
		for i, n := range []float64{1, 2, 4, 8, 16, 32, 64} {
			x := m.most * n / (1 + 0.08*(n-1) + 0.0006*n*(n-1)) * (1 + 0.02*math.Sin(float64(3*i)))
			s.MaxClosed = max(s.MaxClosed, x)
			s.Steps = append(s.Steps, result.Step{Kind: "closed", Concurrency: int(n), Offered: x, Achieved: x, Passed: true})
		}
		for _, share := range []float64{.1, .2, .4, .6, .7, .8, .9, 1, 1.1} {
			load := min(share, 0.985)
			p50 := m.accept * (1 + 0.25*load/(1-load))
			p99 := p50 * 3.1
			done := p99 + 3*m.dwell
			offered := share * s.MaxClosed
			step := result.Step{Kind: "open", Offered: offered, Achieved: min(offered, s.MaxClosed), AcceptP50: &p50, AcceptP99: &p99, ProcessedP99: &done, Passed: done < 100 && share < 1}
			switch {
			case share > 1:
				step.BacklogSlope, step.Because = offered-s.MaxClosed, "achieved less than 99 % of what was offered"
			case !step.Passed:
				step.Because = "processed.p99 is beyond the SLO"
			default:
				s.MaxAtSLO = offered
			}
			if s.Knee == 0 && p50 > 2*m.accept {
				s.Knee = offered
			}
			s.Steps = append(s.Steps, step)
		}
		all = append(all, s)
	}
	return all
}
