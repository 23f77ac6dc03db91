package workload

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// A Pool has the bodies and keys of records. It follows from the workload and the samples alone. Safe for concurrent use.
type Pool struct {
	bodies [][]byte
	random bool // draw bodies instead of using them in turn
	seed   uint64
	keys   []float64 // keys[i] is the share of records whose key is one of the first i+1
}

// Pool returns the records of the workload: samples, which are the user's own bodies, or made-up ones if samples is empty.
// It keeps samples, and fails if the workload asks for samples and there are none.
func (w *Workload) Pool(samples [][]byte) (*Pool, error) {
	p := &Pool{seed: w.chance("records").Uint64(), keys: w.Records.Keys.cumulative()}
	if len(samples) > 0 {
		p.bodies, p.random = samples, w.Records.Draw == "random"
		return p, nil
	}
	if w.Records.Sample {
		return nil, errors.New("the workload asks for your own records (records.sample: true) and there are none; give a file with --records")
	}
	chance := w.chance("bodies")
	least := minimum[w.Records.Kind]
	w.Records.Size.lengths(w.Records.Pool, func(length Bytes) {
		p.bodies = append(p.bodies, make([]byte, max(length, least)))
	})
	chance.Shuffle(len(p.bodies), func(i, j int) { p.bodies[i], p.bodies[j] = p.bodies[j], p.bodies[i] })
	for _, body := range p.bodies {
		fill(body, w.Records.Kind, w.Records.RandomRatio, chance)
	}
	return p, nil
}

// Bodies are the different bodies, which are not to be changed.
func (p *Pool) Bodies() [][]byte { return p.bodies }

// Size is the number of different bodies.
func (p *Pool) Size() int { return len(p.bodies) }

// Body returns the body of the record with this number, from 0. It must not be changed.
func (p *Pool) Body(seq int) []byte {
	if p.random {
		return p.bodies[mix(p.seed, seq, 1)%uint64(len(p.bodies))]
	}
	return p.bodies[seq%len(p.bodies)]
}

// Key returns the key of the record with this number, from 0: k1 is the most frequent one. Empty: records have no keys.
func (p *Pool) Key(seq int) string {
	if len(p.keys) == 0 {
		return ""
	}
	u := float64(mix(p.seed, seq, 2)>>11) / (1 << 53)
	i, _ := slices.BinarySearch(p.keys, u)
	return "k" + strconv.Itoa(min(i, len(p.keys)-1)+1)
}

// cumulative returns the share of the first key, of the first two, and so on.
func (k Keys) cumulative() []float64 {
	if k.N == 0 {
		return nil
	}
	shares := make([]float64, k.N)
	sum := 0.0
	for i := range shares {
		sum += math.Pow(float64(i+1), -k.Zipf)
		shares[i] = sum
	}
	for i := range shares {
		shares[i] /= sum
	}
	return shares
}

// mix scatters a number over all 64-bit values: the finalizer of SplitMix64, with a stream of its own per purpose.
func mix(seed uint64, seq int, stream uint64) uint64 {
	x := seed + stream*0xd1342543de82ef95 + uint64(seq)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// String says how many bodies there are, and from how many bytes to how many.
func (p *Pool) String() string {
	shortest, longest := len(p.bodies[0]), len(p.bodies[0])
	for _, b := range p.bodies {
		shortest, longest = min(shortest, len(b)), max(longest, len(b))
	}
	return fmt.Sprintf("%d bodies of %v to %v", len(p.bodies), Bytes(shortest), Bytes(longest))
}
