package ingest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

// TestOnlyTheSourceItselfEndsARun: a server that drops a connection makes an error that wraps io.EOF.
func TestOnlyTheSourceItselfEndsARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dropped := fmt.Errorf("GET: %w", io.EOF)
		reads := 0
		tr := &memory.Transport{}
		src := &sliceSource{items: numbered(20), page: 10, ends: true, disturb: func(int) error {
			if reads++; reads%2 == 0 {
				return dropped
			}
			return nil
		}}
		p, ck, _ := pipeline(src, tr)
		saves := 0
		ck.onSave = func(ingest.Cursor) error {
			if saves++; saves == 1 {
				return dropped
			}
			return nil
		}
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := tr.Count(); n != 20 || ck.cursor != "20" {
			t.Errorf("delivered %d, cursor %q, want 20 and 20", n, ck.cursor)
		}
	})
}

// A sourceFunc is a Source made of a function.
type sourceFunc func(ctx context.Context, after ingest.Cursor) (ingest.Batch, error)

func (f sourceFunc) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	return f(ctx, after)
}

func TestItemsAtACursorThatStandsAreNotDeliveredForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &memory.Transport{}
		p, _, _ := pipeline(sourceFunc(func(_ context.Context, after ingest.Cursor) (ingest.Batch, error) {
			return ingest.Batch{Items: numbered(3), Next: after}, nil
		}), tr)
		p.Once = true
		if err := p.Run(t.Context()); fault.From(err) == nil || fault.From(err).Reason != "cursor_stands" {
			t.Errorf("Run = %v, want cursor_stands", err)
		}
		if n := tr.Count(); n != 0 {
			t.Errorf("delivered %d, want none", n)
		}
	})
}

func TestABatchThatComesWithAnErrorCountsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &memory.Transport{}
		good := &sliceSource{items: numbered(5), page: 10}
		reads := 0
		p, ck, _ := pipeline(sourceFunc(func(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
			if reads++; reads == 1 {
				return ingest.Batch{Items: [][]byte{[]byte(`{"torn":1}`)}, Next: "5", CaughtUp: true}, errors.New("cut off")
			}
			return good.Read(ctx, after)
		}), tr)
		p.Once = true
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := tr.Count(); n != 5 || ck.cursor != "5" {
			t.Errorf("delivered %d, cursor %q, want 5 and 5", n, ck.cursor)
		}
	})
}

func TestNobodyIsToldThatAllIsWellAfterNoTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items := numbered(30)
		items[7] = []byte("{")
		p, _, _ := pipeline(&sliceSource{items: items, page: 10}, &memory.Transport{})
		p.Once = true
		p.Observe.Trouble = func(part ingest.Part, err error) { t.Errorf("told of %s: %v", part, err) }
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestProbesMissedWhileADestinationIsDownAreNotMadeUpFor: refusals in a mass, then an hour without an answer, then
// refusals again.
func TestProbesMissedWhileADestinationIsDownAreNotMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		tr := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
			if at := time.Since(start); at > 5*time.Minute && at < time.Hour {
				return transporttest.Fail(&fault.Error{Op: "down"})(ctx, recs)
			}
			return transporttest.Fail(&fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"})(ctx, recs)
		})
		p, _, _ := pipeline(&sliceSource{items: numbered(100), page: 100}, tr)
		p.Drain = 0
		ctx, cancel := context.WithTimeout(t.Context(), 70*time.Minute)
		defer cancel()
		_ = p.Run(ctx)
		late := 0
		for _, s := range tr.Sends() {
			if s.At.Sub(start) > time.Hour {
				late++
			}
		}
		if late < 9 || late > 12 {
			t.Errorf("%d probes in the ten minutes after an hour without an answer, want about one a minute", late)
		}
	})
}

// TestDeliveryGoesOnAfterAMassAlthoughTheFirstRefusedRecordIsBadItself: the probe has to be another one each time.
func TestDeliveryGoesOnAfterAMassAlthoughTheFirstRefusedRecordIsBadItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mended := time.Now().Add(time.Hour)
		tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
			if time.Now().Before(mended) || string(r.Body) == `{"n":50}` {
				return &fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"}
			}
			return nil
		}))
		p, ck, dl := pipeline(&sliceSource{items: numbered(200), page: 100}, tr)
		p.InFlight = 1
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		if err := p.Run(ctx); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if ck.cursor != "200" || dl.count() != 51 {
			t.Errorf("cursor %q, %d set aside, want 200 and 51", ck.cursor, dl.count())
		}
	})
}

// TestABadRecordSoonAfterAMassHoldsDeliveryUpForAProbeOnly: with the mass still among the last thousand, one more refusal
// trips the guard, and no other record is held that could show that all is well.
func TestABadRecordSoonAfterAMassHoldsDeliveryUpForAProbeOnly(t *testing.T) {
	for name, c := range map[string]struct{ every, want int }{
		"few are refused":  {230, 51},
		"many are refused": {10, 50}, // that is no chance: the pause lasts
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
					var v struct{ N int }
					if err := json.Unmarshal(r.Body, &v); err != nil {
						t.Error(err)
					}
					if v.N < 50 || v.N%c.every == 0 {
						return &fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"}
					}
					return nil
				}))
				p, ck, dl := pipeline(&sliceSource{items: numbered(400), page: 100}, tr)
				p.InFlight = 1
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
				defer cancel()
				err := p.Run(ctx)
				if done := ck.cursor == "400"; dl.count() != c.want || done != (c.want == 51) || done != (err == nil) {
					t.Errorf("cursor %q, %d set aside, %v, want %d set aside", ck.cursor, dl.count(), err, c.want)
				}
			})
		})
	}
}
