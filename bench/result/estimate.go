package result

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// An Estimate is a typical value with the interval that holds the true one with 95 % confidence. It is computed from one
// number per trial, so its N is a number of trials. Where trials are too few for an interval, it is without bounds.
type Estimate struct {
	N              int
	Mid, Low, High float64
}

// Bounded reports whether the interval has ends.
func (e Estimate) Bounded() bool { return !math.IsInf(e.Low, 0) && !math.IsInf(e.High, 0) }

func unbounded(n int, mid float64) Estimate {
	return Estimate{N: n, Mid: mid, Low: math.Inf(-1), High: math.Inf(1)}
}

func exact(n int, v float64) Estimate { return Estimate{N: n, Mid: v, Low: v, High: v} }

// Typical is the geometric mean of the values with the t interval of their logarithms. Values that are all the same are
// exact; where one is not above 0 the mean stands alone. It needs at least one value.
func Typical(values []float64) Estimate {
	n := len(values)
	logs, ok := logarithms(values)
	switch {
	case same(values):
		return exact(n, values[0])
	case !ok || n < 2:
		return unbounded(n, stat.Mean(values, nil))
	}
	mean, sd := stat.MeanStdDev(logs, nil)
	half := student(float64(n-1)) * sd / math.Sqrt(float64(n))
	return Estimate{n, math.Exp(mean), math.Exp(mean - half), math.Exp(mean + half)}
}

// Ratio is how many times b is of a, for values from different runs: nothing pairs them. The interval is Welch's on
// logarithms, which does not ask for equal spreads. It needs at least one value of each.
func Ratio(b, a []float64) Estimate {
	n := min(len(a), len(b))
	la, okA := logarithms(a)
	lb, okB := logarithms(b)
	if !okA || !okB {
		ma, mb := stat.Mean(a, nil), stat.Mean(b, nil)
		if ma == mb {
			return exact(n, 1)
		}
		return unbounded(n, mb/ma) // +Inf where a is 0
	}
	ma, mb := stat.Mean(la, nil), stat.Mean(lb, nil)
	mid := math.Exp(mb - ma)
	if same(a) && same(b) && n > 1 {
		return exact(n, mid)
	}
	if n < 2 {
		return unbounded(n, mid)
	}
	va, vb := stat.Variance(la, nil)/float64(len(a)), stat.Variance(lb, nil)/float64(len(b))
	freedom := (va + vb) * (va + vb) / (va*va/float64(len(a)-1) + vb*vb/float64(len(b)-1))
	half := student(freedom) * math.Sqrt(va+vb)
	return Estimate{n, mid, math.Exp(mb - ma - half), math.Exp(mb - ma + half)}
}

// student is the two-sided 95 % quantile of the t distribution.
func student(freedom float64) float64 {
	return distuv.StudentsT{Sigma: 1, Nu: freedom}.Quantile(0.975)
}

func logarithms(values []float64) ([]float64, bool) {
	logs := make([]float64, len(values))
	for i, v := range values {
		if !(v > 0) {
			return nil, false
		}
		logs[i] = math.Log(v)
	}
	return logs, true
}

// same reports whether there are several values, all equal. One alone says nothing about the others that could have been.
func same(values []float64) bool {
	for _, v := range values {
		if v != values[0] {
			return false
		}
	}
	return len(values) > 1
}
