package stats

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// exactPairs is the largest number of pairs for which the distribution of the signed-rank statistic is computed exactly:
// 2^25 sign patterns are counted without rounding. Above it a normal approximation is used.
const exactPairs = 25

type rankResult struct{ estimate, low, high, p float64 }

// signedRank is Wilcoxon's signed-rank test of median 0 turned around: the Hodges–Lehmann estimate is the median of the
// averages of all pairs of values (each with itself too), and the interval is cut from the same sorted averages. Ties make
// the interval wider than need be, never narrower.
func signedRank(d []float64, level float64) rankResult {
	walsh := make([]float64, 0, len(d)*(len(d)+1)/2)
	for i := range d {
		for j := i; j < len(d); j++ {
			walsh = append(walsh, d[i]+(d[j]-d[i])/2)
		}
	}
	slices.Sort(walsh)
	r := rankResult{low: math.Inf(-1), high: math.Inf(1), p: signedRankP(d)}
	r.estimate = (walsh[(len(walsh)-1)/2] + walsh[len(walsh)/2]) / 2
	if k := signedRankCut(len(d), (1-level)/2); k > 0 {
		r.low, r.high = walsh[k-1], walsh[len(walsh)-k]
	}
	return r
}

// signedRankCut returns the largest k for which the statistic is below k with at most the probability tail; 0 if there is none.
func signedRankCut(n int, tail float64) int {
	if n > exactPairs {
		fn := float64(n)
		sd := math.Sqrt(fn * (fn + 1) * (2*fn + 1) / 24)
		z := distuv.UnitNormal.Quantile(tail)
		return max(0, int(math.Floor(fn*(fn+1)/4+z*sd+0.5)))
	}
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = 2 * (i + 1)
	}
	counts := sumCounts(ranks)
	total, below := math.Ldexp(1, n), 0.0
	for k := 0; ; k++ {
		if below += counts[2*k]; below/total > tail {
			return k
		}
	}
}

// signedRankP is the two-sided p-value of median 0. Zeros carry no sign and are left out; equal sizes share the mean of
// their ranks, and the distribution is that of the ranks shared in this way.
func signedRankP(d []float64) float64 {
	sizes := make([]float64, 0, len(d))
	for _, x := range d {
		if x != 0 {
			sizes = append(sizes, x)
		}
	}
	if len(sizes) == 0 {
		return 1
	}
	slices.SortFunc(sizes, func(x, y float64) int {
		return cmp.Compare(math.Abs(x), math.Abs(y))
	})
	ranks := doubledRanks(sizes)
	plus, all := 0, 0
	for i, r := range ranks {
		all += r
		if sizes[i] > 0 {
			plus += r
		}
	}
	if len(sizes) > exactPairs {
		squares := 0.0
		for _, r := range ranks {
			squares += float64(r) * float64(r)
		}
		// In doubled ranks: mean all/2, variance a quarter of the squares, one unit of the statistic is 2.
		gap := max(0, math.Abs(float64(plus)-float64(all)/2)-1)
		return min(1, 2*distuv.UnitNormal.Survival(gap/math.Sqrt(squares/4)))
	}
	counts, smaller := sumCounts(ranks), min(plus, all-plus)
	tail := 0.0
	for _, c := range counts[:smaller+1] {
		tail += c
	}
	return min(1, 2*tail/math.Ldexp(1, len(ranks)))
}

// doubledRanks ranks values that are sorted by size; the mean rank of equal sizes may end in one half, hence doubled.
func doubledRanks(sorted []float64) []int {
	ranks := make([]int, len(sorted))
	for i := 0; i < len(sorted); {
		j := i
		for j < len(sorted) && math.Abs(sorted[j]) == math.Abs(sorted[i]) {
			j++
		}
		for k := i; k < j; k++ {
			ranks[k] = i + 1 + j // twice the mean of i+1 … j
		}
		i = j
	}
	return ranks
}

// sumCounts returns, for every sum, how many subsets of weights have it.
func sumCounts(weights []int) []float64 {
	total := 0
	for _, w := range weights {
		total += w
	}
	counts := make([]float64, total+1)
	counts[0] = 1
	reached := 0
	for _, w := range weights {
		reached += w
		for s := reached; s >= w; s-- {
			counts[s] += counts[s-w]
		}
	}
	return counts
}
