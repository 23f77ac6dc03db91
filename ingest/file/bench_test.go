package file_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"sluice/ingest"
	"sluice/ingest/file"
	"sluice/transport"
	"sluice/transport/memory"
)

const benchRecords = 100_000

// benchFile writes 100,000 records of about 130 bytes.
func benchFile(b *testing.B) file.Config {
	folder := b.TempDir()
	f, err := os.Create(filepath.Join(folder, "a.ndjson"))
	must(b, err)
	w := bufio.NewWriter(f)
	for i := range benchRecords {
		fmt.Fprintf(w, `{"id":%d,"name":"something","at":"2026-11-22T10:11:12Z","value":12.5,"tags":["a","b","c"],"text":"of some length"}`+"\n", i)
	}
	must(b, firstOf(w.Flush(), f.Close()))
	info, err := os.Stat(f.Name())
	must(b, err)
	b.SetBytes(info.Size())
	b.ReportAllocs()
	c := config(folder)
	c.Batch = 1000
	return c
}

func report(b *testing.B, before uint64) {
	n := float64(benchRecords * b.N)
	b.ReportMetric(n/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(mallocs()-before)/n, "allocs/record")
}

// mallocs counts the allocations of this process.
func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// BenchmarkSourceFile reads an NDJSON file: its lines alone, for comparison; through the Source; and through the whole
// pipeline, with the ID by a gjson path, into the transport that keeps nothing.
func BenchmarkSourceFile(b *testing.B) {
	b.Run("lines", func(b *testing.B) {
		c, before := benchFile(b), mallocs()
		for b.Loop() {
			f, err := os.Open(filepath.Join(filepath.Dir(c.Paths), "a.ndjson"))
			must(b, err)
			n := 0
			for lines := bufio.NewScanner(f); lines.Scan(); n++ {
			}
			_ = f.Close()
			if n != benchRecords {
				b.Fatalf("%d lines, want %d", n, benchRecords)
			}
		}
		report(b, before)
	})
	b.Run("read", func(b *testing.B) {
		c, before := benchFile(b), mallocs()
		for b.Loop() {
			s, err := file.New(c)
			must(b, err)
			n, caughtUp := 0, false
			for cursor := ingest.Cursor(""); !caughtUp; {
				batch, err := s.Read(b.Context(), cursor)
				must(b, err)
				n, cursor, caughtUp = n+len(batch.Items), batch.Next, batch.CaughtUp
			}
			if n != benchRecords {
				b.Fatalf("%d records, want %d", n, benchRecords)
			}
			_ = s.Close()
		}
		report(b, before)
	})
	b.Run("deliver", func(b *testing.B) {
		c, before := benchFile(b), mallocs()
		for b.Loop() {
			s, err := file.New(c)
			must(b, err)
			n := deliver(b, s)
			if n != benchRecords {
				b.Fatalf("%d records were accepted, want %d", n, benchRecords)
			}
			_ = s.Close()
		}
		report(b, before)
	})
}

// deliver runs a pipeline until the source is caught up, and returns how many records were accepted.
func deliver(t testing.TB, s ingest.Source) (n int) {
	t.Helper()
	var mu sync.Mutex
	p := &ingest.Pipeline{
		Source: s, Parse: ingest.Naming{Stream: "bench", ID: "id"}.Parser(), Checkpoint: new(kept), DeadLetter: none{}, InFlight: 4, Once: true,
		Deliverer: &transport.Deliverer{Transport: &memory.Transport{Discard: true, Limits: transport.Capabilities{MaxRecords: 1000}}},
		Observe: ingest.Observer{Settled: func(accepted, _, _ int) {
			mu.Lock()
			defer mu.Unlock()
			n += accepted
		}},
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}

// kept is a checkpoint in memory.
type kept struct{ cursor ingest.Cursor }

func (k *kept) Load(context.Context) (ingest.Cursor, error)   { return k.cursor, nil }
func (k *kept) Save(_ context.Context, c ingest.Cursor) error { k.cursor = c; return nil }

// none takes no dead letters.
type none struct{}

func (none) Put(context.Context, ingest.Refused) error { return io.EOF }
