package workload

import (
	"iter"
	"time"
)

// A Phase is a part of a trial. Which of its keys are set decides its kind.
type Phase struct {
	Name       string        `yaml:"name" need:"true" desc:"1 to 32 of a-z, 0-9, - and _; unlike the other phases'"`
	Duration   time.Duration `yaml:"duration" min:"100ms" max:"6h" desc:"how long; closed: of every step; search: not set"`
	ExpectCold bool          `yaml:"expect_cold" default:"false" desc:"cold starts belong to this phase and are reported apart"`

	Steady   PerSecond `yaml:"rate" min:"0.001/s" max:"1000000/s" desc:"steady: mean rate"`
	Arrivals string    `yaml:"arrivals" one:"poisson constant" default:"poisson" desc:"steady, burst, ramp: poisson: independent of each other; constant: as even as the rate allows, from a random instant on"`

	Base  PerSecond     `yaml:"base" min:"0/s" max:"1000000/s" desc:"burst: rate between bursts"`
	Peak  PerSecond     `yaml:"peak" min:"0.001/s" max:"1000000/s" desc:"burst: rate in a burst, more than base"`
	Width time.Duration `yaml:"width" min:"10ms" max:"6h" desc:"burst: how long one lasts, shorter than every"`
	Every time.Duration `yaml:"every" min:"100ms" max:"6h" desc:"burst: from one to the next; the burst is in the middle of that time"`

	From PerSecond `yaml:"from" min:"0/s" max:"1000000/s" desc:"ramp: rate at the start"`
	To   PerSecond `yaml:"to" min:"0/s" max:"1000000/s" desc:"ramp: rate at the end; it changes linearly"`

	Closed      bool  `yaml:"closed" default:"false" desc:"closed: senders that wait for acceptance and send again at once: the most that a transport takes"`
	Concurrency []int `yaml:"concurrency" items:"32" min:"1" max:"4096" desc:"closed: number of senders, one step after the other"`

	Search Ladder `yaml:"search" optional:"true" desc:"search: looks for the highest rate that meets an objective"`

	Kind  Kind  `yaml:"-"`
	shape shape // of an Open phase
}

// A Kind says how a phase decides when a record is sent.
type Kind uint8

const (
	Open   Kind = iota // at instants fixed beforehand, whatever the transport does
	Closed             // when an earlier one is accepted
	Search             // an Open ladder of rates that depends on what the transport has borne so far
)

func (k Kind) String() string { return [...]string{"open", "closed", "search"}[k] }

type shape uint8

const (
	steady shape = iota
	burst
	ramp
)

// A Ladder is a search for the highest rate at which an objective is met.
type Ladder struct {
	SLO   SLO           `yaml:"slo" need:"true" desc:"the objective: accept or processed, a quantile (p50, p90, p95, p99 or p99.9), and a bound: processed.p99 < 500ms"`
	From  RateOrAuto    `yaml:"from" default:"auto" min:"0.001/s" max:"1000000/s" desc:"first rate; auto: a tenth of the most that closed senders reach"`
	Until Share         `yaml:"until" default:"110%" min:"10%" max:"200%" desc:"last rate, as a share of the most that closed senders reach"`
	Step  time.Duration `yaml:"step" default:"30s" min:"1s" max:"10m" desc:"how long each rate is tried: long enough for the records that the quantile needs"`
}

// Rate is the mean rate of an Open phase, per second; 0 for the others.
func (p Phase) Rate() float64 {
	if p.Kind != Open || p.Duration <= 0 {
		return 0
	}
	var sum float64
	for s := range p.segments() {
		sum += s.records()
	}
	return sum / p.Duration.Seconds()
}

// Total is how long an Open or Closed phase takes, all steps of a Closed one together; 0 for a Search, whose steps depend
// on what it finds.
func (p Phase) Total() time.Duration {
	switch p.Kind {
	case Closed:
		return p.Duration * time.Duration(len(p.Concurrency))
	case Search:
		return 0
	}
	return p.Duration
}

// A segment is a time in which the rate changes linearly. Times are seconds from the start of the phase.
type segment struct{ start, end, from, to float64 }

func (s segment) records() float64 { return (s.end - s.start) * (s.from + s.to) / 2 }

// segments are those of an Open phase, in order and without a gap.
func (p Phase) segments() iter.Seq[segment] {
	end := p.Duration.Seconds()
	switch p.shape {
	case ramp:
		return one(segment{0, end, float64(p.From), float64(p.To)})
	case burst:
		return p.bursts(end)
	}
	return one(segment{0, end, float64(p.Steady), float64(p.Steady)})
}

func one(s segment) iter.Seq[segment] { return func(yield func(segment) bool) { yield(s) } }

func (p Phase) bursts(end float64) iter.Seq[segment] {
	base, peak := float64(p.Base), float64(p.Peak)
	every, width := p.Every.Seconds(), p.Width.Seconds()
	return func(yield func(segment) bool) {
		for i := 0; ; i++ {
			start := float64(i) * every
			up := start + (every-width)/2
			for _, s := range [...]segment{
				{start, up, base, base},
				{up, up + width, peak, peak},
				{up + width, start + every, base, base},
			} {
				if s.start >= end {
					return
				}
				if s.end = min(s.end, end); !yield(s) {
					return
				}
			}
		}
	}
}
