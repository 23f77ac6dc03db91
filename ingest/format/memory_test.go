package format_test

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"sluice/ingest/format"
)

// endless is text over and over, n bytes in all. While it is read it looks at the heap.
type endless struct {
	text    []byte
	n, seen int
	peak    uint64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	if e.seen += len(p); e.seen > 256<<10 {
		e.seen = 0
		e.peak = max(e.peak, heap())
	}
	n := 0
	for n < len(p) && n < e.n {
		n += copy(p[n:min(len(p), e.n)], e.text)
	}
	e.n -= n
	return n, nil
}

// heap is what is in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryOfAnItemWithoutEnd looks at the heap while a stream goes by that is one item, or none, 64 times as long as an
// item may be.
func TestMemoryOfAnItemWithoutEnd(t *testing.T) {
	const limit, size, allowed = 64 << 10, 4 << 20, 2 << 20
	for name, tc := range map[string]struct {
		options     format.Options
		start, text string
	}{
		"a line":             {format.Options{Kind: "ndjson"}, "", "x"},
		"a line of text":     {format.Options{Kind: "lines"}, "", "x"},
		"blank lines":        {format.Options{Kind: "ndjson"}, "", "\n"},
		"a field":            {format.Options{Kind: "csv", Columns: []string{"a"}}, "", "x"},
		"a quoted field":     {format.Options{Kind: "csv", Columns: []string{"a"}}, `"`, "x"},
		"a row of fields":    {format.Options{Kind: "csv", Columns: []string{"a"}}, "", ","},
		"a header":           {format.Options{Kind: "csv"}, "", "a,"},
		"a string":           {format.Options{Kind: "json"}, `"`, "x"},
		"an object":          {format.Options{Kind: "json"}, `{`, `"a":{},`},
		"an element":         {format.Options{Kind: "xml", Element: "item"}, "<item>", "<a/>"},
		"a text":             {format.Options{Kind: "xml", Element: "item"}, "<item>", "x"},
		"elements elsewhere": {format.Options{Kind: "xml", Element: "item"}, "<r>", "<a/>"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.options.MaxItemBytes = limit
			before := heap()
			e := &endless{text: []byte(tc.text), n: size}
			if _, err := decode(t, io.MultiReader(strings.NewReader(tc.start), e), tc.options); err == nil {
				t.Fatal("Next = nil at the end of the stream")
			}
			if e.peak > before+allowed {
				t.Errorf("the heap grew by %d KiB, want at most %d KiB", (e.peak-before)>>10, allowed>>10)
			}
			if e.n == size {
				t.Error("the stream was not read")
			}
		})
	}
}
