package transport_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/transport"
	"sluice/transport/transporttest"
)

// slow accepts everything after a second.
func slow(ctx context.Context, recs []transport.Record) []transport.Result {
	time.Sleep(time.Second)
	return transporttest.Accept()(ctx, recs)
}

// Who asks for a permit goes after all who asked before: a Deliver that has just made a request does not overtake those
// that have waited for it to end.
func TestDeliversTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transporttest.Script(slow)
		d := &transport.Deliverer{Transport: tr, Concurrency: 2}
		const delivers, rounds = 7, 20
		var mu sync.Mutex
		var all sync.WaitGroup
		done, most := make([]int, delivers), 0
		for i := range delivers {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond) // they come one after the other
				for range rounds {
					wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(1)))
					mu.Lock()
					done[i]++
					most = max(most, done[i]-slices.Min(done))
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if most > 1 {

			t.Errorf("one was %d requests ahead of another, want all to take turns: %v", most, done)
		}
	})
}

// A waiter that gives up, wherever in the queue, must not keep the place of those behind it nor take the call for them.
func TestAWaiterThatGivesUpLetsTheNextOneGo(t *testing.T) {
	for _, c := range []struct {
		place int           // in the queue
		after time.Duration // a second: as it may be called
	}{{1, 500 * time.Millisecond}, {1, time.Second}, {2, 500 * time.Millisecond}, {2, time.Second}, {3, 1500 * time.Millisecond}} {
		synctest.Test(t, func(t *testing.T) {
			d := &transport.Deliverer{Transport: transporttest.Script(slow), Concurrency: 1}
			impatient, cancel := context.WithTimeout(t.Context(), c.after)
			defer cancel()
			start := time.Now()
			var all sync.WaitGroup
			for i := range 5 {
				ctx := t.Context()
				if i == c.place {
					ctx = impatient
				}
				all.Go(func() { d.Deliver(ctx, transporttest.Records(1)) })
				synctest.Wait() // until it is in the queue
			}
			all.Wait()
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%+v: five requests of a second took %v", c, took)
			}
		})
	}
}
