// Package transporttest is the executable half of the contract in transport.Transport: the suite that every driver
// passes, and transports that follow a script or make trouble, for the tests of others.
package transporttest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/transport"
)

// A Harness tells the suite how to reach the driver under test.
type Harness struct {
	// Open returns the driver on a fresh, empty destination, and a function that reads back what the destination has
	// accepted since, in any order, with ID, Body and Headers. The suite closes the driver.
	Open func(t *testing.T) (driver transport.Transport, readBack func() []transport.Record)

	Missing     func(t *testing.T) transport.Transport // the destination does not exist: Blocked. Nil: cannot be
	Unreachable func(t *testing.T) transport.Transport // nobody listens: Transient. Nil: cannot be
	Silent      func(t *testing.T) transport.Transport // takes the request and never answers: Ambiguous. Nil: cannot be
}

// A check is one part of the suite.
type check struct {
	name string
	run  func(testing.TB, subject)
}

// checks is the suite.
func checks() []check {
	return []check{
		{"every record arrives as it was sent", roundTrip},
		{"unusual bodies arrive unchanged or are rejected alone", unusualBodies},
		{"the largest record passes and a larger one is rejected alone", recordSize},
		{"the fullest request passes", fullRequest},
		{"concurrent sends do not mix", concurrentSends},
		{"an ended context yields one unsettled result per record", endedContext},
		{"nothing is kept of the records after a send", noReference},
		{"a missing destination blocks", missing},
		{"an unreachable destination is transient", unreachable},
		{"an answer that never comes is ambiguous", silent},
	}
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) { c.run(t, h.bind(t)) })
	}
}

// A subject is a Harness for one test.
type subject struct {
	open                         func() (transport.Transport, func() []transport.Record)
	missing, unreachable, silent func() transport.Transport // nil: cannot be
}

func (h Harness) bind(t *testing.T) subject {
	bound := func(make func(*testing.T) transport.Transport) func() transport.Transport {
		if make == nil {
			return nil
		}
		return func() transport.Transport { return make(t) }
	}
	return subject{
		open:    func() (transport.Transport, func() []transport.Record) { return h.Open(t) },
		missing: bound(h.Missing), unreachable: bound(h.Unreachable), silent: bound(h.Silent),
	}
}

// Records returns n records with distinct IDs, keys that repeat, and JSON bodies.
func Records(n int) []transport.Record {
	recs := make([]transport.Record, n)
	for i := range recs {
		recs[i] = transport.Record{
			ID:   fmt.Sprintf("record-%04d", i),
			Key:  fmt.Sprintf("key-%d", i%3),
			Body: fmt.Appendf(nil, `{"n":%d,"id":9007199254740993,"text":"grün 🌊 \u0000 \\ %s"}`, i, strings.Repeat("x", i%50)),
		}
	}
	return recs
}

// SendAll sends recs in requests as large as the driver allows, one attempt each.
func SendAll(ctx context.Context, tr transport.Transport, recs []transport.Record) []transport.Result {
	step := tr.Capabilities().MaxRecords
	if step == 0 {
		step = len(recs)
	}
	var results []transport.Result
	for start := 0; start < len(recs); start += step {
		results = append(results, tr.Send(ctx, recs[start:min(start+step, len(recs))])...)
	}
	return results
}

// opened opens the driver and has it closed at the end of the test.
func opened(t testing.TB, open func() transport.Transport) transport.Transport {
	t.Helper()
	if open == nil {
		t.Skip("SKIPPED: this driver has no such destination")
	}
	tr := open()
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return tr
}

// openFresh opens the driver on an empty destination.
func openFresh(t testing.TB, s subject) (transport.Transport, func() []transport.Record) {
	t.Helper()
	var readBack func() []transport.Record
	tr := opened(t, func() transport.Transport {
		var tr transport.Transport
		tr, readBack = s.open()
		return tr
	})
	return tr, readBack
}

