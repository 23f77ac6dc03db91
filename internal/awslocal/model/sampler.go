package model

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// A Sampler draws delays from a model. The same seed gives the same delays in the same order. A nil Sampler draws zeros.
// Safe for concurrent use.
type Sampler struct {
	curve curve
	keep  float64 // correlation of a draw with the one before
	fresh float64

	mu  sync.Mutex
	rng *rand.Rand
	z   float64
}

// Sampler returns a sampler of m, which has to be a distribution, or nil if it is none. correlation, in [0, 1), is that of
// neighbouring draws: their places in the normal distribution are an autoregressive series of the first order, so that
// slow requests come in spells, while the quantiles over a long time stay those of m. At 0 all draws are independent.
func (m Model) Sampler(seed uint64, correlation float64) *Sampler {
	if m.curve == nil {
		return nil
	}
	rng := rand.New(rand.NewPCG(seed, stream(m.ID)))
	return &Sampler{curve: m.curve, keep: correlation, fresh: math.Sqrt(1 - correlation*correlation), rng: rng, z: rng.NormFloat64()}
}

// Next draws one delay.
func (s *Sampler) Next() time.Duration {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	s.z = s.keep*s.z + s.fresh*s.rng.NormFloat64()
	z := s.z
	s.mu.Unlock()
	return s.curve(z)
}

// Chaos draws what sqs-chaos does to messages. Safe for concurrent use.
type Chaos struct {
	mu  sync.Mutex
	rng *rand.Rand
}

// NewChaos returns a Chaos that does the same for the same seed.
func NewChaos(seed uint64) *Chaos {
	return &Chaos{rng: rand.New(rand.NewPCG(seed, stream("sqs-chaos")))}
}

// Next says by how much a message is late and whether it is stored twice.
func (c *Chaos) Next() (late time.Duration, twice bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.rng.Int64N(int64(ReorderWindow))), c.rng.Float64() < Duplicates
}

// stream is the second half of a generator's seed, so that models with the same seed draw different numbers: FNV-1a.
func stream(id string) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range []byte(id) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}
