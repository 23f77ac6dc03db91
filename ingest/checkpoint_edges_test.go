package ingest_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/atomicfile"
	"sluice/internal/atomicfile/crashfs"
	"sluice/internal/fault"
)

const checkpointFile = stateDir + "/checkpoint"

// ofLater is the checkpoint of a process with a later epoch.
var ofLater = sealed(`{"format":"sluice checkpoint","version":2,"source":"fp","epoch":9,"seq":1,"writer":"another","saved_at":"2026-11-22T00:00:00Z","cursor":"far"}`)

// TestOfANewerProgramIsNotPutAside: somebody has started a newer program beside this one, which has saved.
func TestOfANewerProgramIsNotPutAside(t *testing.T) {
	t.Parallel()
	disk := put(t, newer, nil)
	c, _, _, err := load(t, disk)
	if err != nil {
		t.Fatal(err)
	}
	next := sealed(`{"format":"sluice checkpoint","version":9,"source":"fp","epoch":4,"seq":13,"cursor":"x"}`)
	if err := atomicfile.Write(disk, checkpointFile, next, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Save(t.Context(), "y"); !errors.Is(err, ingest.ErrCheckpointTaken) {
		t.Errorf("Save = %v, want ErrCheckpointTaken", err)
	}
	if got := files(t, disk); got["checkpoint"] != string(next) || got["checkpoint.damaged"] != "" {
		t.Errorf("the folder is %q, want the file of the newer program untouched", got)
	}
}

// TestTakenIsForGood: who has seen that another has taken over does not come back, even if the file of that one is gone.
func TestTakenIsForGood(t *testing.T) {
	t.Parallel()
	disk := put(t, newer, nil)
	c, _, _, err := load(t, disk)
	if err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(disk, checkpointFile, ofLater, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []bool{false, true} {
		if gone {
			if err := disk.Remove(checkpointFile); err != nil {
				t.Fatal(err)
			}
			_ = disk.Remove(ingest.PreviousPath(checkpointFile))
		}
		if err := c.Save(t.Context(), "y"); !errors.Is(err, ingest.ErrCheckpointTaken) {
			t.Errorf("Save with the other's file gone %v = %v, want ErrCheckpointTaken", gone, err)
		}
	}
}

// TestWhatCannotBeReadIsNotPutAside: a disk that fails for a moment has not damaged the checkpoint.
func TestWhatCannotBeReadIsNotPutAside(t *testing.T) {
	t.Parallel()
	disk := put(t, newer, nil)
	c, _, _, err := load(t, disk)
	if err != nil {
		t.Fatal(err)
	}
	before := files(t, disk)
	disk.Fail(func(op crashfs.Op, path string) error {
		if op == crashfs.Open && path == checkpointFile {
			return syscall.EIO
		}
		return nil
	})
	if err := c.Save(t.Context(), "y"); fault.From(err).Code() != "checkpoint_unwritable" {
		t.Errorf("Save = %v, want checkpoint_unwritable", err)
	}
	disk.Fail(nil)
	if after := files(t, disk); after["checkpoint"] != before["checkpoint"] || len(after) != len(before) {
		t.Errorf("the folder is %q, want it as it was", after)
	}
	if err := c.Save(t.Context(), "y"); err != nil {
		t.Errorf("Save on the mended disk = %v", err)
	}
}

// TestEverySaveHasAHigherCount, also one after a Save that failed when its file was there already.
func TestEverySaveHasAHigherCount(t *testing.T) {
	t.Parallel()
	disk := put(t, newer, nil)
	c, _, _, err := load(t, disk)
	if err != nil {
		t.Fatal(err)
	}
	var last uint64
	for i := range 6 {
		disk.Fail(nil)
		if i%2 == 1 {
			disk.Fail(func(op crashfs.Op, _ string) error {
				if op == crashfs.SyncDir {
					return syscall.EIO
				}
				return nil
			})
		}
		if err := c.Save(t.Context(), "y"); (err != nil) != (i%2 == 1) {
			t.Fatalf("Save %d = %v", i, err)
		}
		disk.Fail(nil)
		saved, err := ingest.ReadCheckpointOn(disk, checkpointFile)
		if err != nil || uint64(saved.Seq) <= last {
			t.Errorf("save %d has the count %d (%v), want one over %d", i, saved.Seq, err, last)
		}
		last = uint64(saved.Seq)
	}
}

// TestAClaimThatCannotBeReadBackIsNoBeginning: the disk fails after the claim is written. What cannot be read is not empty.
func TestAClaimThatCannotBeReadBackIsNoBeginning(t *testing.T) {
	t.Parallel()
	disk := put(t, newer, nil)
	var renamed atomic.Bool
	disk.Fail(func(op crashfs.Op, path string) error {
		if op == crashfs.Rename {
			renamed.Store(true)
		}
		if op == crashfs.Open && renamed.Load() && strings.HasPrefix(path, checkpointFile) {
			return syscall.EIO
		}
		return nil
	})
	c, cursor, _, err := load(t, disk)
	if !errors.Is(err, syscall.EIO) {
		t.Errorf("Load = %q, %v, want the trouble with the disk", cursor, err)
	}
	disk.Fail(nil)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, cursor, _, err := load(t, disk); err != nil || cursor != "new" {
		t.Errorf("Load from the mended disk = %q, %v, want the cursor", cursor, err)
	}
}

// A meddler does something before the first file is made.
type meddler struct {
	*crashfs.FS
	once func()
}

func (m *meddler) Open(path string, flag int, mode os.FileMode) (atomicfile.File, error) {
	if do := m.once; do != nil && !strings.HasSuffix(path, "/lock") && flag&os.O_CREATE != 0 {
		m.once = nil
		do()
	}
	return m.FS.Open(path, flag, mode)
}

// TestALaterClaimIsLeftAlone: another process has taken over between our look and our claim.
func TestALaterClaimIsLeftAlone(t *testing.T) {
	t.Parallel()
	disk := put(t, newer, nil)
	m := &meddler{FS: disk, once: func() {
		if err := atomicfile.Write(disk, checkpointFile, ofLater, 0o600); err != nil {
			t.Error(err)
		}
	}}
	c, err := ingest.OpenCheckpointOn(t.Context(), m, ingest.CheckpointOptions{Dir: stateDir, Fingerprint: "fp"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if cursor, err := c.Load(t.Context()); !errors.Is(err, ingest.ErrCheckpointTaken) {
		t.Errorf("Load = %q, %v, want ErrCheckpointTaken", cursor, err)
	}
	if got := files(t, disk)["checkpoint"]; got != string(ofLater) {
		t.Errorf("the checkpoint is %s, want that of the other", got)
	}
}

// TestStoppedWhileItWaitsForTheLockHasNoLock.
func TestStoppedWhileItWaitsForTheLockHasNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := put(t, nil, nil)
		_, _, _, _ = load(t, disk) // holds it
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		c, err := ingest.OpenCheckpointOn(ctx, disk, ingest.CheckpointOptions{Dir: stateDir, Wait: time.Hour})
		if err == nil {
			_ = c.Close()
			t.Error("OpenCheckpoint = nil, want an error: another process has the lock")
		}
	})
}

// A counter counts the files that are open.
type counter struct {
	atomicfile.FS
	open atomic.Int64
}

type countedFile struct {
	atomicfile.File
	c *counter
}

func (c *counter) Open(path string, flag int, mode os.FileMode) (atomicfile.File, error) {
	f, err := c.FS.Open(path, flag, mode)
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	return countedFile{f, c}, nil
}

func (f countedFile) Close() error {
	f.c.open.Add(-1)
	return f.File.Close()
}

// TestNoFileStaysOpen: a daemon that runs for months would have no descriptor left (I5).
func TestNoFileStaysOpen(t *testing.T) {
	t.Parallel()
	for _, failing := range []crashfs.Op{"", crashfs.Write, crashfs.Sync, crashfs.SyncDir, crashfs.Rename} {
		disk := put(t, newer, nil)
		fsys := &counter{FS: disk}
		c, err := ingest.OpenCheckpointOn(t.Context(), fsys, ingest.CheckpointOptions{Dir: stateDir, Fingerprint: "fp"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		letters := ingest.OpenDeadLetterOn(fsys, stateDir)
		disk.Fail(func(op crashfs.Op, _ string) error {
			if op == failing {
				return syscall.EIO
			}
			return nil
		})
		for range 3 {
			_ = c.Save(t.Context(), "y")
			_ = letters.Put(t.Context(), ingest.Refused{Item: []byte("x"), Reason: errors.New("bad")})
		}
		if n := fsys.open.Load(); n != 1 {
			t.Errorf("%d files are open while %q fails, want the lock alone", n, failing)
		}
		if err := c.Close(); err != nil || fsys.open.Load() != 0 {
			t.Errorf("Close = %v with %d files open after it, want none", err, fsys.open.Load())
		}
	}
}

// A sizeless disk does not say how long a file is when it is asked for the nth time.
type sizeless struct {
	atomicfile.FS
	asked, nth int
}

type sizelessFile struct {
	atomicfile.File
	disk *sizeless
}

func (s *sizeless) Open(path string, flag int, mode os.FileMode) (atomicfile.File, error) {
	f, err := s.FS.Open(path, flag, mode)
	if err != nil {
		return nil, err
	}
	return sizelessFile{f, s}, nil
}

func (f sizelessFile) Size() (int64, error) {
	if f.disk.asked++; f.disk.asked == f.disk.nth {
		return 0, syscall.EIO
	}
	return f.File.Size()
}

// TestNoDeadLetterIsWrittenOverAnother, nor taken for kept, where the end of the file is not known.
func TestNoDeadLetterIsWrittenOverAnother(t *testing.T) {
	t.Parallel()
	failed := 0
	for nth := range 10 {
		disk := put(t, nil, nil)
		if err := ingest.OpenDeadLetterOn(disk, stateDir).Put(t.Context(), ingest.Refused{Item: []byte("first"), Reason: errors.New("bad")}); err != nil {
			t.Fatal(err)
		}
		want := []string{"first"}
		err := ingest.OpenDeadLetterOn(&sizeless{FS: disk, nth: nth}, stateDir).Put(t.Context(), ingest.Refused{Item: []byte("second"), Reason: errors.New("bad")})
		switch {
		case err == nil:
			want = append(want, "second")
		case fault.From(err).Code() != "deadletter_unwritable":
			t.Errorf("Put = %v, want deadletter_unwritable", err)
		default:
			failed++
		}
		var got []string
		err = ingest.OpenDeadLetterOn(disk, stateDir).Read(func(l ingest.Letter) error {
			got = append(got, *l.Item)
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("without the size number %d there are %q (%v), want %q", nth, got, err, want)
		}
	}
	if failed == 0 {
		t.Error("no Put failed, so that nothing was tried")
	}
}

// TestALaterEpochGoesBeforeAHigherCount: who has taken over may count from a lower number.
func TestALaterEpochGoesBeforeAHigherCount(t *testing.T) {
	t.Parallel()
	if _, cursor, _, err := load(t, put(t, newer, ofLater)); err != nil || cursor != "far" {
		t.Errorf("Load = %q, %v, want the cursor of the later epoch", cursor, err)
	}
}
