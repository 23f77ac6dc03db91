package transport_test

import (
	"testing"

	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

// BenchmarkDeliver is the price of the loop: a thousand records in requests of ten, to a destination that takes them at
// once.
func BenchmarkDeliver(b *testing.B) {
	tr := &memory.Transport{Discard: true, Limits: transport.Capabilities{MaxRecords: 10}}
	d := &transport.Deliverer{Transport: tr, Observe: func(transport.Attempt) {}}
	recs := transporttest.Records(1000)
	b.ReportAllocs()
	for b.Loop() {
		d.Deliver(b.Context(), recs)
	}
	b.ReportMetric(float64(len(recs)*b.N)/b.Elapsed().Seconds(), "records/s")
}
