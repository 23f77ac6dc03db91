// Package memory is the reference driver: the smallest correct Transport. It keeps records in memory, for tests, for
// trying out a source, and as the null destination of the benchmark.
package memory

import (
	"bytes"
	"context"
	"maps"
	"sync"

	"sluice/internal/fault"
	"sluice/transport"
)

// A Transport accepts every record that its Limits allow. The zero value is ready to use.
type Transport struct {
	Limits  transport.Capabilities // set before the first Send
	Discard bool                   // count the records instead of keeping them

	mu      sync.Mutex
	records []transport.Record
	count   int
}

// Capabilities returns Limits.
func (t *Transport) Capabilities() transport.Capabilities { return t.Limits }

// Size counts the body and the names and values of the headers.
func (t *Transport) Size(r transport.Record) int {
	n := len(r.Body)
	for name, value := range r.Headers {
		n += len(name) + len(value)
	}
	return n
}

// Send keeps a copy of every record. It accepts nothing once ctx has ended.
func (t *Transport) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	results := make([]transport.Result, len(recs))
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, r := range recs {
		if err := ctx.Err(); err != nil {
			results[i].Err = &fault.Error{Reason: "interrupted", Op: "memory.Send", Err: err}
			continue
		}
		t.count++
		results[i].Receipt = r.ID
		if !t.Discard {
			t.records = append(t.records, transport.Record{ID: r.ID, Key: r.Key, Body: bytes.Clone(r.Body), Headers: maps.Clone(r.Headers)})
		}
	}
	return results
}

// Records returns what has been accepted, in order of acceptance, repeated records included.
func (t *Transport) Records() []transport.Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]transport.Record(nil), t.records...)
}

// Count returns how many records have been accepted.
func (t *Transport) Count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// Close does nothing.
func (t *Transport) Close() error { return nil }
