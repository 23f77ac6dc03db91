package stats

import (
	"errors"
	"fmt"
)

// ErrNotSteady says that a series has not settled within its first half.
var ErrNotSteady = errors.New("not steady: what would have to be cut off as warm-up is more than half of the trial")

const (
	mserBatch = 5 // observations averaged before looking, which gives MSER-5 its name
	mserTail  = 5 // batches at the end that are never all that is left: so few can agree by chance
)

// MinWarmup is the least number of observations from which Warmup answers. With so few, a steady series whose neighbours
// are alike (correlation 0.5) is called not steady in one of seven cases; with 600, in one of a hundred.
const MinWarmup = 100

// Warmup returns how many observations at the start of a series are warm-up: the MSER-5 rule cuts where the mean of what
// is left has the least standard error. The series holds equally spaced values of one trial, such as medians per 100 ms.
// A series that would lose more than its first half is ErrNotSteady; it must be measured longer, not cut deeper.
func Warmup(series []float64) (int, error) {
	if len(series) < MinWarmup {
		return 0, fmt.Errorf("%d observations are too few to find the warm-up, want at least %d", len(series), MinWarmup)
	}
	means := make([]float64, len(series)/mserBatch)
	for i := range means {
		for _, x := range series[i*mserBatch : (i+1)*mserBatch] {
			means[i] += x / mserBatch
		}
	}
	best, least := 0, squaredError(means)
	for cut := 1; cut <= len(means)-mserTail; cut++ {
		if e := squaredError(means[cut:]); e < least {
			best, least = cut, e
		}
	}
	if 2*best > len(means) {
		return 0, ErrNotSteady
	}
	return best * mserBatch, nil
}

// squaredError is the squared standard error of the mean, as MSER defines it.
func squaredError(xs []float64) float64 {
	mean, squares := 0.0, 0.0
	for _, x := range xs {
		mean += x / float64(len(xs))
	}
	for _, x := range xs {
		squares += (x - mean) * (x - mean)
	}
	return squares / float64(len(xs)) / float64(len(xs))
}
