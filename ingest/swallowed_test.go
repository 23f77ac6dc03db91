package ingest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sluice/ingest"
	"sluice/internal/atomicfile"
	"sluice/internal/atomicfile/crashfs"
)

// TestNoErrorOfTheDiskIsSwallowed lets one operation after the other fail, alone. Whoever asked for it has to say so: an
// error that is taken for success breaks a promise sooner or later, and no later error tells of it.
func TestNoErrorOfTheDiskIsSwallowed(t *testing.T) {
	t.Parallel()
	checkpoint := ingest.CheckpointPath(stateDir)
	options := ingest.CheckpointOptions{Dir: stateDir, Fingerprint: "fp"}
	opened := func(t *testing.T, disk *crashfs.FS) *ingest.FileCheckpoint {
		ck, err := ingest.OpenCheckpointOn(t.Context(), disk, options)
		if err != nil {
			t.Fatal(err)
		}
		return ck
	}
	letters := func(disk *crashfs.FS) *ingest.FileDeadLetter {
		d := ingest.OpenDeadLetterOn(disk, stateDir)
		d.RotateBytes, d.MaxBytes = 150, 1<<20
		return d
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, disk *crashfs.FS) (act func() error)
		quiet   int // from this operation on they may fail without a word; 0: none
	}{
		"make a folder": {prepare: func(_ *testing.T, disk *crashfs.FS) func() error {
			return func() error { return atomicfile.MkdirAll(disk, stateDir+"/inside", 0o700) }
		}},
		"write": {prepare: func(_ *testing.T, disk *crashfs.FS) func() error {
			return func() error { return atomicfile.Write(disk, "/var/file", []byte("data"), 0o600) }
		}},
		"read": {prepare: func(_ *testing.T, disk *crashfs.FS) func() error {
			return func() error { _, err := atomicfile.Read(disk, checkpoint); return err }
		}},
		"sweep": {prepare: func(t *testing.T, disk *crashfs.FS) func() error {
			if _, err := atomicfile.Prepare(disk, checkpoint, []byte("cut off"), 0o600); err != nil {
				t.Fatal(err)
			}
			return func() error { return atomicfile.Sweep(disk, checkpoint) }
		}},
		"open the checkpoint": {prepare: func(t *testing.T, disk *crashfs.FS) func() error {
			return func() error { _, err := ingest.OpenCheckpointOn(t.Context(), disk, options); return err }
		}},
		"fall back": {prepare: func(t *testing.T, disk *crashfs.FS) func() error {
			if err := atomicfile.Write(disk, checkpoint, []byte("damage"), 0o600); err != nil {
				t.Fatal(err)
			}
			return func() error { _, err := ingest.ReadCheckpointOn(disk, checkpoint); return err }
		}},
		"load": {prepare: func(t *testing.T, disk *crashfs.FS) func() error {
			ck := opened(t, disk)
			return func() error {
				at, err := ck.Load(t.Context())
				if err == nil && at != "old" {
					t.Errorf("loaded %q, want the place that was saved", at)
				}
				return err
			}
		}, quiet: 4}, // when it has read the place: a disk that cannot be written is told of by the first Save
		"save": {prepare: func(t *testing.T, disk *crashfs.FS) func() error {
			ck := opened(t, disk)
			if _, err := ck.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			return func() error { return ck.Save(t.Context(), "11") }
		}},
		"set the first aside": {prepare: func(t *testing.T, disk *crashfs.FS) func() error {
			return func() error {
				return letters(disk).Put(t.Context(), ingest.Refused{Item: []byte("item"), Reason: refused})
			}
		}},
		"set one aside in another file": {prepare: func(t *testing.T, disk *crashfs.FS) func() error {
			d := letters(disk)
			setAside(t, d, 3)
			return func() error { return d.Put(t.Context(), ingest.Refused{Item: []byte("item"), Reason: refused}) }
		}},
		"set one aside in the same file": {prepare: func(t *testing.T, disk *crashfs.FS) func() error {
			d := letters(disk)
			d.RotateBytes = 1 << 20
			setAside(t, d, 2)
			return func() error { return d.Put(t.Context(), ingest.Refused{Item: []byte("item"), Reason: refused}) }
		}},
		"set one aside after a write that failed": {prepare: func(t *testing.T, disk *crashfs.FS) func() error {
			d := letters(disk)
			disk.Fail(failing(syscall.EIO, "deadletter.ndjson", crashfs.Sync))
			if err := d.Put(t.Context(), ingest.Refused{Item: []byte("item"), Reason: refused}); err == nil {
				t.Fatal("a dead letter was kept without fsync")
			}
			disk.Fail(nil)
			return func() error { return d.Put(t.Context(), ingest.Refused{Item: []byte("item"), Reason: refused}) }
		}},
		"list": {prepare: func(t *testing.T, disk *crashfs.FS) func() error {
			d := letters(disk)
			setAside(t, d, 3)
			return func() error { return d.Read(func(ingest.Letter) error { return nil }) }
		}},
		"drop": {prepare: func(t *testing.T, disk *crashfs.FS) func() error {
			d := letters(disk)
			setAside(t, d, 4)
			return func() error { _, err := d.Remove(func(ingest.Letter) bool { return true }); return err }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var quiet []string
			for nth := 1; ; nth++ {
				disk := put(t, older, older)
				act := c.prepare(t, disk)
				n, at := 0, ""
				disk.Fail(func(op crashfs.Op, path string) error {
					if n++; n != nth {
						return nil
					}
					at = fmt.Sprintf("%d: %s %s", nth, op, path)
					return syscall.EIO
				})
				err := act()
				if n < nth {
					if nth < 3 {
						t.Errorf("%d operations, too few to show anything", nth-1)
					}
					break
				}
				if !errors.Is(err, syscall.EIO) && (c.quiet == 0 || nth < c.quiet) {
					quiet = append(quiet, fmt.Sprintf("%s: %v", at, err))
				}
				disk.Fail(nil)
				for _, dir := range []string{"/var", stateDir} {
					names, _ := disk.Names(dir)
					if i := slices.IndexFunc(names, func(name string) bool { return strings.Contains(name, ".tmp-") }); i >= 0 && name != "sweep" {
						t.Errorf("%s: left %s in %s, want no rubbish", at, names[i], dir)
					}
				}
			}
			if len(quiet) > 0 {
				t.Errorf("%d operations failed without a word:\n%s", len(quiet), strings.Join(quiet, "\n"))
			}
		})
	}
}

// setAside puts n dead letters.
func setAside(t *testing.T, d *ingest.FileDeadLetter, n int) {
	t.Helper()
	for i := range n {
		if err := d.Put(t.Context(), ingest.Refused{Item: fmt.Appendf(nil, "item %d", i), Reason: refused}); err != nil {
			t.Fatal(err)
		}
	}
}
