package crashfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// block is how much of a file reaches the disk whole or not at all. Real ones are larger; small ones tear more.
const block = 16

// A node is a file or a folder.
type node struct {
	folder  bool
	data    []byte       // as programs see it
	durable []byte       // as it is on the disk
	dirty   map[int]bool // numbers of the blocks of data that may be on the disk or not
	holder  *file        // of its lock
}

func (n *node) store(p []byte, at int) {
	if grow := at + len(p) - len(n.data); grow > 0 {
		n.data = append(n.data, make([]byte, grow)...)
	}
	copy(n.data[at:], p)
	for b := at / block; b*block < at+len(p); b++ {
		n.dirty[b] = true
	}
}

func (n *node) cut(size int) {
	n.data = slices.Clone(n.data[:size])
	maps.DeleteFunc(n.dirty, func(b int, _ bool) bool { return b*block >= size })
}

// sync brings the dirty blocks to the disk, and the size.
func (n *node) sync() {
	n.durable = n.overlay(len(n.data), func(b int) bool { return true })
	n.dirty = map[int]bool{}
}

// forget is a sync that fails: some blocks are on the disk, and no later sync will bring the others there.
func (n *node) forget(rnd *rand.Rand) {
	n.durable = n.torn(rnd)
	n.dirty = map[int]bool{}
}

// torn is what a crash leaves: all that was written, or what was durable, or this with a beginning of what was written,
// or with any blocks of it.
func (n *node) torn(rnd *rand.Rand) []byte {
	size := [2]int{len(n.durable), len(n.data)}[rnd.IntN(2)]
	switch rnd.IntN(4) {
	case 0:
		return n.overlay(len(n.data), func(int) bool { return true })
	case 1:
		return slices.Clone(n.durable)
	case 2:
		if grown := len(n.data) - len(n.durable); grown > 0 {
			return n.overlay(len(n.durable)+rnd.IntN(grown+1), func(int) bool { return true })
		}
	}
	return n.overlay(size, func(int) bool { return rnd.IntN(2) == 0 })
}

// overlay is the durable content, made as long as size, with those dirty blocks over it that are kept. What no block was
// ever brought to is zero.
func (n *node) overlay(size int, kept func(block int) bool) []byte {
	left := make([]byte, size)
	copy(left, n.durable)
	for _, b := range slices.Sorted(maps.Keys(n.dirty)) { // in order, so that a seed repeats itself
		if at := b * block; at < min(size, len(n.data)) && kept(b) {
			copy(left[at:min(at+block, size)], n.data[at:])
		}
	}
	return left
}
