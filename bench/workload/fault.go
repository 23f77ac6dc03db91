package workload

import (
	"slices"
	"strings"
	"time"
)

// A Fault is something that goes wrong in every trial.
type Fault struct {
	Kind string        `yaml:"kind" need:"true" one:"stall latency 5xx throttle reset_after_send lost_ack duplicate_delivery partial_batch_failure slow_consumer consumer_crash expired_credentials clock_skew dns_failure" desc:"what"`
	At   time.Duration `yaml:"at" default:"0s" min:"0s" max:"6h" desc:"when it begins, from the start of the first phase; before the phases are over"`
	For  time.Duration `yaml:"for" min:"1ms" max:"6h" desc:"how long; unset: until the trial ends"`
	P    float64       `yaml:"p" min:"0.000001" max:"1" desc:"share of the requests that are struck (duplicate_delivery, partial_batch_failure: one record of each); unset: all of them"`
	Rate PerSecond     `yaml:"rate" min:"0.001/s" max:"1000000/s" desc:"throttle: requests per second that pass"`
	By   time.Duration `yaml:"by" min:"-1h" max:"1h" desc:"latency: what is added to every answer; slow_consumer: to the work on every record; clock_skew: how far the service's clock is ahead"`
}

// FaultKinds are the kinds of faults.
func FaultKinds() []string {
	kinds := make([]string, 0, len(faultKeys))
	for kind := range faultKeys {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// faultKeys says which of the keys for, p, rate and by a kind may have. Those with "!" it must have; and if one has "?", one
// of them, or a p below 1: without an end, nothing would pass any more.
var faultKeys = map[string]string{
	"stall":                 "for!",
	"latency":               "for p by!",
	"5xx":                   "for? p",
	"throttle":              "for? p rate?",
	"reset_after_send":      "for? p",
	"lost_ack":              "for? p",
	"duplicate_delivery":    "for p",
	"partial_batch_failure": "for? p",
	"slow_consumer":         "for by!",
	"consumer_crash":        "",
	"expired_credentials":   "",
	"clock_skew":            "for by!",
	"dns_failure":           "for!",
}

// checkFault reports keys that a fault has and must not have, or the other way round.
func (d *decoder) checkFault(path string, f Fault) {
	allowed, known := faultKeys[f.Kind]
	if !known {
		return // reported already
	}
	words := strings.Fields(allowed)
	for _, key := range []string{"for", "p", "rate", "by"} {
		means := slices.ContainsFunc(words, func(word string) bool { return strings.TrimRight(word, "!?") == key })
		if d.given(path+"."+key) && !means {
			d.problem(path+"."+key, "%s.%s means nothing for %s", path, key, f.Kind)
		}
	}
	var ends []string
	ended := f.P > 0 && f.P < 1
	for _, word := range words {
		if key, must := strings.CutSuffix(word, "!"); must && !d.given(path+"."+key) {
			d.problem(path, "%s: %s needs %q", path, f.Kind, key)
		}
		if key, end := strings.CutSuffix(word, "?"); end {
			ends = append(ends, key)
			ended = ended || d.given(path+"."+key)
		}
	}
	if len(ends) > 0 && !ended {
		d.problem(path, "%s: %s would let nothing pass any more; give it %s, or a p below 1", path, f.Kind, strings.Join(ends, ", "))
	}
	if f.Rate > 0 && f.P > 0 && f.Kind == "throttle" {
		d.problem(path, "%s: throttle is by rate or by p, not both", path)
	}
	if f.By < 0 && f.Kind != "clock_skew" {
		d.problem(path+".by", "%s.by is negative, which only clock_skew can be", path)
	}
	if f.By == 0 && d.given(path+".by") {
		d.problem(path+".by", "%s.by is 0s, which is no %s", path, f.Kind)
	}
}

// checkStrikes reports a fault that begins when a trial is over. A trial may last longer than its phases by the time that
// records need at their end, on which nobody can count.
func (d *decoder) checkStrikes(w *Workload, path string, f Fault) {
	var length time.Duration
	for _, p := range w.Phases {
		if p.Kind != Search && p.Total() == 0 {
			return // something is wrong with the phase, which is reported
		}
		length += p.Total()
	}
	switch {
	case len(w.Phases) > 0 && length == 0:
		d.problem(path, "%s would never strike: a search has no faults, and there is no other phase", path)
	case len(w.Phases) > 0 && f.At >= length:
		d.problem(path+".at", "%s.at is %v, but the phases last %v; it would never strike", path, f.At, length)
	}
}
