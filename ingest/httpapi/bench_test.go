package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sluice/ingest"
	"sluice/transport"
	"sluice/transport/memory"
)

const (
	benchRecords = 50_000 // as many as a sweep without since remembers
	benchPage    = 500
)

// benchPages is an API of benchRecords records of 118 bytes in pages of benchPage, behind a server on loopback.
func benchPages(b *testing.B) Config {
	pages := make([]string, benchRecords/benchPage)
	for p := range pages {
		records := make([]string, benchPage)
		for i := range records {
			records[i] = fmt.Sprintf(`{"id":%08d,"at":"2026-01-02T03:04:05Z","customer":"c-%05d","amount":"12.50","state":"open","note":"%s"}`,
				10_000_000+p*benchPage+i, i, strings.Repeat("x", 16))
		}
		pages[p] = `{"data":[` + strings.Join(records, ",") + `]}`
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("page"))
		if n < 1 || n > len(pages) {
			_, _ = io.WriteString(w, `{"data":[]}`)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, pages[n-1])
	}))
	b.Cleanup(srv.Close)
	c := Default()
	c.URL, c.Records, c.Pagination, c.Limit = srv.URL, "data", paginationPage, benchPage
	return c
}

// BenchmarkSource reads pages and delivers them to the transport memory, which keeps nothing. The server runs in the same
// process, so that its work is in the figures.
func BenchmarkSource(b *testing.B) {
	c := benchPages(b)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		s, err := New(c)
		if err != nil {
			b.Fatal(err)
		}
		var mu sync.Mutex
		n := 0
		p := &ingest.Pipeline{
			Source: s, Parse: ingest.Naming{Stream: "bench", ID: "id"}.Parser(), Checkpoint: new(kept), DeadLetter: refuse{}, InFlight: 4, Once: true,
			Deliverer: &transport.Deliverer{Transport: &memory.Transport{Discard: true, Limits: transport.Capabilities{MaxRecords: 1000}}},
			Observe: ingest.Observer{Settled: func(accepted, _, _ int) {
				mu.Lock()
				defer mu.Unlock()
				n += accepted
			}},
		}
		if err := p.Run(b.Context()); err != nil || n != benchRecords {
			b.Fatalf("%d records accepted, %v; want %d", n, err, benchRecords)
		}
		_ = s.Close()
	}
	runtime.ReadMemStats(&after)
	total := float64(benchRecords) * float64(b.N)
	b.ReportMetric(total/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/total, "allocs/record")
}

// kept is a checkpoint in memory.
type kept struct{ cursor ingest.Cursor }

func (k *kept) Load(context.Context) (ingest.Cursor, error)   { return k.cursor, nil }
func (k *kept) Save(_ context.Context, c ingest.Cursor) error { k.cursor = c; return nil }

// refuse takes no dead letters.
type refuse struct{}

func (refuse) Put(context.Context, ingest.Refused) error { return io.EOF }
