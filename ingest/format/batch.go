package format

import (
	"fmt"
	"sort"
)

// A Batch is what one Read of a source gathers from streams that have names. It is not safe for concurrent use.
type Batch struct {
	MostItems int // it is full with so many items
	MostBytes int // or with so many bytes of them; an item more may be in it

	Items [][]byte
	Bad   map[int]error // by the number of the item

	bytes   int
	places  []place // of each item
	streams []stream
}

// A place is where an item begins.
type place struct {
	line   int64 // 0: not known
	offset int64 // bytes of the stream before it
}

// A stream is where the items from one on come from.
type stream struct {
	first int
	name  string
}

// Full reports whether no more should be added.
func (b *Batch) Full() bool { return len(b.Items) >= b.MostItems || b.bytes >= b.MostBytes }

// From says in which stream the items that are added next stand; one has to be named before the first item.
func (b *Batch) From(name string) { b.streams = append(b.streams, stream{len(b.Items), name}) }

// Add appends an item that begins in a line (0: it is not known which) behind so many bytes of its stream.
func (b *Batch) Add(item Item, line, offset int64) {
	if item.Bad != nil {
		if b.Bad == nil {
			b.Bad = map[int]error{}
		}
		b.Bad[len(b.Items)] = item.Bad
	}
	b.Items = append(b.Items, item.Data)
	b.places = append(b.places, place{line, offset})
	b.bytes += len(item.Data)
}

// Back removes all but the first n items.
func (b *Batch) Back(n int) {
	for i := n; i < len(b.Items); i++ {
		b.bytes -= len(b.Items[i])
		delete(b.Bad, i)
	}
	b.Items, b.places = b.Items[:n], b.places[:n]
	for len(b.streams) > 0 && b.streams[len(b.streams)-1].first >= n {
		b.streams = b.streams[:len(b.streams)-1]
	}
}

// Position says where item i stands, as people count; nothing where there is no such item.
func (b *Batch) Position(i int) string {
	if i < 0 || i >= len(b.Items) {
		return ""
	}
	name := b.streams[sort.Search(len(b.streams), func(k int) bool { return b.streams[k].first > i })-1].name
	if b.places[i].line == 0 {
		return fmt.Sprintf("%s, behind byte %d", name, b.places[i].offset)
	}
	return fmt.Sprintf("%s, line %d", name, b.places[i].line)
}
