package sqs

import (
	"fmt"
	"strings"
	"testing"

	"sluice/transport"
)

// BenchmarkSend is the price of the client: a request of ten records of 1 KiB, or of one, to a server in the same process
// that answers correctly at once. It says nothing about AWS.
func BenchmarkSend(b *testing.B) {
	for _, n := range []int{1, maxEntries} {
		b.Run(fmt.Sprintf("records=%d", n), func(b *testing.B) {
			s := newServer(b)
			s.forget = true
			tr := openOn(b, s, nil)
			recs := make([]transport.Record, n)
			for i := range recs {
				recs[i] = transport.Record{ID: fmt.Sprint("id-", i), Key: "key", Body: []byte(strings.Repeat("x", 1<<10))}
			}
			b.SetBytes(int64(n) << 10)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					for _, r := range tr.Send(b.Context(), recs) {
						if r.Err != nil {
							b.Error(r.Err)
						}
					}
				}
			})
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
