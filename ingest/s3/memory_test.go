package s3_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"testing"

	"sluice/ingest/s3"
)

// heap is what is in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryOfALargeObject: what is held of 256 MiB, plain or what 256 MiB of gzip unpack to, is one batch and some buffers.
func TestMemoryOfALargeObject(t *testing.T) {
	const size, allowed = 256 << 20, 48 << 20
	record := fmt.Appendf(nil, `{"text":"%s"}`+"\n", bytes.Repeat([]byte("0123456789"), 100))
	records := size / len(record)
	block := bytes.Repeat(record, 1024)
	write := func(w io.Writer) {
		for n := records; n > 0; n -= 1024 {
			if _, err := w.Write(block[:min(n, 1024)*len(record)]); err != nil {
				return
			}
		}
	}
	var packed bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	write(zip)
	_ = zip.Close()
	for name, body := range map[string]func(w http.ResponseWriter){
		"plain": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", fmt.Sprint(records*len(record)))
			write(w)
		},
		"gzip": func(w http.ResponseWriter) { _, _ = w.Write(packed.Bytes()) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.put(t, "large", "x")
			s.meddle(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Has("list-type") {
					return false
				}
				w.Header().Set("ETag", `"large"`)
				body(w)
				return true
			})
			source := open(t, s.address, func(c *s3.Config) { c.Batch = 100_000 })
			before, peak, n, reads := heap(), uint64(0), 0, 0
			b := read(t, source, "")
			for ; ; b = read(t, source, b.Next) {
				n += len(b.Items)
				reads++
				peak = max(peak, heap())
				if b.CaughtUp {
					break
				}
			}
			if n != records {
				t.Errorf("read %d records, want %d", n, records)
			}
			if reads < size/(9<<20) {
				t.Errorf("they came in %d reads, want batches of 8 MiB", reads)
			}
			if peak > before+allowed {
				t.Errorf("the heap grew by %d MiB, want at most %d MiB", (peak-before)>>20, allowed>>20)
			}
		})
	}
}
