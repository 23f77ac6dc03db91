package ingest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

// slowRefusal refuses everything in the first half minute, and the record that it is told of after much longer.
type slowRefusal struct {
	transport.Transport
	slow  string
	begun time.Time
}

func (s slowRefusal) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	if time.Since(s.begun) > 30*time.Second {
		return s.Transport.Send(ctx, recs)
	}
	for _, r := range recs {
		if string(r.Body) == s.slow {
			time.Sleep(90 * time.Second)
		}
	}
	results := make([]transport.Result, len(recs))
	for i := range results {
		results[i].Err = &fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"}
	}
	return results
}

// TestARefusalFromBeforeTheAlarmEndedIsTriedAgain: a broken destination refuses 60 records, which trips the guard, and is
// mended; the probe passes. Then the answer to another request arrives that had been refused while it was broken.
func TestARefusalFromBeforeTheAlarmEndedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items := numbered(61)
		sink := &memory.Transport{}
		p, ck, dl := pipeline(&sliceSource{items: items, page: 60, ends: true}, slowRefusal{sink, string(items[60]), time.Now()})
		p.InFlight, p.Deliverer.Timeout = 2, 5*time.Minute
		if err := p.Run(t.Context()); err != nil || ck.cursor != "61" {
			t.Fatalf("Run = %v at cursor %q, want the end", err, ck.cursor)
		}
		for _, item := range dl.items {
			if item == string(items[60]) {
				t.Error("the last record was set aside for the state in which the destination had been")
			}
		}
		if n := len(sink.Records()) + dl.count(); n != 61 {
			t.Errorf("%d records have a fate, want 61", n)
		}
	})
}

// TestOneBadRecordAfterAnAlarmIsNoMass: what was refused before the alarm ended does not count against what comes later.
func TestOneBadRecordAfterAnAlarmIsNoMass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		bad := string(numbered(70)[65])
		tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
			if time.Since(start) < 30*time.Second || string(r.Body) == bad {
				return &fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"}
			}
			return nil
		}))
		p, _, dl := pipeline(&sliceSource{items: numbered(70), page: 60, ends: true}, tr)
		p.InFlight = 1
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); dl.count() != 51 || took > 90*time.Second {
			t.Errorf("%d set aside after %v, want 51 after the one pause of a minute", dl.count(), took)
		}
	})
}
