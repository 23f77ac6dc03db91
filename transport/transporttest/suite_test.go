package transporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/transport"
)

// A planted is a small correct driver with a place for each fault. Its destination holds text only, ten records and 2,000
// bytes in a request, 1,000 bytes in a record.
type planted struct {
	fault string // name of the planted fault; empty: none
	kind  string // of the destination: fresh, missing, unreachable or silent

	mu   sync.Mutex
	kept []transport.Record
}

func (p *planted) Capabilities() transport.Capabilities {
	return transport.Capabilities{MaxRecords: 10, MaxBytes: 2000, MaxRecordBytes: 1000}
}

func (p *planted) Size(r transport.Record) int { return len(r.Body) }
func (p *planted) Close() error {
	if p.fault == "cannot be closed" {
		return errors.New("no")
	}
	return nil
}

// refuse answers for a destination that takes nothing.
func (p *planted) refuse(ctx context.Context, recs []transport.Record) []transport.Result {
	e := &fault.Error{Op: "planted", Err: ctx.Err()}
	switch p.kind {
	case "missing":
		if e.Class = fault.Blocked; p.fault == "a missing destination is the record's fault" {
			e.Class = fault.Rejected
		}
	case "unreachable":
		e.Ambiguous = p.fault == "ambiguous although nobody listened"
		if p.fault == "unreachable is final" {
			e.Class = fault.Blocked
		}
	case "silent":
		<-ctx.Done()
		e.Ambiguous = p.fault != "silence is a no"
	}
	return Fail(e)(ctx, recs)
}

func (p *planted) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	if p.kind != "fresh" {
		return p.refuse(ctx, recs)
	}
	if ctx.Err() != nil && p.fault != "ignores a context that has ended" {
		if p.fault == "an ended context settles" {
			return make([]transport.Result, len(recs))
		}
		return Fail(&fault.Error{Op: "planted", Err: ctx.Err()})(ctx, recs)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	results := make([]transport.Result, len(recs))
	bytesIn, bad := 0, false
	for i, r := range recs {
		bytesIn += len(r.Body)
		if err := p.verdict(r); err != nil {
			results[i].Err, bad = err, true
			continue
		}
		p.keep(r, i)
	}
	if bad && p.fault == "blames the neighbours" || bytesIn == 2000 && p.fault == "one byte too strict" {
		return Fail(&fault.Error{Class: fault.Rejected, Op: "planted"})(ctx, recs)
	}
	if p.fault == "one result too few" {
		return results[1:]
	}
	if p.fault == "accepts what it drops" {
		p.kept = p.kept[:len(p.kept)-1]
	}
	return results
}

func (p *planted) verdict(r transport.Record) error {
	text := !bytes.ContainsAny(r.Body, "\x00\x1b") && bytes.Equal(r.Body, bytes.ToValidUTF8(r.Body, []byte("?")))
	if text && len(r.Body) > 0 && len(r.Body) <= 1000 || p.fault == "repairs what is not text" && len(r.Body) <= 1000 {
		return nil
	}
	if p.fault == "a bad record is tried for ever" {
		return &fault.Error{Op: "planted"}
	}
	return &fault.Error{Class: fault.Rejected, Op: "planted"}
}

func (p *planted) keep(r transport.Record, i int) {
	k := transport.Record{ID: r.ID, Key: r.Key, Body: bytes.Clone(r.Body), Headers: map[string]string{}}
	for name, value := range r.Headers {
		if p.fault != "drops headers" {
			k.Headers[name] = value
		}
	}
	switch p.fault {
	case "repairs what is not text":
		k.Body = bytes.ToValidUTF8(k.Body, []byte("\uFFFD"))
	case "trims bodies":
		k.Body = bytes.TrimSpace(k.Body)
	case "keeps a reference":
		k.Body = r.Body
	case "sends twice":
		p.kept = append(p.kept, k)
	case "mixes up ids":
		k.ID = fmt.Sprint("record-000", (i+1)%10)
	}
	p.kept = append(p.kept, k)
}

