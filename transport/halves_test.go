package transport_test

import (
	"context"
	"fmt"
	"math/bits"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// TestOneBadRecordHardlyDelaysItsNeighbours: the destination refuses a request as a whole as long as one record is in it,
// wherever it stands and however many there are. A request takes a second.
func TestOneBadRecordHardlyDelaysItsNeighbours(t *testing.T) {
	t.Parallel()
	for n := 2; n <= 20; n++ {
		for culprit := range n {
			synctest.Test(t, func(t *testing.T) {
				most := bits.Len(uint(n-1)) + 1 // ⌈log2 n⌉ + 1
				whole := &fault.Error{Class: fault.Rejected, Reason: "request_too_large", Op: "test", Whole: true}
				name := fmt.Sprintf("record-%04d", culprit)
				tr := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
					time.Sleep(time.Second)
					for _, r := range recs {
						if r.ID == name {
							return transporttest.Fail(whole)(ctx, recs)
						}
					}
					return transporttest.Accept()(ctx, recs)
				})
				var mu sync.Mutex
				requests := map[string]int{}
				d := &transport.Deliverer{Transport: tr, Observe: func(a transport.Attempt) {
					mu.Lock()
					defer mu.Unlock()
					for _, r := range a.Records {
						requests[r.ID]++
					}
				}}
				begin := time.Now()
				for i, r := range d.Deliver(t.Context(), transporttest.Records(n)) {
					if (r.Err != nil) != (i == culprit) {
						t.Errorf("record %d of %d: %v; want only number %d refused", i, n, r.Err, culprit)
					}
				}
				if took := time.Since(begin); took > time.Duration(most)*time.Second {
					t.Errorf("number %d of %d: all settled after %v, want the time of at most %d requests", culprit, n, took, most)
				}
				for id, got := range requests {
					if got > most {
						t.Errorf("number %d of %d: %s was in %d requests, want at most %d", culprit, n, id, got, most)
					}
				}
				if got := len(tr.Sends()); got > 2*most-1 {
					t.Errorf("number %d of %d: %d requests, want at most %d", culprit, n, got, 2*most-1)
				}
			})
		}
	}
	proof.Row{Area: "sqs", Fault: "one bad record for which a whole request is refused", Action: proof.Split,
		Reason: "request_too_large", Promises: "P16"}.Report(t)
}
