package ingest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/transport/transporttest"
)

// A committer is a sliceSource that is told what was saved.
type committer struct {
	sliceSource
	checkpoint *memCheckpoint
	fail       func(n int) error // trouble in Commit number n, from 1; nil: none

	mu    sync.Mutex
	told  []ingest.Cursor
	early []ingest.Cursor // told before they were saved
}

func (c *committer) Commit(ctx context.Context, cursor ingest.Cursor) error {
	saved, _ := c.checkpoint.Load(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, cursor)
	if saved != cursor {
		c.early = append(c.early, cursor)
	}
	if c.fail != nil {
		return c.fail(len(c.told))
	}
	return nil
}

// committing returns a pipeline over a committer with 30 items in pages of 10, begun behind the first page.
func committing(fail func(n int) error) (*ingest.Pipeline, *committer) {
	src := &committer{sliceSource: sliceSource{items: numbered(30), page: 10}, fail: fail}
	p, checkpoint, _ := pipeline(&src.sliceSource, transporttest.Script(transporttest.Accept()))
	p.Source, p.InFlight = src, 1
	src.checkpoint = checkpoint
	checkpoint.cursor = "10"
	return p, src
}

func TestSourceIsToldOfEveryCursorThatIsSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, src := committing(nil)
		p.Once = true
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []ingest.Cursor{"10", "20", "30"}; !slices.Equal(src.told, want) {
			t.Errorf("the source was told of %v, want the cursor that was loaded and those that were saved: %v", src.told, want)
		}
		if len(src.early) > 0 {
			t.Errorf("the source was told of %v before that was saved", src.early)
		}
	})
}

func TestDeliveryGoesOnWhileTheSourceCannotCommit(t *testing.T) {
	full := &fault.Error{Class: fault.Blocked, Reason: "file_not_done", Op: "test", Err: errors.New("no room")}
	synctest.Test(t, func(t *testing.T) {
		const failures = 6 // one at the start, one for each of the two pages, the others while nothing is left to read
		p, src := committing(func(n int) error {
			if n <= failures {
				return full
			}
			return nil
		})
		var troubles []error
		p.Idle = time.Minute
		p.Observe.Trouble = func(part ingest.Part, err error) {
			if part == ingest.PartSource {
				troubles = append(troubles, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		time.Sleep(time.Second)
		synctest.Wait()
		if saved, _ := src.checkpoint.Load(ctx); saved != "30" {
			t.Errorf("after a second the cursor is %q, want 30: what was read is delivered all the same", saved)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if len(troubles) != failures+1 || !errors.Is(troubles[0], full) || troubles[failures] != nil {
			t.Errorf("troubles of the source were %v, want %d times what it said, and then none", troubles, failures)
		}
		if n := len(src.told); n != failures+1 {
			t.Errorf("the source was told %d times, want %d: until it could", n, failures+1)
		}
	})
}

func TestOnceEndsWithWhatTheSourceCouldNotCommit(t *testing.T) {
	full := &fault.Error{Class: fault.Blocked, Reason: "file_not_done", Op: "test", Err: errors.New("no room")}
	for name, at := range map[string]int{"what was loaded": 1, "what was saved": 3} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _ := committing(func(n int) error {
					if n >= at {
						return full
					}
					return nil
				})
				p.Once = true
				if err := p.Run(t.Context()); !errors.Is(err, full) {
					t.Errorf("Run = %v, want what the source said", err)
				}
			})
		})
	}
}
