package file

import (
	"fmt"
	"sort"

	"sluice/ingest/format"
)

// A batch is what one Read gathers.
type batch struct {
	most  int
	items [][]byte
	bad   map[int]error
	bytes int
	lines []int64 // of each item; 0: not known
	ends  []int64 // bytes of the file before each item
	names []origin
}

// An origin is where the items from one on come from.
type origin struct {
	first int
	name  string
}

// from says where the following items come from.
func (b *batch) from(name string) { b.names = append(b.names, origin{len(b.items), name}) }

// full reports whether no more should be added.
func (b *batch) full() bool { return len(b.items) >= b.most || b.bytes >= batchBytes }

// add appends an item that began in line, behind the given bytes of its file.
func (b *batch) add(item format.Item, line, before int64) {
	if item.Bad != nil {
		if b.bad == nil {
			b.bad = map[int]error{}
		}
		b.bad[len(b.items)] = item.Bad
	}
	b.items = append(b.items, item.Data)
	b.lines = append(b.lines, line)
	b.ends = append(b.ends, before)
	b.bytes += len(item.Data)
}

// mark is a place to go back to.
func (b *batch) mark() int { return len(b.items) }

// back removes what was added since mark was n.
func (b *batch) back(n int) {
	for i := n; i < len(b.items); i++ {
		b.bytes -= len(b.items[i])
		delete(b.bad, i)
	}
	b.items, b.lines, b.ends = b.items[:n], b.lines[:n], b.ends[:n]
	for len(b.names) > 0 && b.names[len(b.names)-1].first >= n {
		b.names = b.names[:len(b.names)-1]
	}
}

// position says where an item came from.
func (b *batch) position(i int) string {
	if i < 0 || i >= len(b.items) {
		return ""
	}
	at := sort.Search(len(b.names), func(k int) bool { return b.names[k].first > i }) - 1
	if b.lines[i] == 0 {
		return fmt.Sprintf("%s, behind byte %d", show(b.names[at].name), b.ends[i])
	}
	return fmt.Sprintf("%s, line %d", show(b.names[at].name), b.lines[i])
}
