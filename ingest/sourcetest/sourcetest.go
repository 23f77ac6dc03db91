// Package sourcetest is the executable half of the contract of ingest.Source: the suite that every source passes.
package sourcetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"sluice/ingest"
	"sluice/internal/fault"
)

// patience bounds, in real time, what a source may take to return after its context has ended.
const patience = 10 * time.Second

// maxReads bounds the Reads of one walk, so that a source without an end fails instead of hanging.
const maxReads = 10_000

// A Harness tells the suite about one source in one configuration.
type Harness struct {
	// New starts an origin of its own that holds the items 0 to n-1, and frees it at the end of the test. n may be 0.
	New func(t testing.TB, n int) Origin
	// Item is the raw item number i as a Read returns it. No two are equal.
	Item func(i int) []byte
	// Ends says that Read returns io.EOF behind the last item; else the suite wants it never to.
	Ends bool
	// Waits says that Read waits where it finds no data, instead of returning an empty Batch.
	Waits bool
	// Garbage are texts that this source has to refuse as cursors, besides those that every source has to refuse.
	Garbage []ingest.Cursor
	// Tied is the same source in pages of page items, of which ties in a row share the value that the source reads on from.
	Tied func(page, ties int) Harness
	// Loop makes a source whose pages lead into a circle of period pages behind lead others. It has to end as a Blocked fault.
	Loop func(t testing.TB, lead, period int) ingest.Source
	// Twice is New over an origin that gives each page twice, the second time in another place.
	Twice func(t testing.TB, n int) Origin
	// Misses says of a Disturbance that something may be missed then, and why: as many items as were deleted, changed or
	// inserted, not more. It belongs into the documents. The suite refuses a word about what is never missed.
	Misses map[Disturbance]string
	// Tells is the reason of the fault that says once what was there and is gone; the next Read goes on. Empty: there is none.
	Tells string
	// Overtakes says that what is added may be read before what was there and has not been read.
	Overtakes bool
	// Lacks says why there is no function for a hook of Harness or Origin, by its name: what that hook is for is skipped with
	// this word. A hook must be there or be excused, not both. Pages stands for what comes behind the first Read.
	Lacks map[string]string
}

// A Disturbance is something that happens to an origin between two pages, before or after the place where the reader is.
type Disturbance string

// What may be in Harness.Misses.
const (
	DeletedBefore  Disturbance = "deleted before the place"
	DeletedAfter   Disturbance = "deleted after the place"
	ChangedBefore  Disturbance = "changed before the place"
	ChangedAfter   Disturbance = "changed after the place"
	InsertedBefore Disturbance = "inserted before the place"
)

// An Origin is where a source reads from, with the handles that the suite needs. Those that Harness.Lacks excuses are nil.
type Origin struct {
	Source ingest.Source
	Reopen func() ingest.Source // another Source over the same origin: what a restart makes
	Append func(n int)          // adds the next n items behind the last
	Forget func()               // makes the origin forget everything that the cursors given out so far point to
	Hang   func()               // from now on the origin accepts requests and never answers
	Change func(i int) []byte   // gives item i another content, which it returns, in the way changes are made in this kind of origin
	Delete func(i int)          // removes item i
	Insert func() []byte        // adds a new item ahead of all others, and returns it
	// Renews says that Forget takes away names of places only, no items, and that the source then begins anew what it was
	// reading. Else it has to end with ErrCursorGone.
	Renews bool
}

// need skips the check where the hook is excused, and fails it where the harness does not say which of the two it is.
func (h Harness) need(t testing.TB, hook string, there bool) {
	t.Helper()
	why, excused := h.Lacks[hook]
	switch {
	case there && excused:
		t.Fatalf("the harness has %s, and Lacks says: %s", hook, why)
	case !there && !excused:
		t.Fatalf("the harness has no %s, and Lacks does not say why", hook)
	case !there:
		t.Skipf("no %s: %s", hook, why)
	}
}

// A check is one part of the contract.
type check struct {
	name string
	run  func(testing.TB, Harness)
}

// checks is the suite.
func checks() []check {
	return []check{
		{"whole content in order, once", wholeContent},
		{"same items again from every cursor", sameAgain},
		{"older cursor after a newer one", olderAfterNewer},
		{"same items after a restart", afterRestart},
		{"empty origin", emptyOrigin},
		{"nothing new", nothingNew},
		{"later data is found", laterData},
		{"returned items belong to the caller", ownedByCaller},
		{"cancelled before reading", cancelledBefore},
		{"cancelled while the origin is silent", cancelledWhileSilent},
		{"cancelled while waiting for data", cancelledWhileWaiting},
		{"garbage is no cursor", garbage},
		{"forgotten cursor", forgotten},
		{"killed at every page, while items are added", killed},
		{"deleted between pages, before the place", disturbed(DeletedBefore)},
		{"deleted between pages, after the place", disturbed(DeletedAfter)},
		{"changed between pages, before the place", disturbed(ChangedBefore)},
		{"changed between pages, after the place", disturbed(ChangedAfter)},
		{"inserted between pages, before the place", disturbed(InsertedBefore)},
		{"equal values at a page boundary", tied},
		{"each page twice", pagesTwice},
		{"pages in a circle", circles},
	}
}

// Run runs the suite, each part as a subtest of t.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) { c.run(t, h) })
	}
}

// A visit is one Read of a walk: the cursor it was read from, and what came.
type visit struct {
	after ingest.Cursor
	batch ingest.Batch
}

