package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

func TestOnceDeliversEverythingAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &memory.Transport{}
		p, ck, _ := pipeline(&sliceSource{items: numbered(95), page: 10}, tr)
		p.Once = true
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := tr.Count(); n != 95 || ck.cursor != "95" {
			t.Errorf("delivered %d, cursor %q, want 95 and 95", n, ck.cursor)
		}
	})
}

func TestRunEndsWithTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &memory.Transport{}
		p, ck, _ := pipeline(&sliceSource{items: numbered(20), page: 10, ends: true}, tr)
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := tr.Count(); n != 20 || ck.cursor != "20" {
			t.Errorf("delivered %d, cursor %q, want 20 and 20", n, ck.cursor)
		}
	})
}

func TestDaemonPollsAtItsIntervalAndFindsWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		src := &sliceSource{items: numbered(12), page: 5, born: func(i int) time.Time { return start.Add(time.Duration(i) * time.Minute) }}
		tr := &memory.Transport{}
		p, _, _ := pipeline(src, tr)
		p.Idle = time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
		defer cancel()
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if tr.Count() != 12 {
			t.Errorf("delivered %d, want 12", tr.Count())
		}
		if n := len(src.reads); n < 28 || n > 45 {
			t.Errorf("%d reads in half an hour, want about one a minute", n)
		}
	})
}

func TestUnparsableItemsAreSetAsideAndTheRestFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items := numbered(30)
		items[7], items[29] = []byte(`{"n":`), []byte("\xff")
		tr := &memory.Transport{}
		p, ck, dl := pipeline(&sliceSource{items: items, page: 10}, tr)
		p.Once = true
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		slices.Sort(dl.items) // two batches, two goroutines
		if tr.Count() != 28 || fmt.Sprintf("%q", dl.items) != `["{\"n\":" "\xff"]` || ck.cursor != "30" {
			t.Errorf("delivered %d, set aside %q, cursor %q", tr.Count(), dl.items, ck.cursor)
		}
	})
}

func TestReadingStopsWhenSendingStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &sliceSource{items: numbered(1000), page: 10}
		p, ck, _ := pipeline(src, transporttest.Script(transporttest.Fail(&fault.Error{Op: "down"})))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := p.Run(ctx); !errors.Is(err, ingest.ErrUnsettled) {
			t.Errorf("Run = %v, want ErrUnsettled", err)
		}
		if n := len(src.reads); n != p.InFlight+1 { // I5
			t.Errorf("%d batches read, want %d", n, p.InFlight+1)
		}
		if ck.cursor != "" {
			t.Errorf("cursor = %q, want the beginning: nothing was settled", ck.cursor)
		}
	})
}

func TestStopLetsWhatIsInFlightFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &memory.Transport{}
		slow := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
			return transporttest.After(20*time.Second, tr.Send)(ctx, recs)
		})
		p, ck, _ := pipeline(&sliceSource{items: numbered(1000), page: 10}, slow)
		p.Drain = 30 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := p.Run(ctx); err != nil {
			t.Errorf("Run = %v, want nil: everything in flight was settled", err)
		}
		if took := time.Since(start); took > 25*time.Second {
			t.Errorf("stopped after %v", took)
		}
		if tr.Count() != 30 || ck.cursor != "30" {
			t.Errorf("delivered %d, cursor %q, want what was in flight: 30", tr.Count(), ck.cursor)
		}
	})
}

func TestDrainIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ck, _ := pipeline(&sliceSource{items: numbered(100), page: 10}, transporttest.Script(transporttest.Hang()))
		p.Drain = 7 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := p.Run(ctx); !errors.Is(err, ingest.ErrUnsettled) {
			t.Errorf("Run = %v, want ErrUnsettled", err)
		}
		if took := time.Since(start); took != 8*time.Second || ck.cursor != "" {
			t.Errorf("stopped after %v with cursor %q, want 8 s and none", took, ck.cursor)
		}
	})
}

func TestBlockedDestinationPausesOrEndsOnce(t *testing.T) {
	gone := &fault.Error{Class: fault.Blocked, Reason: "queue_missing", Op: "test"}
	synctest.Test(t, func(t *testing.T) {
		p, ck, dl := pipeline(&sliceSource{items: numbered(10), page: 10}, transporttest.Script(transporttest.Fail(gone)))
		p.Once, p.Deliverer.Patience = true, 15*time.Second
		if err := p.Run(t.Context()); !errors.Is(err, gone) {
			t.Errorf("Run = %v, want what the destination said", err)
		}
		if ck.cursor != "" || dl.count() != 0 {
			t.Errorf("cursor %q, %d set aside, want nothing", ck.cursor, dl.count())
		}
	})
}

