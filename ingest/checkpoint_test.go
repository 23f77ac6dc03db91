package ingest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/ingest"
)

func openCheckpoint(t *testing.T, dir, fingerprint string) *ingest.FileCheckpoint {
	t.Helper()
	c, err := ingest.OpenCheckpoint(t.Context(), ingest.CheckpointOptions{Dir: dir, Fingerprint: fingerprint})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestCheckpointIsEmptyAtFirstAndThenWhatWasSavedLast(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	c := openCheckpoint(t, dir, "fp")
	if got, err := c.Load(t.Context()); err != nil || got != "" {
		t.Errorf("Load of nothing = %q, %v, want the beginning", got, err)
	}
	for _, want := range []ingest.Cursor{"one", "two", `{"odd":"\u0000\n"}`} {
		if err := c.Save(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Load(t.Context()); err != nil || got != want {
			t.Errorf("Load = %q, %v, want %q", got, err, want)
		}
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, ingest.CheckpointPath(dir): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v, want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

func TestCheckpointOfAnotherSourceIsRefused(t *testing.T) {
	dir := t.TempDir()
	c := openCheckpoint(t, dir, "one")
	if err := c.Save(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if got, err := openCheckpoint(t, dir, "two").Load(t.Context()); !errors.Is(err, ingest.ErrCheckpointForeign) {
		t.Errorf("Load = %q, %v, want refused as foreign", got, err)
	}
}

func TestSecondHolderOfACheckpointIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := openCheckpoint(t, dir, "fp")
	if _, err := ingest.OpenCheckpoint(t.Context(), ingest.CheckpointOptions{Dir: dir}); !errors.Is(err, ingest.ErrCheckpointLocked) {
		t.Errorf("second OpenCheckpoint = %v, want refused as locked", err)
	}
	_ = first.Close()
	_ = openCheckpoint(t, dir, "fp").Close()
}

func TestCheckpointThatCannotBeWrittenLeavesTheOldOne(t *testing.T) {
	dir := t.TempDir()
	c := openCheckpoint(t, dir, "fp")
	if err := c.Save(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	err := c.Save(t.Context(), "new")
	if err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("Save = %v, want an error that names the file", err)
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Load(t.Context()); err != nil || got != "old" {
		t.Errorf("Load = %q, %v, want the old cursor", got, err)
	}
}
