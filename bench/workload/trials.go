package workload

import (
	"slices"
	"time"
)

// Trials says how often the phases are run. A pair is one trial of every transport, with the same arrivals and records.
type Trials struct {
	Pairs  int           `yaml:"pairs" default:"6" min:"1" max:"1000" desc:"number of pairs; fewer than 6 allow no verdict"`
	Order  string        `yaml:"order" one:"random abba fixed" default:"random" desc:"of the transports in a pair: random: by the seed; abba: as listed, then the other way round; fixed: as listed, which a drift of the machine turns into a difference"`
	Warmup time.Duration `yaml:"warmup" default:"1s" min:"0s" max:"10m" desc:"sending at the rate of the first open phase that is not measured, before every trial"`
	Drain  time.Duration `yaml:"drain" default:"60s" min:"1s" max:"1h" desc:"longest wait after the last phase until every accepted record has been seen"`
}

// Budget is what a run may use.
type Budget struct {
	MaxUSD float64 `yaml:"max_usd" default:"1" min:"0" max:"100000" desc:"most money in USD, by the price book, for a run against AWS"`
	MaxRPS float64 `yaml:"max_rps" default:"0" min:"0" max:"1000000" desc:"most records per second, requests that are repeated aside: an open phase that offers more is refused, and the senders of closed phases and of searches are held down to it; 0: no limit"`
}

// Order returns the transports in the order in which the pair with this number, from 0, runs them.
func (w *Workload) Order(pair int) []Side {
	sides := slices.Clone(w.Transports)
	switch w.Trials.Order {
	case "abba":
		if pair%2 == 1 {
			slices.Reverse(sides)
		}
	case "random":
		w.chance("order", pair).Shuffle(len(sides), func(i, j int) { sides[i], sides[j] = sides[j], sides[i] })
	}
	return sides
}
