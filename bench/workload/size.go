package workload

import "math"

// maxPool is the most bytes that all made-up bodies may have together.
const maxPool = 256 << 20

// z99 is the 99 % quantile of the standard normal distribution.
var z99 = normalQuantile(0.99)

func normalQuantile(q float64) float64 { return math.Sqrt2 * math.Erfinv(2*q-1) }

// quantile is the length that a share q of the bodies does not exceed, 0 < q < 1.
func (s Size) quantile(q float64) Bytes {
	switch s.Dist {
	case "uniform":
		return s.Min + Bytes(q*float64(s.Max-s.Min+1))
	case "lognormal":
		sigma := math.Log(float64(s.P99)/float64(s.P50)) / z99
		x := math.Round(float64(s.P50) * math.Exp(sigma*normalQuantile(q)))
		return max(1, Bytes(min(x, float64(s.Max))))
	}
	return s.Bytes
}

// lengths returns those of n bodies: the quantiles in the middle of n equal shares, ascending, so that a pool has the
// distribution that the file asks for and not one near it.
func (s Size) lengths(n int, length func(Bytes)) {
	for i := range n {
		length(s.quantile((float64(i) + 0.5) / float64(n)))
	}
}

// total is the sum of the lengths of n bodies.
func (s Size) total(n int) int64 {
	var sum int64
	s.lengths(n, func(b Bytes) { sum += int64(b) })
	return sum
}

// shortest is a length that no body in the largest pool is below. A lognormal body is raised to what its kind needs, so
// only its median counts.
func (s Size) shortest() Bytes {
	switch s.Dist {
	case "uniform":
		return s.Min
	case "lognormal":
		return s.P50
	}
	return s.Bytes
}
