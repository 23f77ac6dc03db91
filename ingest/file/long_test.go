package file_test

import (
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sluice/ingest"
)

var long = flag.Bool("long", false, "read a GiB too")

// TestMemoryOfALargeFile reads files of a GiB (with -long; else 32 MiB): many records, one line without an end, and the same
// compressed. The heap stays under what the settings allow for.
func TestMemoryOfALargeFile(t *testing.T) {
	size := 32 << 20
	if *long {
		size = 1 << 30
	}
	record := `{"id":1,"text":"` + strings.Repeat("x", 1000) + `"}` + "\n"
	for name, tc := range map[string]struct {
		file, text string
		bad        bool
	}{
		"records":                       {"a.ndjson", record, false},
		"a line without an end":         {"a.ndjson", strings.Repeat("x", 1000), true},
		"records in gzip":               {"a.gz", record, false},
		"a line without an end in gzip": {"a.gz", strings.Repeat("x", 1000), true},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			c := config(folder)
			c.Batch = 100_000
			path := filepath.Join(folder, tc.file)
			n := size / len(tc.text)
			fill(t, path, tc.text, n)
			s := open(t, c)
			before := heap()
			got, peak := 0, uint64(0)
			for cursor := ingest.Cursor(""); ; {
				b, err := s.Read(t.Context(), cursor)
				must(t, err)
				if len(b.Bad) > 0 != tc.bad && len(b.Items) > 0 {
					t.Fatalf("%d of %d items are bad, want some: %v", len(b.Bad), len(b.Items), tc.bad)
				}
				got += len(b.Items)
				peak = max(peak, heap())
				runtime.KeepAlive(b)
				if b.Next == cursor {
					break
				}
				cursor = b.Next
			}
			want := n
			if tc.bad {
				want = 1
			}
			if got != want {
				t.Errorf("%d items came, want %d", got, want)
			}
			if allowed := uint64(c.MaxBatchBytes()); peak > before+allowed {
				t.Errorf("the heap grew by %d KiB, want at most %d KiB", (peak-before)>>10, allowed>>10)
			}
		})
	}
}

// fill writes text n times, and a line end.
func fill(t testing.TB, path, text string, n int) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	var w io.Writer = f
	closers := []io.Closer{f}
	if filepath.Ext(path) == ".gz" {
		packed, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
		must(t, err)
		w, closers = packed, []io.Closer{packed, f}
	}
	piece := strings.Repeat(text, 64)
	for ; n >= 64; n -= 64 {
		_, err := io.WriteString(w, piece)
		must(t, err)
	}
	_, err = fmt.Fprintf(w, "%s\n", strings.Repeat(text, n))
	must(t, err)
	for _, c := range closers {
		must(t, c.Close())
	}
}

// heap is what is in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
