package transport

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func bodySize(r Record) int { return len(r.Body) }

func TestPackKeepsOrderAndLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		caps := Capabilities{MaxRecords: rapid.IntRange(0, 12).Draw(t, "records"), MaxBytes: rapid.IntRange(0, 100).Draw(t, "bytes")}
		recs := make([]Record, rapid.IntRange(0, 60).Draw(t, "n"))
		todo := []int{}
		for i := range recs {
			recs[i].Body = make([]byte, rapid.IntRange(0, 120).Draw(t, fmt.Sprint("size", i)))
			if rapid.Bool().Draw(t, fmt.Sprint("todo", i)) {
				todo = append(todo, i)
			}
		}
		var got []int
		requests := pack(recs, todo, caps, bodySize)
		for k, request := range requests {
			bytes := 0
			for _, i := range request {
				bytes += len(recs[i].Body)
			}
			if caps.MaxRecords > 0 && len(request) > caps.MaxRecords {
				t.Errorf("a request of %d records, at most %d allowed", len(request), caps.MaxRecords)
			}
			if caps.MaxBytes > 0 && bytes > caps.MaxBytes && len(request) > 1 {
				t.Errorf("a request of %d bytes, at most %d allowed", bytes, caps.MaxBytes)
			}
			if k > 0 { // no request is smaller than it has to be: the next record would not have fitted
				last := requests[k-1]
				bytes := len(recs[request[0]].Body)
				for _, i := range last {
					bytes += len(recs[i].Body)
				}
				roomForRecord := caps.MaxRecords == 0 || len(last) < caps.MaxRecords
				roomForBytes := caps.MaxBytes == 0 || bytes <= caps.MaxBytes
				if roomForRecord && roomForBytes {
					t.Errorf("request %v ends although %d fits into it", last, request[0])
				}
			}
			got = append(got, request...)
		}
		if fmt.Sprint(got) != fmt.Sprint(todo) {
			t.Errorf("packed %v, want %v", got, todo)
		}
	})
}