func TestMassOfRefusalsPausesUntilTheyPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mended := time.Now().Add(time.Hour)
		sink := &memory.Transport{}
		tr := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
			if time.Now().Before(mended) {
				return transporttest.Fail(&fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"})(ctx, recs)
			}
			return sink.Send(ctx, recs)
		})
		p, ck, dl := pipeline(&sliceSource{items: numbered(1000), page: 40}, tr)
		p.MaxDeadShare = 0.9 // what trips is the row of refusals
		var mu sync.Mutex
		var last error
		alarms := 0
		p.Observe.Trouble = func(part ingest.Part, err error) {
			mu.Lock()
			defer mu.Unlock()
			if part == ingest.PartDeadLetter {
				if last = err; err != nil {
					alarms++
				}
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if dl.count() != 50 || sink.Count() != 950 || ck.cursor != "1000" {
			t.Errorf("%d set aside, %d delivered, cursor %q, want 50, 950 and 1000", dl.count(), sink.Count(), ck.cursor)
		}
		if last != nil || alarms < 50 {
			t.Errorf("%d alarms, last report %v, want one a minute and then nil", alarms, last)
		}
		sends := tr.Sends()
		if n := len(sends); n > 70+40 {
			t.Errorf("%d requests, want about one probe a minute", n)
		}
		for _, probe := range sends[10:50] {
			if len(probe.IDs) != 1 {
				t.Errorf("a probe of %d records, want one", len(probe.IDs))
			}
		}
		for i, s := range sends[10:50] {
			if gap := s.At.Sub(sends[9+i].At); i > 0 && gap < time.Minute {
				t.Errorf("a probe %v after the one before, want a minute", gap)
			}
		}
	})
	for _, area := range []string{"sqs", "apigateway"} {
		proof.Row{Area: area, Fault: "fifty records in a row refused", Action: proof.Pause, Reason: "mass_dead_letters", Promises: "P10 P12 P16"}.Report(t)
	}
}

func TestLargeShareOfRefusalsPausesToo(t *testing.T) {
	for share, want := range map[float64]int{0: 50, 0.1: 100, 1: 160} {
		synctest.Test(t, func(t *testing.T) {
			tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
				if r.Body[len(r.Body)-2] == '0' { // every tenth
					return &fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test"}
				}
				return nil
			}))
			p, _, dl := pipeline(&sliceSource{items: numbered(1600), page: 100}, tr)
			p.MaxDeadShare, p.InFlight = share, 1
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			var told error
			p.Observe.Trouble = func(_ ingest.Part, err error) { told = err }
			_ = p.Run(ctx)
			if got := dl.count(); got != want {
				t.Errorf("share %v: %d of 1,600 set aside, want %d", share, got, want)
			}
			if paused := fault.From(told); (paused == nil) != (want == 160) || paused != nil && paused.Reason != "mass_dead_letters" {
				t.Errorf("share %v: told %v, want mass_dead_letters unless all may be set aside", share, told)
			}
		})
	}
	for _, area := range []string{"sqs", "apigateway"} {
		proof.Row{Area: area, Fault: "a twentieth of the last thousand records refused", Action: proof.Pause, Reason: "mass_dead_letters", Promises: "P12 P16"}.Report(t)
	}
}

func TestTroubleOfEachPartHealsWithoutARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := time.Now().Add(10 * time.Minute)
		broken := func(until time.Time, class fault.Class) error {
			if time.Now().Before(until) {
				return &fault.Error{Class: class, Op: "test"}
			}
			return nil
		}
		items := numbered(100)
		items[3] = []byte("{")
		src := &sliceSource{items: items, page: 10, disturb: func(after int) error {
			if after == 50 {
				return broken(up, fault.Blocked)
			}
			return nil
		}}
		tr := &memory.Transport{}
		p, ck, dl := pipeline(src, tr)
		ck.onSave = func(ingest.Cursor) error { return broken(up.Add(10*time.Minute), fault.Transient) }
		dl.fail = func() error { return broken(up, fault.Transient) }
		seen := map[ingest.Part]int{}
		last := map[ingest.Part]error{}
		var mu sync.Mutex
		p.Observe.Trouble = func(part ingest.Part, err error) {
			mu.Lock()
			defer mu.Unlock()
			if last[part] = err; err != nil {
				seen[part]++
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if tr.Count() != 99 || dl.count() != 1 || ck.cursor != "100" {
			t.Errorf("delivered %d, set aside %d, cursor %q, want 99, 1 and 100", tr.Count(), dl.count(), ck.cursor)
		}
		for _, part := range []ingest.Part{ingest.PartCheckpoint, ingest.PartDeadLetter} {
			if seen[part] == 0 || last[part] != nil {
				t.Errorf("%s: %d reports of trouble, the last %v, want some and then nil", part, seen[part], last[part])
			}
		}
	})
}

func TestUnreadableCheckpointEndsRunBeforeAnythingIsRead(t *testing.T) {
	src := &sliceSource{items: numbered(10), page: 10}
	p, _, _ := pipeline(src, &memory.Transport{})
	p.Checkpoint = &failingLoad{}
	if err := p.Run(t.Context()); !errors.Is(err, ingest.ErrCheckpointDamaged) {
		t.Errorf("Run = %v, want damaged", err)
	}
	if len(src.reads) != 0 {
		t.Errorf("%d reads, want none", len(src.reads))
	}
}

type failingLoad struct{ memCheckpoint }

func (*failingLoad) Load(context.Context) (ingest.Cursor, error) {
	return "", ingest.ErrCheckpointDamaged
}

func TestOnceGivesUpOnASourceThatStaysAway(t *testing.T) {
	for name, class := range map[string]fault.Class{"transient": fault.Transient, "blocked": fault.Blocked} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				away := &fault.Error{Class: class, Op: "test"}
				p, _, _ := pipeline(&sliceSource{disturb: func(int) error { return away }, page: 1}, &memory.Transport{})
				p.Once = true
				start := time.Now()
				if err := p.Run(t.Context()); !errors.Is(err, away) {
					t.Errorf("Run = %v, want what the source said", err)
				}
				if took := time.Since(start); took > 45*time.Second {
					t.Errorf("gave up after %v", took)
				}
			})
		})
	}
}
