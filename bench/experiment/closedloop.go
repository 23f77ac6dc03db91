package experiment

import (
	"context"
	"fmt"
	"strings"

	"sluice/bench/result"
	"sluice/bench/stats"
)

// closed doubles the concurrency until that gains little, or the budget holds the senders down, and fits the law of
// scalability to the steps before.
func (s *search) closed(ctx context.Context) error {
	var steps []stats.Step
	before := 0.0
	for n := 1; n <= mostConcurrency; n *= 2 {
		p, err := s.probe.Closed(ctx, n, closedStep(s.ladder))
		if err == nil {
			err = context.Cause(ctx) // a phase that was cut short is no step
		}
		if err != nil {
			return err
		}
		step := stepOf(p)
		if step.Because = lossOf(p); step.Because == "" {
			step.Passed = true
		}
		if err := s.keep(step, p); err != nil {
			return err
		}
		s.MaxClosed = max(s.MaxClosed, p.AcceptedRate)
		if held, ok := checkNamed(p, "held"); ok && !held.OK {
			s.held = true // more senders get no more through, and the law is one of the destination
			break
		}
		steps = append(steps, stats.Step{Concurrency: float64(n), Throughput: p.AcceptedRate})
		if len(steps) >= leastSteps && p.AcceptedRate < leastGain*before {
			break
		}
		before = p.AcceptedRate
	}
	if s.MaxClosed == 0 {
		return fmt.Errorf("nothing was accepted in a closed loop")
	}
	law, err := stats.FitUSL(steps)
	if err != nil {
		return nil // too few steps for a law; the steps are there
	}
	s.USL = &result.USL{Lambda: law.Lambda, Sigma: law.Sigma, Kappa: law.Kappa, R2: fitOf(law, steps)}
	if n, ok := law.Peak(); ok {
		s.USL.Peak = n
	}
	return nil
}

// remark says what the budget has kept the search from finding out; empty: nothing.
func (s *search) remark() string {
	var all []string
	if s.held {
		all = append(all, fmt.Sprintf("budget.max_rps, %g/s, held the closed loop down, which may reach more", s.limit))
	}
	if s.limit > 0 && s.MaxAtSLO == s.limit {
		all = append(all, fmt.Sprintf("budget.max_rps let nothing above %g/s be tried", s.limit))
	}
	return strings.Join(all, "; ")
}

// fitOf is the share of the variance of the rates that the law explains.
func fitOf(law stats.USL, steps []stats.Step) float64 {
	mean := 0.0
	for _, s := range steps {
		mean += s.Throughput / float64(len(steps))
	}
	within, total := 0.0, 0.0
	for _, s := range steps {
		x, err := law.At(s.Concurrency)
		if err != nil {
			return 0
		}
		within += (s.Throughput - x) * (s.Throughput - x)
		total += (s.Throughput - mean) * (s.Throughput - mean)
	}
	if total == 0 {
		return 0
	}
	return 1 - within/total
}
