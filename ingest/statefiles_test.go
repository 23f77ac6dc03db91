//go:build unix

package ingest_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"sluice/ingest"
	"sluice/transport/memory"
)

// TestStateFilesAreNamedByUsAndOurs runs records whose keys and names are paths, with a umask that forbids nothing. It is not
// parallel: the umask is that of the process.
func TestStateFilesAreNamedByUsAndOurs(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	above := t.TempDir()
	dir := filepath.Join(above, "deeper", "state")
	src := &sliceSource{page: 2, ends: true}
	for _, name := range []string{"../../escaped", "/tmp/escaped", "..", ".", "a\x00escaped", "escaped/../../x", "lock", "checkpoint", strings.Repeat("escaped", 100)} {
		src.items = append(src.items, fmt.Appendf(nil, `{"id":%q,"key":%q}`, name, name), fmt.Appendf(nil, `{"key":%q}`, name))
	}
	checkpoint, err := ingest.OpenCheckpoint(t.Context(), ingest.CheckpointOptions{Dir: dir, Fingerprint: "../../escaped"})
	if err != nil {
		t.Fatal(err)
	}
	deadLetter := ingest.OpenDeadLetter(dir)
	p, _, _ := pipeline(src, &memory.Transport{})
	p.Checkpoint, p.DeadLetter, p.MaxDeadShare = checkpoint, deadLetter, 1
	p.Parse = ingest.Naming{Stream: "../escaped", ID: "id", Key: "key"}.Parser()
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = checkpoint.Close()

	ours := regexp.MustCompile(`^(lock|checkpoint|deadletter)[a-z0-9.-]*$`)
	seen := 0
	err = filepath.WalkDir(above, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == above || path == filepath.Dir(dir) {
			return err
		}
		info, err := os.Lstat(path)
		switch {
		case err != nil:
			return err
		case path == dir:
			if info.Mode().Perm() != 0o700 {
				t.Errorf("the state folder has the mode %o, want 700", info.Mode().Perm())
			}
		case filepath.Dir(path) != dir, !ours.MatchString(d.Name()):
			t.Errorf("there is a file %q, whose name is none of ours", path)
		case !info.Mode().IsRegular(), info.Mode().Perm() != 0o600:
			t.Errorf("%s has the mode %v, want a regular file of 600", d.Name(), info.Mode())
		default:
			seen++
		}
		return nil
	})
	if err != nil || seen < 3 {
		t.Errorf("%d files of ours, %v; want the lock, the checkpoint and the dead letters", seen, err)
	}
}
