package workload

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// chance returns a source of chance for a purpose and numbers, such as a phase and a pair. It follows from the seed alone.
func (w *Workload) chance(purpose string, numbers ...int) *rand.Rand {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %d", w.Seed, purpose, numbers))
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])))
}

// Arrivals returns the intended arrivals of an Open phase in one pair, from the start of the phase, ascending, from 0 to
// under its Duration. They are the same for all transports, and others in every pair. There are none in other kinds of
// phases.
//
// A Poisson process of rate 1 is stretched so that it has the phase's rate everywhere; for constant arrivals, so is a
// comb of distance 1 whose first tooth is drawn between 0 and 1.
func (w *Workload) Arrivals(phase, pair int) []time.Duration {
	p := w.Phases[phase]
	if p.Kind != Open {
		return nil
	}
	chance := w.chance("arrivals", phase, pair)
	step := func() float64 { return -math.Log(1 - chance.Float64()) }
	first := step
	if p.Arrivals == "constant" {
		step, first = func() float64 { return 1 }, chance.Float64
	}
	expected := p.Rate() * p.Duration.Seconds()
	all := make([]time.Duration, 0, int(expected+6*math.Sqrt(expected))+1) // six standard deviations of a Poisson count
	due := first()
	passed := 0.0 // records that are due before the segment
	for s := range p.segments() {
		n := s.records()
		for due < passed+n {
			at := time.Duration(math.Round(s.after(due-passed) * 1e9))
			all = append(all, min(at, p.Duration-1))
			due += step()
		}
		passed += n
	}
	return all
}

// Poisson returns arrivals at rate per second, independent of each other, from 0 to under length. stream tells schedules of
// the same seed apart.
func Poisson(seed uint64, stream int, rate float64, length time.Duration) []time.Duration {
	chance := (&Workload{Seed: seed}).chance("poisson", stream)
	var all []time.Duration
	for at := 0.0; ; {
		at += -math.Log(1-chance.Float64()) / rate
		if at >= length.Seconds() {
			return all
		}
		all = append(all, time.Duration(at*float64(time.Second)))
	}
}

// after is the time at which n records of the segment are due, 0 ≤ n < records: the root of from·t + slope·t²/2 = n, in
// the form that does not lose digits when slope is near 0.
func (s segment) after(n float64) float64 {
	slope := (s.to - s.from) / (s.end - s.start)
	root := math.Sqrt(max(0, s.from*s.from+2*slope*n))
	if root+s.from == 0 {
		return s.start
	}
	return min(s.end, s.start+2*n/(s.from+root))
}
