package apigateway

import (
	"strings"
	"testing"

	"sluice/transport"
)

// BenchmarkSend is the price of the client: a signed POST of 1 KiB to a server in the same process that answers at once.
// It says nothing about AWS.
func BenchmarkSend(b *testing.B) {
	s := newServer(b, taken)
	s.keep = false
	tr := openOn(b, s.URL, nil)
	recs := []transport.Record{{ID: "id-1", Key: "key", Body: []byte(strings.Repeat("x", 1<<10))}}
	b.SetBytes(1 << 10)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := tr.Send(b.Context(), recs)[0].Err; err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
