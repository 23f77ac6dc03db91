package s3

import (
	"fmt"
	"sort"

	"sluice/ingest"
	"sluice/ingest/format"
)

// A batch is what one Read gathers.
type batch struct {
	most  int
	items [][]byte
	bad   map[int]error
	bytes int
	lines []int64 // of each item
	from  []origin
}

// An origin is the object that the items from one on come from.
type origin struct {
	first int
	key   string
}

// full reports whether no more should be added.
func (b *batch) full() bool { return len(b.items) >= b.most || b.bytes >= batchBytes }

// begin says which object the following items come from.
func (b *batch) begin(key string) { b.from = append(b.from, origin{len(b.items), key}) }

// add appends an item.
func (b *batch) add(item format.Item) {
	if item.Bad != nil {
		if b.bad == nil {
			b.bad = map[int]error{}
		}
		b.bad[len(b.items)] = item.Bad
	}
	b.items = append(b.items, item.Data)
	b.lines = append(b.lines, item.Line)
	b.bytes += len(item.Data)
}

// position says where an item came from.
func (b *batch) position(i int) string {
	if i < 0 || i >= len(b.items) {
		return ""
	}
	at := sort.Search(len(b.from), func(k int) bool { return b.from[k].first > i }) - 1
	return fmt.Sprintf("%s, line %d", show(b.from[at].key), b.lines[i])
}

// show makes a key fit for a log and a terminal.
func show(key string) string { return ingest.OneLine(key, 200) }