// last is the cursor behind the walk.
func last(walk []visit, start ingest.Cursor) ingest.Cursor {
	if len(walk) == 0 {
		return start
	}
	return walk[len(walk)-1].batch.Next
}

// items are all items of the walk in order.
func items(walk []visit) [][]byte {
	var all [][]byte
	for _, v := range walk {
		all = append(all, v.batch.Items...)
	}
	return all
}

// walk reads on from start until the source says that there is nothing more, and checks what holds for every Batch.
func walk(t testing.TB, h Harness, s ingest.Source, start ingest.Cursor, want int) []visit {
	t.Helper()
	var out []visit
	for c, n := start, 0; ; {
		if h.Waits && n >= want {
			return out
		}
		if len(out) >= maxReads {
			t.Fatalf("no end after %d reads and %d items", len(out), n)
		}
		b, err := s.Read(t.Context(), c)
		if err == io.EOF { //nolint:errorlint // the contract
			if !h.Ends {
				t.Fatalf("Read(%s) = io.EOF, want an empty Batch: this source has no end", show(c))
			}
			if len(b.Items) > 0 {
				t.Fatalf("Read(%s) returned %d items together with io.EOF", show(c), len(b.Items))
			}
			return out
		}
		if err != nil {
			t.Fatalf("Read(%s) = %v", show(c), err)
		}
		checkBatch(t, c, b)
		out = append(out, visit{c, b})
		n += len(b.Items)
		if !h.Ends && (b.CaughtUp || (len(b.Items) == 0 && b.Next == c)) {
			return out
		}
		c = b.Next
	}
}

// checkBatch checks what every Batch must be, wherever it was read.
func checkBatch(t testing.TB, after ingest.Cursor, b ingest.Batch) {
	t.Helper()
	if !utf8.ValidString(string(b.Next)) {
		t.Fatalf("Next is not valid UTF-8: %q", b.Next)
	}
	if len(b.Items) > 0 && b.Next == after {
		t.Fatalf("%d items, and Next is the cursor they were read from (%s): they would be read for ever", len(b.Items), show(after))
	}
	if b.Next == "" && after != "" {
		t.Fatalf("Next after %s is the empty cursor, which is the beginning", show(after))
	}
}

// wantItems fails unless got are exactly the items from to to-1, in order.
func wantItems(t testing.TB, h Harness, got [][]byte, from, to int) {
	t.Helper()
	for i := range max(len(got), to-from) {
		switch {
		case i >= len(got):
			t.Fatalf("got %d items, want %d: item %d (%s) is missing", len(got), to-from, from+i, clip(h.Item(from+i)))
		case i >= to-from:
			t.Fatalf("got %d items, want %d: %s is too many", len(got), to-from, clip(got[i]))
		case !bytes.Equal(got[i], h.Item(from+i)):
			t.Fatalf("item %d is %s, want %s", from+i, clip(got[i]), clip(h.Item(from+i)))
		}
	}
}

// sameBatch compares a second Read from a cursor with the first.
func sameBatch(t testing.TB, after ingest.Cursor, got, want ingest.Batch) {
	t.Helper()
	if !slices.EqualFunc(got.Items, want.Items, bytes.Equal) {
		t.Fatalf("second Read(%s) returned %d items %s, the first %d items %s",
			show(after), len(got.Items), clip(bytes.Join(got.Items, []byte(" "))), len(want.Items), clip(bytes.Join(want.Items, []byte(" "))))
	}
	if got.Next != want.Next {
		t.Fatalf("second Read(%s): Next = %s, the first time %s", show(after), show(got.Next), show(want.Next))
	}
	if got.CaughtUp != want.CaughtUp {
		t.Fatalf("second Read(%s): CaughtUp = %v, the first time %v", show(after), got.CaughtUp, want.CaughtUp)
	}
}

// blocked fails unless err is a Blocked fault.
func blocked(t testing.TB, what string, b ingest.Batch, err error) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: %d items and no error, want a Blocked fault", what, len(b.Items))
	}
	if !fault.Is(err, fault.Blocked) {
		t.Fatalf("%s: %v is %v, want Blocked: only a person can mend this", what, err, fault.From(err).Class)
	}
	if len(b.Items) > 0 {
		t.Fatalf("%s: %d items together with the error", what, len(b.Items))
	}
}

// soon runs a Read that has to fail because its context ends, and fails if it does not return.
func soon(t testing.TB, what string, read func() (ingest.Batch, error)) {
	t.Helper()
	type result struct {
		b   ingest.Batch
		err error
	}
	done := make(chan result, 1)
	go func() {
		b, err := read()
		done <- result{b, err}
	}()
	select {
	case r := <-done:
		if r.err == nil {
			t.Fatalf("%s: %d items and no error, want an error", what, len(r.b.Items))
		}
		if errors.Is(r.err, io.EOF) {
			t.Fatalf("%s: io.EOF, want an error: an end of the context is no end of the data", what)
		}
		if fault.Is(r.err, fault.Blocked) {
			t.Fatalf("%s: %v is Blocked, but nothing is wrong with the source", what, r.err)
		}
	case <-time.After(patience):
		t.Fatalf("%s: Read has not returned after %v", what, patience)
	}
}

// cancelAfterStart returns a context that ends once Read may have begun.
func cancelAfterStart(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func show(c ingest.Cursor) string { return clip([]byte(c)) }

func clip(b []byte) string {
	const most = 120
	if len(b) > most {
		return fmt.Sprintf("%q…(%d bytes)", b[:most], len(b))
	}
	return fmt.Sprintf("%q", b)
}