// wantOne fails unless there is exactly one result per record.
func wantOne(t testing.TB, recs []transport.Record, results []transport.Result) {
	t.Helper()
	if len(results) != len(recs) {
		t.Fatalf("%d results for %d records, want one each", len(results), len(recs))
	}
}

// wantArrived fails unless exactly the accepted ones of recs were read back, with body and headers unchanged.
func wantArrived(t testing.TB, recs []transport.Record, results []transport.Result, got []transport.Record) {
	t.Helper()
	wantOne(t, recs, results)
	found := map[string]transport.Record{}
	for _, r := range got {
		if _, twice := found[r.ID]; twice {
			t.Errorf("%s was read back twice", r.ID)
		}
		found[r.ID] = r
	}
	for i, want := range recs {
		r, ok := found[want.ID]
		delete(found, want.ID)
		switch {
		case results[i].Err != nil && ok:
			t.Errorf("%s was refused (%v) and arrived all the same", want.ID, results[i].Err)
		case results[i].Err == nil && !ok:
			t.Errorf("%s was accepted and never arrived", want.ID)
		case ok && !bytes.Equal(r.Body, want.Body):
			t.Errorf("%s arrived as %q, want %q", want.ID, head(r.Body), head(want.Body))
		}
		for name, value := range want.Headers {
			if ok && r.Headers[name] != value {
				t.Errorf("%s: header %s arrived as %q, want %q", want.ID, name, r.Headers[name], value)
			}
		}
	}
	for id := range found {
		t.Errorf("%s was read back and never sent", id)
	}
}

// wantAccepted fails unless every record was accepted.
func wantAccepted(t testing.TB, recs []transport.Record, results []transport.Result) {
	t.Helper()
	wantOne(t, recs, results)
	for i, r := range results {
		if r.Err != nil {
			t.Errorf("%s: %v, want accepted", recs[i].ID, r.Err)
		}
	}
}

// wantAll fails unless every result carries the verdict.
func wantAll(t testing.TB, recs []transport.Record, results []transport.Result, class fault.Class) {
	t.Helper()
	wantOne(t, recs, results)
	for i, r := range results {
		if !fault.Is(r.Err, class) {
			t.Errorf("%s: %v, want a %v fault", recs[i].ID, r.Err, class)
		}
	}
}

func head(b []byte) []byte { return b[:min(len(b), 80)] }

func roundTrip(t testing.TB, s subject) {
	tr, readBack := openFresh(t, s)
	recs := Records(25)
	recs[3].Headers = map[string]string{"trace": "abc-123", "unit": "grad °C"}
	recs[4].Key = ""
	results := SendAll(t.Context(), tr, recs)
	wantAccepted(t, recs, results)
	wantArrived(t, recs, results, readBack())
}

func unusualBodies(t testing.TB, s subject) {
	for name, body := range map[string]string{
		"plain text": "hello, world", "a lone newline": "\n", "spaces around": "  {\"a\": 1}\r\n",
		"tabs and newlines": "a\tb\nc\r\nd", "above the basic plane": "\U0001F30A\U0010FFFF", "markup": `<a href="x">&amp;</a>`,
		"invalid UTF-8": "bad\xffutf8", "a NUL": "a\x00b", "a control character": "a\x1bb", "a noncharacter": "a\uFFFEb", "nothing": "",
	} {
		tr, readBack := openFresh(t, s)
		recs := Records(3)
		recs[1].ID, recs[1].Body = strings.ReplaceAll(name, " ", "-"), []byte(body)
		results := SendAll(t.Context(), tr, recs)
		wantArrived(t, recs, results, readBack())
		wantAccepted(t, recs[:1], results[:1])
		wantAccepted(t, recs[2:], results[2:])
		if err := results[1].Err; err != nil {
			wantAll(t, recs[1:2], results[1:2], fault.Rejected)
		}
	}
}

// sized returns a record of exactly size bytes as the driver counts them.
func sized(tr transport.Transport, id string, size int) transport.Record {
	r := transport.Record{ID: id, Body: []byte{'x'}}
	r.Body = bytes.Repeat([]byte{'x'}, size-tr.Size(r)+1)
	return r
}

