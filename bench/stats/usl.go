package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// A Step is one closed-loop measurement: the throughput at a concurrency.
type Step struct {
	Concurrency float64 `json:"concurrency"`
	Throughput  float64 `json:"throughput"` // per second
}

// USL is the Universal Scalability Law X(N) = λN / (1 + σ(N-1) + κN(N-1)), fitted to closed-loop steps.
type USL struct {
	Lambda float64 `json:"lambda"` // throughput at concurrency 1
	Sigma  float64 `json:"sigma"`  // contention: the share that is done one at a time
	Kappa  float64 `json:"kappa"`  // coherence: the price of agreeing with each other

	// Residuals are, per step in the order given, measured over fitted throughput minus 1.
	Residuals []float64 `json:"residuals"`

	// Measured is the largest concurrency measured; the law is not asked beyond 1.5 times of it.
	Measured float64 `json:"measured"`
}

const (
	minSteps    = 6
	extrapolate = 1.5
)

// FitUSL fits by least squares of relative errors, which is a linear problem in N/X. It needs at least 6 steps of
// different concurrency from 1 up. Sigma and Kappa are never negative: where the data would want that, the best fit
// without the term is returned.
func FitUSL(steps []Step) (USL, error) {
	seen := map[float64]bool{}
	u := USL{}
	for i, s := range steps {
		if !(s.Concurrency >= 1) || !(s.Throughput > 0) || math.IsInf(s.Concurrency, 1) || math.IsInf(s.Throughput, 1) {
			return USL{}, fmt.Errorf("step %d: throughput %v at concurrency %v, want finite values above 0 and from 1", i+1, s.Throughput, s.Concurrency)
		}
		seen[s.Concurrency] = true
		u.Measured = max(u.Measured, s.Concurrency)
	}
	if len(seen) < minSteps {
		return USL{}, fmt.Errorf("%d different concurrencies, want at least %d for a fit of three parameters", len(seen), minSteps)
	}
	least := math.Inf(1)
	for _, terms := range [][]int{{0, 1, 2}, {0, 1}, {0, 2}, {0}} {
		c, err := fitTerms(steps, terms)
		if err != nil {
			return USL{}, err
		}
		if c[0] <= 0 || c[1] < 0 || c[2] < 0 {
			continue
		}
		fit := USL{Lambda: 1 / c[0], Sigma: c[1] / c[0], Kappa: c[2] / c[0], Measured: u.Measured}
		sum := 0.0
		for _, s := range steps {
			r := s.Throughput/fit.at(s.Concurrency) - 1
			fit.Residuals = append(fit.Residuals, r)
			sum += r * r
		}
		if sum < least {
			u, least = fit, sum
		}
	}
	return u, nil
}

// fitTerms solves for c in N/X = c0 + c1 (N-1) + c2 N(N-1), with the coefficients that are not in terms held at 0. Each row
// is divided by N/X, so that every step counts by its relative error.
func fitTerms(steps []Step, terms []int) ([3]float64, error) {
	a := mat.NewDense(len(steps), len(terms), nil)
	y := mat.NewVecDense(len(steps), nil)
	for row, s := range steps {
		n := s.Concurrency
		columns := [3]float64{1, n - 1, n * (n - 1)}
		for col, term := range terms {
			a.Set(row, col, columns[term]*s.Throughput/n)
		}
		y.SetVec(row, 1)
	}
	var x mat.VecDense
	if err := x.SolveVec(a, y); err != nil {
		return [3]float64{}, fmt.Errorf("fit the scalability law: %w", err)
	}
	var c [3]float64
	for col, term := range terms {
		c[term] = x.AtVec(col)
	}
	return c, nil
}

func (u USL) at(n float64) float64 {
	return u.Lambda * n / (1 + u.Sigma*(n-1) + u.Kappa*n*(n-1))
}

// At is the fitted throughput at concurrency n, from 1 to 1.5 times the largest measured; beyond, the law is a guess and At
// refuses.
func (u USL) At(n float64) (float64, error) {
	if !(n >= 1 && n <= extrapolate*u.Measured) {
		return 0, fmt.Errorf("concurrency %v is outside 1 to %v, %v times the largest measured", n, extrapolate*u.Measured, extrapolate)
	}
	return u.at(n), nil
}

// Peak is the concurrency with the highest throughput. ok is false if the curve still rises where At stops answering.
func (u USL) Peak() (n float64, ok bool) {
	if u.Kappa <= 0 {
		return 0, false
	}
	n = math.Sqrt(max(0, 1-u.Sigma) / u.Kappa)
	if n > extrapolate*u.Measured {
		return 0, false
	}
	return max(1, n), true
}
