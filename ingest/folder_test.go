package ingest_test

import (
	"strings"
	"syscall"
	"testing"

	"sluice/ingest"
	"sluice/internal/atomicfile"
	"sluice/internal/atomicfile/crashfs"
)

// TestWhatIsSavedInAFolderThatAnotherStartMadeIsThereAfterALossOfPower: the first start makes the folders, and ends before
// it has synced the one above that comes after "made".
func TestWhatIsSavedInAFolderThatAnotherStartMadeIsThereAfterALossOfPower(t *testing.T) {
	t.Parallel()
	for _, unsynced := range []string{"/", "/var"} {
		t.Run("made in "+unsynced, func(t *testing.T) {
			t.Parallel()
			lost := 0
			for seed := range uint64(20) { // what a loss of power takes away is left to chance
				disk := crashfs.New(seed)
				o := ingest.CheckpointOptions{Dir: stateDir, Fingerprint: "fp"}
				disk.Fail(func(op crashfs.Op, path string) error {
					if op == crashfs.SyncDir && path == unsynced {
						return syscall.EINTR
					}
					return nil
				})
				if _, err := ingest.OpenCheckpointOn(t.Context(), disk, o); err == nil {
					t.Fatalf("the first start went past %s without syncing it", unsynced)
				}
				disk.Fail(nil)
				ck, err := ingest.OpenCheckpointOn(t.Context(), disk, o)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := ck.Load(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := ck.Save(t.Context(), "7"); err != nil {
					t.Fatal(err)
				}
				item := strings.Repeat("x", 7)
				if err := ingest.OpenDeadLetterOn(disk, stateDir).Put(t.Context(), ingest.Refused{Item: []byte(item), Reason: refused}); err != nil {
					t.Fatal(err)
				}
				disk.Restart()
				saved, err := ingest.ReadCheckpointOn(disk, ingest.CheckpointPath(stateDir))
				if items := itemsOn(t, disk); err != nil || saved.Cursor != "7" || len(items) != 1 || items[0] != item {
					lost++
				}
			}
			if lost > 0 {
				t.Errorf("%d of 20 losses of power took away what was saved and set aside before", lost)
			}
		})
	}
}

// TestAStartDoesNotFailForAFolderAboveThatCannotBeSyncedAtAll: one that may not be read, or has nothing to sync. One that has
// lost something is another matter.
func TestAStartDoesNotFailForAFolderAboveThatCannotBeSyncedAtAll(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		op    crashfs.Op
		errno syscall.Errno
		fails bool
	}{{crashfs.Open, syscall.EACCES, false}, {crashfs.SyncDir, syscall.EINVAL, false}, {crashfs.SyncDir, syscall.EROFS, false},
		{crashfs.SyncDir, syscall.EIO, true}, {crashfs.Open, syscall.EMFILE, true}} {
		disk := crashfs.New(1)
		disk.Fail(failing(c.errno, "/", c.op))
		if err := atomicfile.MkdirAll(disk, stateDir, 0o700); (err != nil) != c.fails {
			t.Errorf("%v says %v: MkdirAll = %v, want it to fail: %v", c.op, c.errno, err, c.fails)
		}
	}
}
