package ingest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/memory"
)

// TestAPartIsWellWhenNoBatchIsInTroubleWithIt has two batches that cannot set a record aside, for different reasons, of which
// one gets well half an hour before the other.
func TestAPartIsWellWhenNoBatchIsInTroubleWithIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		until := map[string]time.Duration{"full": 30 * time.Minute, "unwritable": time.Hour}
		src := &sliceSource{items: [][]byte{[]byte("full"), []byte("unwritable")}, page: 1,
			born: func(i int) time.Time { return start.Add(time.Duration(i) * 30 * time.Second) }} // so that their tries take turns
		p, _, _ := pipeline(src, &memory.Transport{})
		p.InFlight = 2
		p.Parse = func(item []byte) ([]transport.Record, error) { return nil, errors.New("no record") }
		p.DeadLetter = putter(func(item []byte) error {
			if time.Since(start) < until[string(item)] {
				return &fault.Error{Class: fault.Blocked, Reason: "deadletter_" + string(item), Op: "test"}
			}
			return nil
		})
		var mu sync.Mutex
		now := ""
		p.Observe.Trouble = func(part ingest.Part, err error) {
			mu.Lock()
			defer mu.Unlock()
			if now = string(part) + " well"; err != nil {
				now = fault.From(err).Code()
			}
		}
		want := func(after time.Duration, told ...string) {
			t.Helper()
			time.Sleep(time.Until(start.Add(after)))
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			for _, s := range told {
				if now == s {
					return
				}
			}
			t.Errorf("after %v told %q, want one of %q", after, now, told)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		want(29*time.Minute+30*time.Second, "deadletter_full", "deadletter_unwritable")
		want(30*time.Minute+time.Millisecond, "deadletter_unwritable") // before its next probe
		want(59*time.Minute+30*time.Second, "deadletter_unwritable")
		want(61*time.Minute, "deadletter well")
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

// A putter is a DeadLetter.
type putter func(item []byte) error

func (p putter) Put(_ context.Context, r ingest.Refused) error { return p(r.Item) }
