package bench

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"sluice/bench/cost"
	"sluice/internal/fault"
	"sluice/transport"
)

// A Tally counts what a Deliverer does. Its Observe belongs into Deliverer.Observe.
type Tally struct {
	mu       sync.Mutex
	requests int
	bytes    int64
	accepted int
	chunks   int64
	latency  *hdrhistogram.Histogram
}

// Latencies are kept from a microsecond to ten minutes with three significant digits.
const (
	shortest = int64(time.Microsecond)
	longest  = int64(10 * time.Minute)
	digits   = 3
)

// NewTally returns an empty Tally.
func NewTally() *Tally { return &Tally{latency: hdrhistogram.New(shortest, longest, digits)} }

// Observe counts one finished Send.
func (t *Tally) Observe(a transport.Attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests++
	t.bytes += int64(a.Bytes)
	t.chunks += cost.Chunks(int64(a.Bytes))
	for _, r := range a.Results {
		if fault.From(r.Err) != nil {
			continue
		}
		t.accepted++
		_ = t.latency.RecordValue(min(max(int64(a.Took), shortest), longest))
	}
}

// Counts are what a Tally has seen.
type Counts struct {
	Requests int   // Sends, failed ones included
	Bytes    int64 // as the destination counts them
	Chunks   int64 // of 64 KiB begun, per request
	Accepted int   // records
	P50, P99 time.Duration
}

// Counts returns what has been seen so far. P50 and P99 are times from the start of the request that carried a record to
// its acceptance, without the time that the record waited before.
func (t *Tally) Counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Counts{Requests: t.requests, Bytes: t.bytes, Chunks: t.chunks, Accepted: t.accepted,
		P50: time.Duration(t.latency.ValueAtQuantile(50)), P99: time.Duration(t.latency.ValueAtQuantile(99))}
}
