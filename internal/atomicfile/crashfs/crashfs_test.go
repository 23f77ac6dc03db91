package crashfs_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"sluice/internal/atomicfile"
	"sluice/internal/atomicfile/crashfs"
)

// write writes data to a file and syncs what it is told to.
func write(t *testing.T, disk *crashfs.FS, path, data string, syncFile, syncDir bool) {
	t.Helper()
	f, err := disk.Open(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = f.WriteAt([]byte(data), 0)
	if err == nil && syncFile {
		err = f.Sync()
	}
	if err == nil && syncDir {
		err = atomicfile.SyncDir(disk, "/")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// outcomes counts what is in place of /f after a crash, over many seeds.
func outcomes(t *testing.T, act func(disk *crashfs.FS)) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for seed := range uint64(300) {
		disk := crashfs.New(seed)
		act(disk)
		disk.Restart()
		data, err := atomicfile.Read(disk, "/f")
		what := string(data)
		if errors.Is(err, os.ErrNotExist) {
			what = "missing"
		} else if err != nil {
			t.Fatal(err)
		}
		seen[what]++
	}
	return seen
}

var (
	first  = strings.Repeat("a", 40)
	second = strings.Repeat("b", 40)
)

func TestWhatIsSyncedSurvivesAndNothingElseForCertain(t *testing.T) {
	t.Parallel()
	if got := outcomes(t, func(d *crashfs.FS) { write(t, d, "/f", first, true, true) }); got[first] != 300 {
		t.Errorf("synced: %v, want it always there", got)
	}
	if got := outcomes(t, func(d *crashfs.FS) { write(t, d, "/f", first, true, false) }); got["missing"] < 50 || got[first] < 50 || len(got) != 2 {
		t.Errorf("its name not synced: %v, want it there or missing", got)
	}
	got := outcomes(t, func(d *crashfs.FS) { write(t, d, "/f", first, false, true) })
	if got[""] == 0 || got[first] == 0 || len(got) < 10 || got["missing"] > 0 {
		t.Errorf("its content not synced: %v, want nothing, all, and many parts of it", got)
	}
	got = outcomes(t, func(d *crashfs.FS) {
		write(t, d, "/f", first, true, true)
		write(t, d, "/f", second, false, true)
	})
	if got[first] == 0 || got[second] == 0 || len(got) < 5 {
		t.Errorf("written over and not synced: %v, want the old, the new, and mixtures", got)
	}
}

func TestRenamesComeInAnyOrder(t *testing.T) {
	t.Parallel()
	got := outcomes(t, func(d *crashfs.FS) {
		write(t, d, "/f", first, true, true)
		write(t, d, "/g", second, true, true)
		for _, names := range [][2]string{{"/f", "/h"}, {"/g", "/f"}} {
			if err := d.Rename(names[0], names[1]); err != nil {
				t.Fatal(err)
			}
		}
	})
	if got[first] < 30 || got[second] < 30 || got["missing"] < 30 || len(got) != 3 {
		t.Errorf("%v, want the old, the new or nothing under the name", got)
	}
}

func TestSyncAfterASyncThatFailedStoresNothing(t *testing.T) {
	t.Parallel()
	got := outcomes(t, func(d *crashfs.FS) {
		write(t, d, "/f", first, true, true)
		f, err := d.Open("/f", os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt([]byte(second), 0)
		d.Fail(func(op crashfs.Op, _ string) error {
			if op == crashfs.Sync {
				return syscall.EIO
			}
			return nil
		})
		if failed := f.Sync(); err != nil || !errors.Is(failed, syscall.EIO) {
			t.Fatalf("WriteAt = %v, Sync = %v, want EIO of the second", err, failed)
		}
		d.Fail(nil)
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	})
	if got[first] == 0 || got[second] == 0 || got[second] == 300 {
		t.Errorf("%v, want the new content in some cases only", got)
	}
}

func TestNothingHappensWhileTheMachineIsOff(t *testing.T) {
	t.Parallel()
	disk := crashfs.New(1)
	write(t, disk, "/f", first, true, true)
	f, err := disk.Open("/f", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Lock(); err != nil {
		t.Fatal(err)
	}
	disk.CrashAfter(0)
	_, write := f.WriteAt([]byte(second), 0)
	_, create := disk.Open("/g", os.O_CREATE, 0o600)
	for _, err := range []error{write, create, f.Sync(), f.Truncate(0), disk.Remove("/f"), disk.Rename("/f", "/g")} {
		if !errors.Is(err, crashfs.ErrCrashed) {
			t.Errorf("error = %v, want that the machine is off", err)
		}
	}
	disk.Restart()
	if _, err := f.WriteAt([]byte(second), 0); !errors.Is(err, crashfs.ErrCrashed) {
		t.Errorf("write to a file of before the crash = %v", err)
	}
	again, err := disk.Open("/f", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Lock(); err != nil {
		t.Errorf("lock after the crash = %v, want it free", err)
	}
	if data, err := atomicfile.Read(disk, "/f"); err != nil || string(data) != first {
		t.Errorf("content %q, %v, want %q", data, err, first)
	}
}

func TestFolderIsMadeWhereNobodyMayLook(t *testing.T) {
	t.Parallel()
	disk := crashfs.New(1)
	disk.Fail(func(op crashfs.Op, path string) error {
		if op == crashfs.Open && path == "/" {
			return syscall.EACCES
		}
		return nil
	})
	if err := atomicfile.MkdirAll(disk, "/state", 0o700); err != nil {
		t.Errorf("MkdirAll = %v, want the folder made", err)
	}
}
