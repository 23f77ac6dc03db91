package transport_test

import (
	"context"
	"testing"

	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// TestNobodyIsBlamedForARequestThatWasNotSplitToTheEnd: a request is refused as a whole, and before its halves can be sent,
// we are asked to stop.
func TestNobodyIsBlamedForARequestThatWasNotSplitToTheEnd(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	tr := transporttest.Script(transporttest.Each(func(transport.Record) error {
		stop()
		return &fault.Error{Class: fault.Rejected, Reason: "too_long", Op: "test", Whole: true}
	}))
	for i, r := range (&transport.Deliverer{Transport: tr}).Deliver(ctx, transporttest.Records(4)) {
		if r.Err == nil || fault.Is(r.Err, fault.Rejected) {
			t.Errorf("record %d: %v, want a fault that leaves it unsettled: nobody has judged it", i, r.Err)
		}
	}
}
