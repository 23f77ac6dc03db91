package ingest

import (
	"context"
	"slices"

	"sluice/transport"
)

// A backlog is what is unsettled of one batch.
type backlog struct {
	left []*entry // to be delivered, in the order of the source
	held []*entry // refused, and not to be set aside before the guard allows it; the one to be tried next comes first
}

// An entry is one item on its way, and has one fate, whatever became of each of its records.
type entry struct {
	place    int // in its batch
	item     []byte
	records  []transport.Record
	left     []transport.Record // of records, those that are not accepted; of no meaning once there is a fate
	accepted map[string]bool    // IDs, if there is more than one record
	bad      error              // why it is no item, as its source says; nil: it is one
	stage    Stage              // of fate
	fate     error              // why it is refused; nil: it is not, so far
}

// backlogOf parses the items of a batch. It fails if ctx ends before it is through.
func backlogOf(ctx context.Context, batch Batch, parse Parser) (*backlog, error) {
	all := make([]entry, len(batch.Items))
	b := &backlog{left: make([]*entry, len(batch.Items))}
	for i, item := range batch.Items {
		all[i] = entry{place: i, item: item, bad: batch.Bad[i]}
		b.left[i] = &all[i]
	}
	return b, b.parse(ctx, parse)
}

// parse parses all that is left.
func (b *backlog) parse(ctx context.Context, parse Parser) error {
	for _, e := range b.left {
		if ctx.Err() != nil { // a page of items that take long must not hold up a stop
			return context.Cause(ctx)
		}
		e.parse(parse)
	}
	return nil
}

func (e *entry) parse(parse Parser) {
	e.fate = nil
	if e.bad != nil {
		e.blame(StageRead, misread(e.bad))
		return
	}
	var err error
	if e.records, err = parse(e.item); err != nil {
		err = Unparsable(err)
		e.blame(stageOf(err), err)
	}
	e.left = e.open(e.records)
}

// blame notes why the item is refused. The first reason counts.
func (e *entry) blame(stage Stage, err error) {
	if e.fate == nil {
		e.stage, e.fate = stage, err
	}
}

// open returns those of records that are not accepted.
func (e *entry) open(records []transport.Record) []transport.Record {
	if len(e.accepted) == 0 {
		return records
	}
	var open []transport.Record
	for _, r := range records {
		if !e.accepted[r.ID] {
			open = append(open, r)
		}
	}
	return open
}

// next returns what to send now: all that is left, or the first of it. What is refused is not sent.
func (e *entry) next(ordered bool) []transport.Record {
	if e.fate != nil {
		return nil
	}
	if ordered && len(e.left) > 1 {
		return e.left[:1]
	}
	return e.left
}

// settle notes what became of a record that was sent; those of one item are told of in the order in which they were sent.
// One that is accepted is not sent again when its item is tried again because of another.
func (e *entry) settle(r transport.Record, err error) {
	if err != nil {
		e.blame(StageDeliver, err)
		return
	}
	if len(e.records) > 1 {
		if e.accepted == nil {
			e.accepted = map[string]bool{}
		}
		e.accepted[r.ID] = true
	}
	if e.fate == nil {
		e.left = e.left[1:]
	}
}

// taken reports whether one of the keys of the item is in keys. What could not be named belongs to none.
func (e *entry) taken(keys map[string]bool) bool {
	return slices.ContainsFunc(e.records, func(r transport.Record) bool { return keys[r.Key] })
}

// take puts the keys of the item into keys.
func (e *entry) take(keys map[string]bool) {
	for _, r := range e.records {
		keys[r.Key] = true
	}
}

func (b *backlog) empty() bool { return len(b.left)+len(b.held) == 0 }

// wave takes out what may be delivered now: all that is left or, if ordered, the first of each key, and none of a key
// of which one is held. An item of several keys waits until it is the first of all of them, and holds all of them up.
func (b *backlog) wave(ordered bool) (now []*entry) {
	if !ordered {
		now, b.left = b.left, nil
		return now
	}
	taken := map[string]bool{}
	for _, e := range b.held {
		e.take(taken)
	}
	var later []*entry
	for _, e := range b.left {
		if e.taken(taken) {
			later = append(later, e)
		} else {
			now = append(now, e)
		}
		e.take(taken)
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
func (b *backlog) release(ctx context.Context, parse Parser) error {
	b.left = append(b.left, b.held...)
	b.held = nil
	slices.SortFunc(b.left, func(a, b *entry) int { return a.place - b.place })
	return b.parse(ctx, parse)
}
