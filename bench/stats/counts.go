package stats

import "math"

// tailEvents is how many observations must lie beyond a quantile before it says anything.
const tailEvents = 10

// Admissible reports whether n observations may be read at quantile q: at least 10 of them lie beyond it. So p99 needs
// 1,000 records and p99.9 needs 10,000.
func Admissible(n int, q float64) bool { return n >= Needed(q) }

// Needed is the least number of observations at which quantile q, from 0 to below 1, is admissible.
func Needed(q float64) int {
	const rounding = 1e-9 // 1-0.9 is a little less than 0.1 in floating point
	return int(math.Ceil(tailEvents / (1 - q) * (1 - rounding)))
}

// Upper95 is the upper 95 % bound of the rate of an event that was not seen in n independent trials: 1 - 0.05^(1/n), close
// to 3/n. Without trials nothing is known: 1.
func Upper95(n int) float64 {
	if n <= 0 {
		return 1
	}
	return -math.Expm1(math.Log(0.05) / float64(n))
}
