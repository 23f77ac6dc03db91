package sourcetest

import (
	"bytes"
	"context"
	"io"
	"slices"
	"testing"

	"sluice/ingest"
	"sluice/internal/fault"
)

// sweeps is how often the suite reads on to where the source has caught up, behind what happened while it read: the first
// sweep may have begun before, and the second may repeat. Behind them, nothing may come any more.
const sweeps = 3

// end frees what a source holds, as the end of its process does.
func end(s ingest.Source) {
	if c, ok := s.(io.Closer); ok {
		_ = c.Close()
	}
}

// killed ends the reader at every page, before its cursor is saved, and adds an item. Whoever comes next reads that page
// again, from the same cursor. Of what is saved, nothing is missing and nothing comes twice.
func killed(t testing.TB, h Harness) {
	o, have := h.New(t, size), size
	h.need(t, "Reopen", o.Reopen != nil)
	const extra = 5
	var got [][]byte
	var c ingest.Cursor
	s := o.Source
	for page := 0; !h.Waits || len(got) < have; page++ {
		if page > maxReads {
			t.Fatalf("no end after %d pages and %d items", page, len(got))
		}
		lost, err := s.Read(t.Context(), c)
		if err != nil && err != io.EOF { //nolint:errorlint // the contract
			t.Fatalf("Read(%s) = %v", show(c), err)
		}
		end(s)
		if o.Append != nil && page < extra {
			o.Append(1)
			have++
		}
		s = o.Reopen()
		b, err := s.Read(t.Context(), c)
		if h.Ends && err == io.EOF { //nolint:errorlint // the contract
			break
		}
		if err != nil {
			t.Fatalf("Read(%s) after the reader was killed = %v", show(c), err)
		}
		if n := len(lost.Items); !h.Overtakes && (n > len(b.Items) || !slices.EqualFunc(lost.Items, b.Items[:n], bytes.Equal)) {
			t.Fatalf("Read(%s) after the reader was killed: %d items, want the %d that came before and what is new", show(c), len(b.Items), len(lost.Items))
		}
		checkBatch(t, c, b)
		end(s)
		s = o.Reopen()
		got, c = append(got, b.Items...), b.Next
		if !h.Ends && b.CaughtUp && page >= extra {
			break
		}
	}
	if h.Overtakes {
		slices.SortFunc(got, bytes.Compare)
		sorted := Harness{Item: func(i int) []byte { return ordered(h, have)[i] }}
		wantItems(t, sorted, got, 0, have)
		return
	}
	wantItems(t, h, got, 0, have)
}

// ordered are the first n items in the order of their bytes.
func ordered(h Harness, n int) [][]byte {
	var all [][]byte
	for i := range n {
		all = append(all, h.Item(i))
	}
	slices.SortFunc(all, bytes.Compare)
	return all
}

// A listener reads on from a source that has told of a loss once.
type listener struct {
	ingest.Source
	reason string
}

func (l listener) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	b, err := l.Source.Read(ctx, after)
	if l.reason != "" && err != nil && fault.From(err).Reason == l.reason {
		return l.Source.Read(ctx, after)
	}
	return b, err
}

// A book says what became of each item, and what has been read of it.
type book struct {
	want map[string]bool // what has to come
	may  map[string]bool // what was there for a time
	seen map[string]bool
	hit  []string // what was done, one text each
}