func (p *planted) read() []transport.Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]transport.Record(nil), p.kept...)
}

// A recorder is a test whose failure is a result.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	failed string
	ends   []func()
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed += fmt.Sprintf(format, args...) + "\n"
}
func (r *recorder) Error(args ...any)                 { r.Errorf("%s", fmt.Sprint(args...)) }
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }
func (r *recorder) Cleanup(f func())                  { r.ends = append(r.ends, f) }
func (r *recorder) Skip(...any)                       { runtime.Goexit() }

// verdict runs the suite over the driver with a planted fault, and returns what each check that failed has said.
func verdict(t *testing.T, name string) map[string]string {
	failed := map[string]string{}
	for _, c := range checks() {
		kind := func(kind string) func() transport.Transport {
			return func() transport.Transport { return &planted{fault: name, kind: kind} }
		}
		r := &recorder{TB: t}
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					r.Errorf("panic: %v", p)
				}
			}()
			c.run(r, subject{missing: kind("missing"), unreachable: kind("unreachable"), silent: kind("silent"),
				open: func() (transport.Transport, func() []transport.Record) {
					tr := &planted{fault: name, kind: "fresh"}
					return tr, tr.read
				}})
		})
		wg.Wait()
		for _, end := range r.ends {
			end()
		}
		if r.failed != "" {
			failed[c.name] = r.failed
		}
	}
	return failed
}

func TestTheCorrectDriverPasses(t *testing.T) {
	if failed := verdict(t, ""); len(failed) > 0 {
		t.Errorf("failed: %v", failed)
	}
}

func TestEveryPlantedFaultIsCaught(t *testing.T) {
	for name, by := range map[string]string{
		"one result too few":                          "every record arrives as it was sent",
		"accepts what it drops":                       "every record arrives as it was sent",
		"drops headers":                               "every record arrives as it was sent",
		"sends twice":                                 "every record arrives as it was sent",
		"mixes up ids":                                "every record arrives as it was sent",
		"cannot be closed":                            "every record arrives as it was sent",
		"trims bodies":                                "unusual bodies arrive unchanged or are rejected alone",
		"repairs what is not text":                    "unusual bodies arrive unchanged or are rejected alone",
		"blames the neighbours":                       "unusual bodies arrive unchanged or are rejected alone",
		"a bad record is tried for ever":              "the largest record passes and a larger one is rejected alone",
		"one byte too strict":                         "the fullest request passes",
		"ignores a context that has ended":            "an ended context yields one unsettled result per record",
		"an ended context settles":                    "an ended context yields one unsettled result per record",
		"keeps a reference":                           "nothing is kept of the records after a send",
		"a missing destination is the record's fault": "a missing destination blocks",
		"unreachable is final":                        "an unreachable destination is transient",
		"ambiguous although nobody listened":          "an unreachable destination is transient",
		"silence is a no":                             "an answer that never comes is ambiguous",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := verdict(t, name)
			if _, caught := failed[by]; !caught {
				t.Errorf("not caught by %q; failed were %v", by, failed)
			}
		})
	}
}

func TestFaultyMakesEveryKindOfTroubleAndThenCalmsDown(t *testing.T) {
	f := NewFaulty(&planted{kind: "fresh"}, 7)
	f.Throttle, f.Drop, f.LoseReply, f.Entry, f.Block = 0.2, 0.2, 0.2, 0.2, 0.2
	for range 200 {
		f.Send(t.Context(), Records(3))
	}
	for _, kind := range []string{"throttle", "drop", "lost reply", "entry", "block"} {
		if f.Fired()[kind] == 0 {
			t.Errorf("%s never happened: %v", kind, f.Fired())
		}
	}
	f.Calm()
	for i, r := range f.Send(t.Context(), Records(3)) {
		if r.Err != nil {
			t.Errorf("record %d after the calm: %v", i, r.Err)
		}
	}
}

func TestHangEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if res := Hang()(ctx, Records(1)); !fault.From(res[0].Err).Ambiguous {
		t.Errorf("result = %v, want ambiguous", res[0].Err)
	}
}