func recordSize(t testing.TB, s subject) {
	tr, readBack := openFresh(t, s)
	limit := tr.Capabilities().MaxRecordBytes
	if limit == 0 {
		t.Skip("SKIPPED: this driver knows no largest record")
	}
	recs := []transport.Record{sized(tr, "fits", limit)}
	results := tr.Send(t.Context(), recs)
	wantAccepted(t, recs, results)
	wantArrived(t, recs, results, readBack())
	// The Deliverer never sends a larger one; a driver that is asked to all the same must not blame anybody else.
	recs = []transport.Record{sized(tr, "too-large", limit+1)}
	wantAll(t, recs, tr.Send(t.Context(), recs), fault.Rejected)
}

func fullRequest(t testing.TB, s subject) {
	tr, readBack := openFresh(t, s)
	caps := tr.Capabilities()
	if caps.MaxBytes == 0 || caps.MaxRecords < 2 {
		t.Skip("SKIPPED: this driver knows no fullest request")
	}
	recs := make([]transport.Record, caps.MaxRecords)
	left := caps.MaxBytes
	for i := range recs {
		size := left / (len(recs) - i)
		recs[i] = sized(tr, fmt.Sprintf("full-%02d", i), size)
		left -= size
	}
	results := tr.Send(t.Context(), recs)
	wantAccepted(t, recs, results)
	wantArrived(t, recs, results, readBack())
}

func concurrentSends(t testing.TB, s subject) {
	tr, readBack := openFresh(t, s)
	recs := Records(60)
	results := make([]transport.Result, len(recs))
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			from := worker * 10
			copy(results[from:], SendAll(t.Context(), tr, recs[from:from+10]))
		})
	}
	wg.Wait()
	wantAccepted(t, recs, results)
	wantArrived(t, recs, results, readBack())
}

func endedContext(t testing.TB, s subject) {
	tr, readBack := openFresh(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	recs := Records(2)
	if tr.Capabilities().MaxRecords == 1 {
		recs = recs[:1]
	}
	results := tr.Send(ctx, recs)
	wantAll(t, recs, results, fault.Transient)
	for i, r := range results {
		if fault.From(r.Err).Ambiguous {
			return // it may have arrived; there is no more to say
		}
		if got := readBack(); len(got) != 0 {
			t.Errorf("%s arrived although its result is not ambiguous", recs[i].ID)
		}
	}
}

func noReference(t testing.TB, s subject) {
	tr, readBack := openFresh(t, s)
	want := Records(2)
	recs := Records(2)
	if tr.Capabilities().MaxRecords == 1 {
		want, recs = want[:1], recs[:1]
	}
	recs[0].Headers = map[string]string{"name": "before"}
	want[0].Headers = map[string]string{"name": "before"}
	results := tr.Send(t.Context(), recs)
	for i := range recs {
		for k := range recs[i].Body {
			recs[i].Body[k] = '!'
		}
	}
	recs[0].Headers["name"] = "after"
	wantArrived(t, want, results, readBack())
}

func missing(t testing.TB, s subject) {
	tr := opened(t, s.missing)
	recs := Records(1)
	wantAll(t, recs, tr.Send(t.Context(), recs), fault.Blocked)
}

func unreachable(t testing.TB, s subject) {
	tr := opened(t, s.unreachable)
	recs := Records(1)
	results := tr.Send(t.Context(), recs)
	wantAll(t, recs, results, fault.Transient)
	if fault.From(results[0].Err).Ambiguous {
		t.Error("nobody took the connection, and yet the outcome is called ambiguous")
	}
}

func silent(t testing.TB, s subject) {
	tr := opened(t, s.silent)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	recs := Records(1)
	start := time.Now()
	results := tr.Send(ctx, recs)
	wantAll(t, recs, results, fault.Transient)
	if !fault.From(results[0].Err).Ambiguous {
		t.Error("the request may have been taken, and yet the outcome is not called ambiguous")
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("Send returned %v after its context had ended", took)
	}
}
