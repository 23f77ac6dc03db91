package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Options of a comparison; the zero value means the defaults.
type Options struct {
	Level     float64 // confidence of the intervals, 0.5 to 0.999; 0 means 0.95
	MinEffect float64 // the least |ratio - 1| that counts as a difference, 0.001 to 0.5; 0 means 0.05
}

func (o Options) filled() (Options, error) {
	if o.Level == 0 {
		o.Level = 0.95
	}
	if o.MinEffect == 0 {
		o.MinEffect = 0.05
	}
	if !(o.Level >= 0.5 && o.Level <= 0.999) {
		return o, fmt.Errorf("the confidence is %v, want 0.5 to 0.999", o.Level)
	}
	if !(o.MinEffect >= 0.001 && o.MinEffect <= 0.5) {
		return o, fmt.Errorf("the least effect is %v, want 0.001 to 0.5", o.MinEffect)
	}
	return o, nil
}

// maxPairs bounds the work of the signed-rank interval, which looks at every average of two pairs.
const maxPairs = 2000

// A Comparison is what paired trials say about the ratio a/b of one metric.
type Comparison struct {
	Pairs int `json:"pairs"`

	// Ratio is the geometric mean of a/b, CI its t interval on the log scale, P the two-sided p-value of ratio 1.
	Ratio float64  `json:"ratio"`
	CI    Interval `json:"ci95"`
	P     float64  `json:"p"`

	// SD is the standard deviation of ln(a/b) over the pairs.
	SD float64 `json:"sd_log"`

	// HodgesLehmann, WilcoxonCI and WilcoxonP are the same without the assumption of a normal distribution. The interval
	// has no ends where so few pairs cannot give the confidence: below 6 for 95 %.
	HodgesLehmann float64  `json:"hodges_lehmann"`
	WilcoxonCI    Interval `json:"wilcoxon_ci"`
	WilcoxonP     float64  `json:"wilcoxon_p"`
}

// Compare compares a with b; a[i] and b[i] come from the same block of trials. It needs 2 to 2,000 pairs of positive,
// finite numbers, because it looks at ratios.
func Compare(a, b []float64, o Options) (Comparison, error) {
	o, err := o.filled()
	if err != nil {
		return Comparison{}, err
	}
	d, err := logRatios(a, b)
	if err != nil {
		return Comparison{}, err
	}
	c := Comparison{Pairs: len(d)}
	mean, sd := stat.MeanStdDev(d, nil)
	if slices.Max(d) == slices.Min(d) { // the mean of equal numbers may be off by a bit
		mean, sd = d[0], 0
	}
	half := tHalfWidth(sd, len(d), o.Level)
	c.Ratio, c.SD, c.P = math.Exp(mean), sd, tP(mean, sd, len(d))
	c.CI = Interval{math.Exp(mean - half), math.Exp(mean + half)}

	w := signedRank(d, o.Level)
	c.HodgesLehmann, c.WilcoxonP = math.Exp(w.estimate), w.p
	c.WilcoxonCI = Interval{math.Exp(w.low), math.Exp(w.high)}
	return c, nil
}

func logRatios(a, b []float64) ([]float64, error) {
	if len(a) != len(b) {
		return nil, fmt.Errorf("%d trials on one side and %d on the other: they are no pairs", len(a), len(b))
	}
	if len(a) < 2 || len(a) > maxPairs {
		return nil, fmt.Errorf("%d pairs, want 2 to %d", len(a), maxPairs)
	}
	d := make([]float64, len(a))
	for i := range a {
		for side, x := range []float64{a[i], b[i]} {
			if !(x > 0) || math.IsInf(x, 1) {
				return nil, fmt.Errorf("pair %d: %c is %v; a ratio needs positive, finite numbers", i+1, 'a'+side, x)
			}
		}
		// The rounding error of logarithms must neither break ties nor give identical ratios a spread.
		d[i] = math.Round((math.Log(a[i])-math.Log(b[i]))*1e12) / 1e12
	}
	return d, nil
}

// tHalfWidth is half the width of the t interval for a mean of n values.
func tHalfWidth(sd float64, n int, level float64) float64 {
	if sd == 0 {
		return 0
	}
	t := distuv.StudentsT{Sigma: 1, Nu: float64(n - 1)}.Quantile(0.5 + level/2)
	return t * sd / math.Sqrt(float64(n))
}

// tP is the two-sided p-value of mean 0. Identical values other than 0 leave no doubt: 0.
func tP(mean, sd float64, n int) float64 {
	if sd == 0 {
		if mean == 0 {
			return 1
		}
		return 0
	}
	t := math.Abs(mean) / (sd / math.Sqrt(float64(n)))
	return min(1, 2*distuv.StudentsT{Sigma: 1, Nu: float64(n - 1)}.Survival(t))
}
