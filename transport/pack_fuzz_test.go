package transport

import (
	"slices"
	"testing"
)

// FuzzBatchSplit packs records of any sizes. Each pair of bytes is one record: its size, times scale, so that sizes come
// close to the limit of SQS (1 MiB in a request, ten records) and of others.
func FuzzBatchSplit(f *testing.F) {
	f.Add([]byte{255, 255, 0, 1, 0, 0, 128, 0}, uint16(16), 10, 1<<20)
	f.Add([]byte{0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1}, uint16(1), 10, 1<<20)
	f.Add([]byte{255, 255, 255, 255}, uint16(8), 0, 0)
	f.Fuzz(func(t *testing.T, sizes []byte, scale uint16, most, bytes int) {
		caps := Capabilities{MaxRecords: max(0, most), MaxBytes: max(0, bytes)}
		var recs []Record
		weight := map[*byte]int{} // a record of a megabyte is not made, only counted
		for i := 0; i+1 < len(sizes) && len(recs) < 2000; i += 2 {
			body := make([]byte, 1)
			weight[&body[0]] = (int(sizes[i])<<8 + int(sizes[i+1])) * int(scale)
			recs = append(recs, Record{Body: body})
		}
		size := func(r Record) int { return weight[&r.Body[0]] }
		todo := make([]int, 0, len(recs))
		for i := range recs {
			if sizes[2*i+1]%7 != 6 { // the others are settled already
				todo = append(todo, i)
			}
		}
		var all []int
		for k, request := range pack(recs, todo, caps, size) {
			total := 0
			for _, i := range request {
				total += size(recs[i])
			}
			switch {
			case len(request) == 0:
				t.Fatalf("request %d is empty", k)
			case caps.MaxRecords > 0 && len(request) > caps.MaxRecords:
				t.Errorf("request %d has %d records, at most %d are allowed", k, len(request), caps.MaxRecords)
			case caps.MaxBytes > 0 && total > caps.MaxBytes && len(request) > 1:
				t.Errorf("request %d of %d records has %d bytes, at most %d are allowed", k, len(request), total, caps.MaxBytes)
			}
			all = append(all, request...)
		}
		if !slices.Equal(all, todo) { // every record in exactly one request, in order
			t.Errorf("packed %v, want %v", all, todo)
		}
	})
}
