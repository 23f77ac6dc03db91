package svg

import (
	"math"
	"strconv"
)

// A Tick is a labelled place on an axis.
type Tick struct {
	At    float64
	Label string
}

// scale maps values to a coordinate.
type scale struct {
	log      bool
	low, top float64 // values at the ends; low < top, both above 0 if log
	from, to float64 // coordinates of the ends
}

func (s scale) at(v float64) float64 {
	low, top := s.low, s.top
	if s.log {
		low, top, v = math.Log(low), math.Log(top), math.Log(max(v, math.SmallestNonzeroFloat64))
	}
	share := min(1, max(0, (v-low)/(top-low)))
	if math.IsNaN(share) {
		share = 0
	}
	return s.from + share*(s.to-s.from)
}

// extreme is beyond everything that is measured; a chart that reached so far would show nothing else.
const extreme = 1e30

// bounds returns the least and the greatest of values that the scale can show; ok is false if there is none.
func bounds(values []float64, log bool) (low, top float64, ok bool) {
	low, top = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if math.IsNaN(v) || math.Abs(v) > extreme || log && v < 1/extreme {
			continue
		}
		low, top = min(low, v), max(top, v)
	}
	return low, top, low <= top
}

// widened leaves some room around the data: to the next tick on a linear axis, a little on a logarithmic one.
func widened(low, top float64, log bool) (float64, float64) {
	if log {
		if top/low < 1.2 {
			low, top = low/1.1, top*1.1
		}
		room := math.Pow(top/low, 0.05)
		return low / room, top * room
	}
	if low == top {
		return low - math.Max(math.Abs(low)*0.1, 0.5), top + math.Max(math.Abs(top)*0.1, 0.5)
	}
	step := niceStep((top - low) / 5)
	return math.Floor(low/step+1e-9) * step, math.Ceil(top/step-1e-9) * step
}

// niceStep is the next of 1, 2, 5 times a power of ten from raw up.
func niceStep(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= raw*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// ticks returns about n ticks from low to top. A logarithmic axis gets powers of ten, or 1, 2, 5 of each where there are
// few, or the ticks of a linear axis where it spans less than that.
func ticks(low, top float64, log bool, n int, label func(float64) string) []Tick {
	var at []float64
	if log {
		at = logTicks(low, top, n)
	}
	if len(at) < 2 {
		step := niceStep((top - low) / float64(max(1, n)))
		at = nil
		first := math.Ceil(low/step - 1e-9)
		for i := 0; i <= 2*n+2; i++ { // counted, because steps may vanish beside huge numbers
			if v := (first + float64(i)) * step; v <= top+math.Abs(top)*1e-12+step*1e-9 {
				at = append(at, v+0) // -0 becomes 0
			}
		}
	}
	out := make([]Tick, len(at))
	for i, v := range at {
		out[i] = Tick{v, label(v)}
	}
	return out
}

func logTicks(low, top float64, n int) []float64 {
	for _, steps := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
		var at []float64
		for e := math.Floor(math.Log10(low)); e <= math.Log10(top); e++ {
			for _, m := range steps {
				if v := m * math.Pow(10, e); v >= low*(1-1e-9) && v <= top*(1+1e-9) {
					at = append(at, v)
				}
			}
		}
		if len(at) <= n+1 {
			return at
		}
	}
	var at []float64
	every := math.Ceil((math.Log10(top) - math.Log10(low)) / float64(max(1, n)))
	for e := math.Ceil(math.Log10(low) - 1e-9); e <= math.Log10(top)+1e-9; e += every {
		at = append(at, math.Pow(10, e))
	}
	return at
}

// Number writes v with at most four significant digits and without an exponent up to a million, thousands as k and millions
// as M beyond ten thousand.
func Number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e9:
		return short(v/1e9) + "G"
	case a >= 1e6:
		return short(v/1e6) + "M"
	case a >= 1e4:
		return short(v/1e3) + "k"
	}
	return short(v)
}

func short(v float64) string {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
