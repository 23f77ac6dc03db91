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

// TestAPartThatIsWellIsNotToldTheTroubleOfAnother: one batch cannot be saved, another cannot set its record aside for a shorter time.
func TestAPartThatIsWellIsNotToldTheTroubleOfAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		broken := func(reason string, d time.Duration) error {
			if time.Since(start) > d {
				return nil
			}
			return &fault.Error{Class: fault.Blocked, Reason: reason, Op: "test"}
		}
		p, ck, _ := pipeline(&sliceSource{items: [][]byte{[]byte("{}"), []byte("bad")}, page: 1}, &memory.Transport{})
		p.InFlight = 2
		p.Parse = func(item []byte) ([]transport.Record, error) {
			if string(item) == "bad" {
				return nil, errors.New("no record")
			}
			return []transport.Record{{ID: "1", Body: item}}, nil
		}
		ck.onSave = func(ingest.Cursor) error { return broken("checkpoint_unwritable", time.Hour) }
		p.DeadLetter = putter(func([]byte) error { return broken("deadletter_unwritable", 30*time.Minute) })
		var mu sync.Mutex
		told := map[ingest.Part]error{}
		p.Observe.Trouble = func(part ingest.Part, err error) {
			mu.Lock()
			defer mu.Unlock()
			told[part] = err
		}
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Hour)
		defer stop()
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		time.Sleep(45 * time.Minute)
		mu.Lock()
		if told[ingest.PartDeadLetter] != nil || fault.From(told[ingest.PartCheckpoint]).Code() != "checkpoint_unwritable" {
			t.Errorf("told %v, want the checkpoint in trouble and the dead letters well", told)
		}
		mu.Unlock()
		if err := <-ended; err != nil || told[ingest.PartCheckpoint] != nil {
			t.Errorf("Run = %v, told %v, want all well", err, told)
		}
	})
}

// A putter is a DeadLetter.
type putter func(item []byte) error

func (p putter) Put(_ context.Context, r ingest.Refused) error { return p(r.Item) }
