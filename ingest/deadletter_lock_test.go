package ingest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport/memory"
)

// hold takes the lock of the dead letters in dir, as a command does that is stopped (Ctrl-Z) in the middle.
func hold(t *testing.T, dir string) (release func()) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "deadletter.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = f.Close() }
}

func TestAPutThatWaitsForTheLockEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	defer hold(t, dir)()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("asked to stop"))
		defer cancel()
		if err := ingest.OpenDeadLetter(dir).Put(ctx, ingest.Refused{Item: []byte("one"), Stage: ingest.StageDeliver, Reason: refused}); !errors.Is(err, context.Cause(ctx)) || err == nil {
			t.Errorf("Put = %v, want why the context ended", err)
		}
	})
}

func TestALockThatIsNotGivenFreeIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	release := hold(t, dir)
	synctest.Test(t, func(t *testing.T) {
		d := ingest.OpenDeadLetter(dir)
		start := time.Now()
		err := d.Put(t.Context(), ingest.Refused{Item: []byte("one"), Stage: ingest.StageDeliver, Reason: refused})
		if fault.From(err).Code() != "deadletter_unwritable" || time.Since(start) > time.Minute {
			t.Errorf("Put = %v after %v, want deadletter_unwritable within a minute", err, time.Since(start))
		}
		time.AfterFunc(time.Second, release)
		if err := d.Put(t.Context(), ingest.Refused{Item: []byte("two"), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
			t.Errorf("Put = %v, want nil once the lock is free", err)
		}
	})
	if items, _ := deadLines(t, dir); len(items) != 1 || items[0] != "two" {
		t.Errorf("set aside are %q, want two", items)
	}
}

func TestALockOfTheDeadLettersThatAnotherHoldsPausesUntilItIsFree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	release := hold(t, dir)
	synctest.Test(t, func(t *testing.T) {
		items := numbered(200)
		items[13] = []byte("no record")
		src, sink := &sliceSource{items: items, page: 10}, &memory.Transport{}
		p, ck, _ := pipeline(src, sink)
		p.DeadLetter = ingest.OpenDeadLetter(dir)
		var told atomic.Pointer[string]
		p.Observe.Trouble = func(part ingest.Part, err error) {
			said := string(part) + ": well"
			if err != nil {
				said = string(part) + ": " + fault.From(err).Code()
			}
			told.Store(&said)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := told.Load(); got == nil || *got != "deadletter: deadletter_unwritable" {
			t.Errorf("told %v, want deadletter_unwritable", got)
		}
		if cursor, _ := ck.Load(ctx); cursor != "10" || sink.Count() > p.InFlight*10+10 {
			t.Errorf("cursor %q, %d delivered, want the cursor before the record and what is in flight", cursor, sink.Count())
		}
		release()
		time.Sleep(10 * time.Minute)
		stop()
		if err := <-ended; err != nil || ck.cursor != "200" || sink.Count() != 199 || *told.Load() != "deadletter: well" {
			t.Errorf("Run = %v, cursor %q, %d delivered, told %q; want all of it without a restart", err, ck.cursor, sink.Count(), *told.Load())
		}
	})
	if items, _ := deadLines(t, dir); len(items) != 1 || items[0] != "no record" {
		t.Errorf("set aside are %q, want the one", items)
	}
	proof.Row{Area: "disk", Fault: "another process holds the lock of the dead letters", Action: proof.Pause, Reason: "deadletter_unwritable",
		Promises: "P1 P10 P12"}.Report(t)
}