// next is the item that is disturbed next, of those before the place, which have been read, or of those after it: the first and
// the last of them in turn, so that the neighbours of the place are among them. -1: there is none left.
func (b *book) next(h Harness, d Disturbance, done map[int]bool) int {
	var found []int
	for i := range size {
		read := b.seen[string(h.Item(i))]
		if !done[i] && read == (d == DeletedBefore || d == ChangedBefore) {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return -1
	}
	if len(done)%2 == 1 {
		return found[len(found)-1]
	}
	return found[0]
}

// apply does d to the origin once.
func (b *book) apply(t testing.TB, h Harness, o Origin, d Disturbance, done map[int]bool) {
	if d == InsertedBefore {
		item := string(o.Insert())
		b.want[item] = true
		b.hit = append(b.hit, item)
		return
	}
	i := b.next(h, d, done)
	if i < 0 {
		return
	}
	done[i] = true
	old := string(h.Item(i))
	delete(b.want, old)
	b.may[old] = true
	b.hit = append(b.hit, old)
	if d == DeletedBefore || d == DeletedAfter {
		o.Delete(i)
		return
	}
	changed := string(o.Change(i))
	if changed == old {
		t.Fatalf("Change(%d) of the harness changes nothing", i)
	}
	b.want[changed] = true
}

// note keeps what was read, and fails for what never was in the origin.
func (b *book) note(t testing.TB, items [][]byte) {
	for _, item := range items {
		if !b.want[string(item)] && !b.may[string(item)] {
			t.Fatalf("%s was never in the origin", clip(item))
		}
		b.seen[string(item)] = true
	}
}

// disturbed disturbs the origin after every page. What stays in it is not missed, nor is what is new; or, where the harness
// says that it may be, not more of it than was disturbed. Nothing is repeated for ever.
func disturbed(d Disturbance) func(testing.TB, Harness) {
	return func(t testing.TB, h Harness) {
		o := h.New(t, size)
		switch d {
		case InsertedBefore:
			h.need(t, "Insert", o.Insert != nil)
		case DeletedBefore, DeletedAfter:
			h.need(t, "Delete", o.Delete != nil)
		default:
			h.need(t, "Change", o.Change != nil)
		}
		b := &book{want: map[string]bool{}, may: map[string]bool{}, seen: map[string]bool{}}
		for i := range size {
			b.want[string(h.Item(i))] = true
		}
		o.Source = listener{o.Source, h.Tells}
		c := b.sweepDisturbed(t, h, o, d)
		if o.Append != nil && d != ChangedBefore && d != ChangedAfter { // what has changed may stand behind what comes next
			o.Append(2)
			b.want[string(h.Item(size))], b.want[string(h.Item(size+1))] = true, true
		}
		for range sweeps {
			w := walk(t, h, o.Source, c, 0)
			b.note(t, items(w))
			c = last(w, c)
		}
		if again := items(walk(t, h, o.Source, c, 0)); len(again) > 0 {
			t.Fatalf("sweep %d after it still returns %d items, the first %s", sweeps+1, len(again), clip(again[0]))
		}
		b.judge(t, h, d)
	}
}

// sweepDisturbed reads to where the source has caught up, and does d after each Read; after every second one where items are
// inserted, because those who read by number and find one more in front for each page have the last item for ever.
func (b *book) sweepDisturbed(t testing.TB, h Harness, o Origin, d Disturbance) (c ingest.Cursor) {
	done := map[int]bool{}
	for read := range maxReads {
		batch, err := o.Source.Read(t.Context(), c)
		if h.Ends && err == io.EOF { //nolint:errorlint // the contract
			return c
		}
		if err != nil {
			t.Fatalf("Read(%s) after %d items were %s = %v", show(c), len(b.hit), d, err)
		}
		checkBatch(t, c, batch)
		b.note(t, batch.Items)
		c = batch.Next
		if len(b.hit) < size && (d != InsertedBefore || read%2 == 0) {
			b.apply(t, h, o, d, done)
		}
		if !h.Ends && (batch.CaughtUp || len(batch.Items) == 0) {
			return c
		}
	}
	t.Fatalf("no end after %d reads", maxReads)
	return c
}

// judge compares what was missed with what the harness says.
func (b *book) judge(t testing.TB, h Harness, d Disturbance) {
	var missed []string
	for item := range b.want {
		if !b.seen[item] {
			missed = append(missed, item)
		}
	}
	slices.Sort(missed)
	why, declared := h.Misses[d]
	switch {
	case len(b.hit) == 0:
		h.need(t, "Pages", false)
	case declared && len(missed) == 0:
		t.Fatalf("nothing is missed when %d items are %s; the harness says: %s", len(b.hit), d, why)
	case !declared && len(missed) > 0, len(missed) > len(b.hit):
		t.Fatalf("%d items were %s, and %d are missed, the first %s", len(b.hit), d, len(missed), clip([]byte(missed[0])))
	}
}
