package ingest

import (
	"slices"

	"sluice/transport"
)

// A backlog is what is unsettled of one batch.
type backlog struct {
	left []*entry // to be delivered, in the order of the source
	held []*entry // refused, and not to be set aside before the guard allows it; the one to be tried next comes first
}

// An entry is one item on its way.
type entry struct {
	place  int // in its batch
	item   []byte
	record transport.Record
	bad    error // why it is no record; nil: it is one
}

// backlogOf parses items.
func backlogOf(items [][]byte, parse Parser) *backlog {
	all := make([]entry, len(items))
	b := &backlog{left: make([]*entry, len(items))}
	for i, item := range items {
		all[i] = entry{place: i, item: item}
		all[i].parse(parse)
		b.left[i] = &all[i]
	}
	return b
}

func (e *entry) parse(parse Parser) { e.record, e.bad = parse(e.item) }

// keyed reports whether the item belongs to the key of its record. What could not be named belongs to none.
func (e *entry) keyed() bool { return e.record.ID != "" }

func (b *backlog) empty() bool { return len(b.left)+len(b.held) == 0 }

// wave takes out what may be delivered now: all that is left or, if ordered, the first of each key, and none of a key
// of which one is held.
func (b *backlog) wave(ordered bool) (now []*entry) {
	if !ordered {
		now, b.left = b.left, nil
		return now
	}
	taken := map[string]bool{}
	for _, e := range b.held {
		taken[e.record.Key] = taken[e.record.Key] || e.keyed()
	}
	var later []*entry
	for _, e := range b.left {
		switch {
		case !e.keyed():
			now = append(now, e)
		case taken[e.record.Key]:
			later = append(later, e)
		default:
			taken[e.record.Key] = true
			now = append(now, e)
		}
	}
	b.left = later
	return now
}

// probe takes out one that is held, to see whether it passes now. It is parsed anew: a schema may have been mended. The
// next time it is another one, because this one may be bad itself.
func (b *backlog) probe(parse Parser) []*entry {
	e := b.held[0]
	b.held = b.held[1:]
	e.parse(parse)
	return []*entry{e}
}

// hold keeps refused for a probe.
func (b *backlog) hold(refused []*entry) { b.held = append(b.held, refused...) }

// release puts what is held back into its place. All is parsed anew: what comes after it was refused by the same schema.
func (b *backlog) release(parse Parser) {
	b.left = append(b.left, b.held...)
	b.held = nil
	slices.SortFunc(b.left, func(a, b *entry) int { return a.place - b.place })
	for _, e := range b.left {
		e.parse(parse)
	}
}
