package ingest_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sluice/ingest"
	"sluice/internal/atomicfile"
	"sluice/internal/fault"
)

// inPlace puts something that is no file at a path, by what an error calls it.
var inPlace = map[string]func(t *testing.T, path string){
	"a named pipe": func(t *testing.T, path string) {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		other, err := os.OpenFile(path, os.O_RDWR, 0) // so that whoever opens it is seen, and does not hang
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = other.Close() })
	},
	"a socket": func(t *testing.T, path string) {
		// The path of a socket must be short, that of a test's folder may not be.
		t.Chdir(filepath.Dir(path))
		ln, err := net.Listen("unix", filepath.Base(path))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ln.Close() })
	},
	"a folder": func(t *testing.T, path string) {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	},
	"a device": func(t *testing.T, path string) { // as far as one can tell without opening it
		if err := os.Symlink(os.DevNull, path); err != nil {
			t.Fatal(err)
		}
	},
}

func TestWhatIsNoCheckpointFileIsNotOpened(t *testing.T) {
	for what, put := range inPlace {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			path := ingest.CheckpointPath(dir)
			put(t, path)
			put(t, ingest.PreviousPath(path))
			_, err := ingest.ReadCheckpoint(path)
			if !errors.Is(err, ingest.ErrCheckpointDamaged) || fault.From(err).Code() != "checkpoint_damaged" {
				t.Fatalf("%v, want ErrCheckpointDamaged", err)
			}
			for _, want := range []string{path + ": " + what, ingest.PreviousPath(path) + ": " + what, "sluice checkpoint reset"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestThePreviousCheckpointStandsInForWhatIsNoFile(t *testing.T) {
	for what, put := range inPlace {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			path := ingest.CheckpointPath(dir)
			put(t, path)
			if err := os.WriteFile(ingest.PreviousPath(path), older, 0o600); err != nil {
				t.Fatal(err)
			}
			ck, err := ingest.OpenCheckpoint(t.Context(), ingest.CheckpointOptions{Dir: dir, Fingerprint: "fp"})
			if err != nil {
				t.Fatal(err)
			}
			defer ck.Close()
			if cursor, err := ck.Load(t.Context()); err != nil || cursor != "old" {
				t.Fatalf("Load = %q, %v, want old", cursor, err)
			}
			if err := ck.Save(t.Context(), "next"); err != nil {
				t.Fatal(err)
			}
			if saved, err := ingest.ReadCheckpoint(path); err != nil || saved.Cursor != "next" || saved.Fallback != nil {
				t.Errorf("the checkpoint is %+v, %v, want the cursor that was saved last", saved, err)
			}
		})
	}
}

func TestBothDamagedGenerationsAreNamed(t *testing.T) {
	t.Parallel()
	path := ingest.CheckpointPath(stateDir)
	for name, c := range map[string]struct {
		current, previous []byte
		want, unwanted    string
	}{
		"both":                        {newer[1:], []byte{}, path + ": the checksum does not match; " + ingest.PreviousPath(path) + ": it is empty)", "restore the file,"},
		"the previous one is missing": {current: newer[1:], want: path + ": the checksum does not match); restore the file,", unwanted: "previous"},
		"only the previous one is there": {previous: older[1:], want: ingest.PreviousPath(path) + ": the checksum does not match); restore the file,",
			unwanted: path + ":"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ingest.ReadCheckpointOn(put(t, c.current, c.previous), path)
			if !errors.Is(err, ingest.ErrCheckpointDamaged) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), c.unwanted) {
				t.Errorf("%v\nwant %q in it and not %q", err, c.want, c.unwanted)
			}
		})
	}
}

func TestWhatIsNoDeadLetterFileIsNotOpened(t *testing.T) {
	for what, put := range inPlace {
		if what == "a folder" {
			continue // which is opened, and cannot be read
		}
		t.Run(what, func(t *testing.T) {
			for name, path := range map[string]func(dir string) string{
				"newest":   ingest.DeadLetterPath,
				"the lock": func(dir string) string { return filepath.Join(dir, "deadletter.lock") },
			} {
				dir := t.TempDir()
				put(t, path(dir))
				err := ingest.OpenDeadLetter(dir).Put(t.Context(), ingest.Refused{Item: []byte("item"), Reason: refused})
				if fault.From(err).Code() != "deadletter_unwritable" || !strings.Contains(err.Error(), path(dir)+" is "+what) {
					t.Errorf("%s: Put = %v, want deadletter_unwritable because it is %s", name, err, what)
				}
			}
			dir := t.TempDir()
			put(t, ingest.DeadLetterPath(dir))
			err := ingest.ReadDeadLetters(dir, func(ingest.Letter) error { return nil })
			if special, is := errors.AsType[*atomicfile.SpecialFile](err); !is || special.Kind() != what {
				t.Errorf("ReadDeadLetters = %v, want that it is %s", err, what)
			}
		})
	}
}
