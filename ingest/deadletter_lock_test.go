package ingest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
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
		if err := ingest.OpenDeadLetter(dir).Put(ctx, []byte("one"), refused); !errors.Is(err, context.Cause(ctx)) || err == nil {
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
		err := d.Put(t.Context(), []byte("one"), refused)
		if fault.From(err).Code() != "deadletter_unwritable" || time.Since(start) > time.Minute {
			t.Errorf("Put = %v after %v, want deadletter_unwritable within a minute", err, time.Since(start))
		}
		time.AfterFunc(time.Second, release)
		if err := d.Put(t.Context(), []byte("two"), refused); err != nil {
			t.Errorf("Put = %v, want nil once the lock is free", err)
		}
	})
	if items, _ := deadLines(t, dir); len(items) != 1 || items[0] != "two" {
		t.Errorf("set aside are %q, want two", items)
	}
}
