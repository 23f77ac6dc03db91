package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"sluice/internal/awslocal/model"
)

// An Armed is a Script at work: it counts calls from the moment it was made. A nil Armed has no rules. Safe for
// concurrent use. With calls that come one after the other, the same script gives the same faults.
type Armed struct {
	start time.Time

	mu    sync.Mutex
	rules []armedRule
}

type armedRule struct {
	Rule
	rng    *rand.Rand
	bucket *rate.Limiter  // of a throttle
	delays *model.Sampler // of a latency by a model
	seen   int            // calls that the rule is about
	fired  int
}

// Arm checks s and starts it: counters and times begin now.
func (s Script) Arm() (*Armed, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	a := &Armed{start: time.Now(), rules: make([]armedRule, len(s.Rules))}
	for i, r := range s.Rules {
		ar := armedRule{Rule: r, rng: rand.New(rand.NewPCG(s.Seed, uint64(i)))}
		if r.Do == Throttle {
			ar.bucket = rate.NewLimiter(rate.Limit(r.Rate), max(r.Burst, 1))
		}
		if m, ok := model.Lookup(r.Model); ok {
			ar.delays = m.Sampler(s.Seed+uint64(i), 0)
		}
		a.rules[i] = ar
	}
	return a, nil
}

// A Hit is a rule that acts on a call.
type Hit struct {
	*Rule
	Wait time.Duration // latency, stall: how long the call waits
	draw uint64
}

// Picks reports whether the rule is about entry i of n, counted from 0.
func (h *Hit) Picks(i, n int) bool { return h.Entries.picks(i, n, h.draw) }

// Next counts a call of a service and returns the rule that acts on it, or nil.
func (a *Armed) Next(service, call string) *Hit {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	since := now.Sub(a.start)
	var hit *Hit
	for i := range a.rules {
		r := &a.rules[i]
		if !r.fits(service, call) {
			continue
		}
		r.seen++
		if hit == nil && r.acts(now, since) {
			r.fired++
			hit = r.hit(since)
		}
	}
	return hit
}

// acts reports whether the rule acts on the call it has just counted. What is drawn, and taken from a bucket, is so only
// if all else holds.
func (r *armedRule) acts(now time.Time, since time.Duration) bool {
	switch {
	case since < r.After, r.For > 0 && since >= r.After+r.For:
		return false
	case r.Times > 0 && r.fired >= r.Times:
		return false
	case !r.isNth(), r.Every > 0 && r.seen%r.Every != 0:
		return false
	case r.P > 0 && r.rng.Float64() >= r.P:
		return false
	}
	return r.bucket == nil || !r.bucket.AllowN(now, 1)
}

func (r *armedRule) isNth() bool {
	for _, n := range r.Nth {
		if r.seen >= n.From && r.seen <= n.To {
			return true
		}
	}
	return len(r.Nth) == 0
}

func (r *armedRule) hit(since time.Duration) *Hit {
	h := &Hit{Rule: &r.Rule}
	switch r.Do {
	case Stall:
		h.Wait = r.After + r.For - since
	case Latency:
		h.Wait = r.Latency + r.delays.Next()
	}
	if r.Entries.One {
		h.draw = r.rng.Uint64()
	}
	return h
}

// A Count says how often a rule acted.
type Count struct {
	Rule  int    // from 1, in the order of the script
	Name  string // the rule's, or its action and calls
	Fired int
}

// Counts returns the counts of all rules, in the order of the script.
func (a *Armed) Counts() []Count {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]Count, len(a.rules))
	for i := range a.rules {
		r := &a.rules[i]
		name := r.Name
		if name == "" {
			name = fmt.Sprintf("%s on %s", r.Do, strings.Join(r.calls(), ", "))
		}
		out[i] = Count{Rule: i + 1, Name: name, Fired: r.fired}
	}
	return out
}
