package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"sluice/ingest"
)

// size is the number of items that most checks start with: several pages where pages are small, a broken last one.
const size = 23

func wholeContent(t testing.TB, h Harness) {
	o := h.New(t, size)
	w := walk(t, h, o.Source, "", size)
	wantItems(t, h, items(w), 0, size)
	if h.Ends {
		for range 2 {
			if b, err := o.Source.Read(t.Context(), last(w, "")); err != io.EOF { //nolint:errorlint // the contract
				t.Fatalf("Read behind the last item = %d items, %v; want io.EOF, each time", len(b.Items), err)
			}
		}
	}
}

func sameAgain(t testing.TB, h Harness) {
	o := h.New(t, size)
	for _, v := range walk(t, h, o.Source, "", size) {
		for range 2 {
			again, err := o.Source.Read(t.Context(), v.after)
			if err != nil {
				t.Fatalf("second Read(%s) = %v", show(v.after), err)
			}
			sameBatch(t, v.after, again, v.batch)
		}
	}
}

func olderAfterNewer(t testing.TB, h Harness) {
	o := h.New(t, size)
	w := walk(t, h, o.Source, "", size)
	for _, v := range slices.Backward(w) {
		again, err := o.Source.Read(t.Context(), v.after)
		if err != nil {
			t.Fatalf("Read(%s) after newer cursors = %v", show(v.after), err)
		}
		sameBatch(t, v.after, again, v.batch)
	}
	wantItems(t, h, items(walk(t, h, o.Source, "", size)), 0, size)
}

// afterRestart reads on from every cursor with a source that has never seen another: whatever a source needs in order to
// continue is in the cursor.
func afterRestart(t testing.TB, h Harness) {
	o := h.New(t, size)
	h.need(t, "Reopen", o.Reopen != nil)
	seen := 0
	for _, v := range walk(t, h, o.Source, "", size) {
		rest := walk(t, h, o.Reopen(), v.after, size-seen)
		wantItems(t, h, items(rest), seen, size)
		seen += len(v.batch.Items)
	}
}

func emptyOrigin(t testing.TB, h Harness) {
	if h.Waits {
		t.Skip("this source waits: cancelled while waiting for data")
	}
	o := h.New(t, 0)
	w := walk(t, h, o.Source, "", 0)
	wantItems(t, h, items(w), 0, 0)
	if o.Append != nil {
		o.Append(2)
		wantItems(t, h, items(walk(t, h, o.Source, last(w, ""), 2)), 0, 2)
	}
}

func nothingNew(t testing.TB, h Harness) {
	if h.Waits || h.Ends {
		t.Skip("this source waits or ends where there is nothing new")
	}
	for _, n := range []int{1, 7, size} {
		o := h.New(t, n)
		c := last(walk(t, h, o.Source, "", n), "")
		for poll := range 4 {
			w := walk(t, h, o.Source, c, 0)
			if got := items(w); len(got) > 0 {
				t.Fatalf("poll %d after %d items: %d items again, the first %s", poll+1, n, len(got), clip(got[0]))
			}
			c = last(w, c)
		}
	}
}

func laterData(t testing.TB, h Harness) {
	for _, first := range []int{0, 1, size} {
		o := h.New(t, first)
		h.need(t, "Append", o.Append != nil)
		start := ingest.Cursor("")
		w := walk(t, h, o.Source, start, first)
		c, n := last(w, start), first
		for _, more := range []int{1, 1, 3, size, 2} {
			o.Append(more)
			w := walk(t, h, o.Source, c, more)
			wantItems(t, h, items(w), n, n+more)
			c, n = last(w, c), n+more
		}
		wantItems(t, h, items(walk(t, h, o.Source, start, n)), 0, n)
	}
}

// ownedByCaller changes what was returned, and appends to it: neither the other items nor a later Read may show it.
func ownedByCaller(t testing.TB, h Harness) {
	o := h.New(t, size)
	w := walk(t, h, o.Source, "", size)
	seen := 0
	for _, v := range w {
		for i, item := range v.batch.Items {
			if string(item) != string(h.Item(seen)) {
				t.Fatalf("item %d is %s after its neighbours or later Reads, want %s", seen, clip(item), clip(h.Item(seen)))
			}
			for j := range item {
				item[j] = '#'
			}
			_ = append(v.batch.Items[i], '#') // one byte fits wherever items lie in one piece of memory
			seen++
		}
	}
	wantItems(t, h, items(walk(t, h, o.Source, "", size)), 0, size)
}

