package ingest_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

// TestOneStuckRecordBoundsHowFarReadingGoes: what has been read and is not saved is held in memory and read again after a
// crash, so there must not be more and more of it while one record does not pass.
func TestOneStuckRecordBoundsHowFarReadingGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mended := time.Now().Add(time.Hour)
		sink := &memory.Transport{}
		tr := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
			results := sink.Send(ctx, recs)
			for i, r := range recs {
				if string(r.Body) == `{"n":33}` && time.Now().Before(mended) {
					results[i].Err = &fault.Error{Reason: "function_error", Op: "test"}
				}
			}
			return results
		})
		src := &sliceSource{items: numbered(1000), page: 10}
		p, ck, _ := pipeline(src, tr)
		var troubled atomic.Bool
		p.Deliverer.Report = func(err error) {
			if err != nil {
				troubled.Store(true)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		time.AfterFunc(59*time.Minute, func() {
			src.mu.Lock()
			defer src.mu.Unlock()
			at := src.reads[len(src.reads)-1] // I5
			if most := 30 + p.InFlight*10; at > most {
				t.Errorf("read on to %d while record 33 did not pass, want at most %d", at, most)
			}
			if !troubled.Load() {
				t.Error("nobody was told that nothing passes")
			}
		})
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if ck.cursor != "1000" {
			t.Errorf("cursor = %q an hour after all is well, want 1000", ck.cursor)
		}
	})
}

func TestStoppedBeforeTheCursorIsSavedIsNotDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &memory.Transport{}
		p, ck, _ := pipeline(&sliceSource{items: numbered(30), page: 10}, tr)
		ck.onSave = func(ingest.Cursor) error { return errors.New("disk full") }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := p.Run(ctx); !errors.Is(err, ingest.ErrUnsettled) {
			t.Errorf("Run = %v, want ErrUnsettled: everything will be read again", err)
		}
		if n := tr.Count(); n != 30 {
			t.Errorf("delivered %d, want 30", n)
		}
	})
}
