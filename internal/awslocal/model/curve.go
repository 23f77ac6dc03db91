package model

import (
	"math"
	"time"
)

// A curve gives the delay at a place of the normal distribution: curve(0) is the median, curve(1.645) the 95 % quantile.
// It never falls.
type curve func(z float64) time.Duration

// A Point is one quantile of a published table.
type Point struct {
	P  float64 // share of the requests that are at most this slow, in (0, 1)
	MS float64 // milliseconds
}

// probit is the place in the normal distribution below which a share p lies.
func probit(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// share is the inverse of probit.
func share(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// farthest is the place of the 99.99 % quantile. Tables know nothing of what lies beyond their last point; the last
// segment goes on as far as this and not farther, so that no request waits for minutes on the strength of a guess.
var farthest = probit(0.9999)

// table goes through points, which rise: the logarithm of the delay is a straight line between two of them, over the
// place in the normal distribution. Two points are a lognormal distribution.
func table(points []Point) curve {
	z, ln := make([]float64, len(points)), make([]float64, len(points))
	for i, p := range points {
		z[i], ln[i] = probit(p.P), math.Log(p.MS)
	}
	return func(at float64) time.Duration {
		at = max(-farthest, min(at, farthest))
		i := 1
		for i < len(z)-1 && at > z[i] {
			i++
		}
		slope := (ln[i] - ln[i-1]) / (z[i] - z[i-1])
		return milliseconds(math.Exp(ln[i] + slope*(at-z[i])))
	}
}

// A mixture is a lognormal body and, in the rest of the requests, a tail that begins late and decays exponentially.
type mixture struct {
	body, median, sigma float64 // share of the body; its median in ms; its spread in logarithms
	start, scale        float64 // of the tail, in ms
}

// below is the share of the requests that take at most ms.
func (m mixture) below(ms float64) float64 {
	p := m.body * share(math.Log(ms/m.median)/m.sigma)
	if ms > m.start {
		p += (1 - m.body) * -math.Expm1((m.start-ms)/m.scale)
	}
	return p
}

// quantile inverts below by halving an interval until it is a nanosecond wide.
func (m mixture) quantile(z float64) time.Duration {
	p := share(z)
	low, high := 0.0, m.start+40*m.scale // beyond the interval lies less than 1e-17 of the tail
	for high-low > 1e-6 {
		if mid := (low + high) / 2; m.below(mid) < p {
			low = mid
		} else {
			high = mid
		}
	}
	return milliseconds(high)
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
