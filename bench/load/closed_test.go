package load

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sluice/transport/memory"
)

// A destination that takes everything at once, and a bound for what it is sent.
func TestAClosedPhaseKeepsToItsRate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		rate        float64
		concurrency int
		most        int // records together
		length      time.Duration
		want        int
		requests    int64
	}{
		{"one by one", 10, 4, 1, 5 * time.Second, 50, 50},
		{"no more together than a tenth of a second's", 10, 4, 10, 5 * time.Second, 50, 50},
		{"full requests", 200, 16, 10, 2 * time.Second, 400, 40},
		{"fewer than one a second", 0.5, 8, 10, 4 * time.Second, 2, 2},
		{"a short phase", 20, 2, 10, 100 * time.Millisecond, 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := senderTo(&memory.Transport{}).Send(t.Context(), Phase{Concurrency: c.concurrency, For: c.length, Most: 1 << 20, MaxRecords: c.most,
					MaxRate: c.rate, Patience: time.Second})
				if len(r.Entries) != c.want || r.Requests != c.requests {
					t.Fatalf("%d records in %d requests, want %d in %d", len(r.Entries), r.Requests, c.want, c.requests)
				}
				if took := time.Duration(r.Ended - r.Start); took != c.length {
					t.Errorf("it took %v, want %v: nobody waits for a turn beyond the end", took, c.length)
				}
				due := make([]int64, len(r.Entries))
				for i, e := range r.Entries {
					if due[i] = e.Due; e.Released != e.Due || e.Accepted == 0 {
						t.Errorf("record %d is due at %d, released at %d, accepted at %d; want all of them sent, and none due before its turn", i, e.Due, e.Released, e.Accepted)
					}
				}
				slices.Sort(due)
				most := max(1, int(c.rate)) + Together(c.most, c.rate)
				for i := most; i < len(due); i++ {
					if due[i]-due[i-most] < int64(time.Second) {
						t.Fatalf("%d records within %v, want at most %d within a second", most+1, time.Duration(due[i]-due[i-most]), most)
					}
				}
			})
		})
	}
}
