package file_test

import (
	"os"
	"path/filepath"
	"testing"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/internal/proof"
)

// TestWhatThisUserMayNotRead: it pauses reading, and mending the permission mends it all.
func TestWhatThisUserMayNotRead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		closed string // what nobody may read
		open   os.FileMode
	}{
		"a file":   {"folder/b", 0o644},
		"a folder": {"folder", 0o755},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			must(t, os.Chmod(filepath.Dir(root), 0o755)) //nolint:gosec // another user has to get there
			must(t, os.Chmod(root, 0o755))               //nolint:gosec // the same
			must(t, os.Mkdir(filepath.Join(root, "folder"), 0o755))
			for i, file := range []string{"a", "b"} {
				write(t, filepath.Join(root, "folder", file), lines(i, i+1))
				must(t, os.Chmod(filepath.Join(root, "folder", file), 0o644)) //nolint:gosec // the same
			}
			must(t, os.Chmod(filepath.Join(root, tc.closed), 0))
			t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, tc.closed), tc.open) }) // or it cannot be removed
			s := open(t, config(filepath.Join(root, "folder")))
			cursor, n := ingest.Cursor(""), 0
			read := func() (err error) {
				for range 3 {
					var b ingest.Batch
					unprivileged(t, func() { b, err = s.Read(t.Context(), cursor) })
					if err != nil {
						return err
					}
					n, cursor = n+len(b.Items), b.Next
				}
				return nil
			}
			wantFault(t, read(), fault.Blocked, "file_unreadable", "make it readable", filepath.Join(root, tc.closed))
			must(t, os.Chmod(filepath.Join(root, tc.closed), tc.open))
			if err := read(); err != nil || n != 2 {
				t.Errorf("then %d lines came, %v; want both", n, err)
			}
			proof.Row{Area: "source", Fault: name + " that must not be read", Action: proof.Pause, Reason: "file_unreadable", Promises: "P1 P12"}.Report(t)
		})
	}
}
