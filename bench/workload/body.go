package workload

import (
	"math"
	"math/rand/v2"
)

// minimum is the length of the shortest body of a kind.
var minimum = map[string]Bytes{"json": Bytes(len(opening) + len(closing)), "text": 1, "binary": 1}

const (
	opening = `{"data":"`
	closing = `"}`

	filler = "all work and no surprise. " // what a compressor takes away
)

// printable has the ASCII characters that a JSON string takes as they are, without the space.
const printable = "!#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// fill makes a body of its length. A share ratio of it is chance that no compressor can take away; of printable
// characters it takes more bytes to hold as much of it.
func fill(body []byte, kind string, ratio float64, chance *rand.Rand) {
	inner := body
	if kind == "json" {
		copy(body, opening)
		copy(body[len(body)-len(closing):], closing)
		inner = body[len(opening) : len(body)-len(closing)]
	}
	random := float64(len(body)) * ratio
	if kind != "binary" {
		random *= 8 / math.Log2(float64(len(printable)))
	}
	n := min(len(inner), int(math.Round(random)))
	for i := range n {
		if kind == "binary" {
			inner[i] = byte(chance.Uint32())
		} else {
			inner[i] = printable[chance.IntN(len(printable))]
		}
	}
	for i := n; i < len(inner); i += len(filler) {
		copy(inner[i:], filler)
	}
}