func cancelledBefore(t testing.TB, h Harness) {
	o := h.New(t, size)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	soon(t, "Read with a context that has ended", func() (ingest.Batch, error) { return o.Source.Read(ctx, "") })
	wantItems(t, h, items(walk(t, h, o.Source, "", size)), 0, size)
}

func cancelledWhileSilent(t testing.TB, h Harness) {
	o := h.New(t, size)
	h.need(t, "Hang", o.Hang != nil)
	o.Hang()
	ctx := cancelAfterStart(t)
	soon(t, "Read from a silent origin", func() (ingest.Batch, error) { return o.Source.Read(ctx, "") })
}

func cancelledWhileWaiting(t testing.TB, h Harness) {
	if !h.Waits {
		t.Skip("this source does not wait")
	}
	for _, n := range []int{0, size} {
		o := h.New(t, n)
		c := last(walk(t, h, o.Source, "", n), "")
		ctx := cancelAfterStart(t)
		soon(t, "Read where there is no data", func() (ingest.Batch, error) { return o.Source.Read(ctx, c) })
	}
}

// garbage is refused: a cursor that this source did not make must never be taken for the beginning (all again) or for the
// end (loss).
func garbage(t testing.TB, h Harness) {
	texts := []ingest.Cursor{
		"garbage", "{", "}", "[]", "null", "true", `""`, `"x"`, "\x00", "-1", "1.5", " ", "\n", "💧",
		`{"v":999999}`, `{"v":-1}`, `{"version":1}`, ingest.Cursor(strings.Repeat("9", 40)), ingest.Cursor(strings.Repeat("[", 20_000)),
	}
	o := h.New(t, size)
	for _, c := range append(texts, h.Garbage...) {
		b, err := tryRead(t, o.Source, c)
		blocked(t, "Read("+show(c)+")", b, err)
	}
	wantItems(t, h, items(walk(t, h, o.Source, "", size)), 0, size)
}

// tryRead turns a panic into a failure that names the cursor.
func tryRead(t testing.TB, s ingest.Source, c ingest.Cursor) (b ingest.Batch, err error) {
	defer func() {
		if p := recover(); p != nil {
			b, err = ingest.Batch{}, fmt.Errorf("panic: %v", p)
		}
	}()
	return s.Read(t.Context(), c)
}

func forgotten(t testing.TB, h Harness) {
	o := h.New(t, size)
	h.need(t, "Forget", o.Forget != nil)
	if o.Renews {
		renewed(t, h)
		return
	}
	w := walk(t, h, o.Source, "", size)
	c := w[len(w)-1].after
	if c == "" {
		c = last(w, "")
	}
	o.Forget()
	b, err := o.Source.Read(t.Context(), c)
	blocked(t, "Read from a forgotten cursor", b, err)
	if !errors.Is(err, ingest.ErrCursorGone) {
		t.Fatalf("Read from a forgotten cursor = %v, want ErrCursorGone", err)
	}
}

// renewed has the places forgotten at every page: all that is behind the page comes, and nothing more often than twice.
func renewed(t testing.TB, h Harness) {
	for page := range len(walk(t, h, h.New(t, size).Source, "", size)) {
		o := h.New(t, size)
		var got [][]byte
		var c ingest.Cursor
		for range page {
			b, err := o.Source.Read(t.Context(), c)
			if err != nil {
				t.Fatalf("Read(%s) = %v", show(c), err)
			}
			got, c = append(got, b.Items...), b.Next
		}
		o.Forget()
		got = append(got, items(walk(t, h, o.Source, c, size-len(got)))...)
		times := map[string]int{}
		for _, item := range got {
			times[string(item)]++
		}
		for i := range size {
			if n := times[string(h.Item(i))]; n < 1 || n > 2 {
				t.Fatalf("places forgotten after page %d: item %d comes %d times, want once, or twice", page, i, n)
			}
		}
	}
}
