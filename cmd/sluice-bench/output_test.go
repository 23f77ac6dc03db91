package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"sluice/bench/result/resulttest"
)

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestWriteLeavesOldFilesWhole: the second document fails, so the first must not replace its predecessor.
func TestWriteLeavesOldFilesWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	for _, path := range []string{first, second} {
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	full := errors.New("the disk is full")
	writes := func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err }
	fails := func(w io.Writer) error { return errors.Join(writes(w), full) }
	if err := write(dir, document{first, writes}, document{second, fails}); !errors.Is(err, full) {
		t.Errorf("got %v, want that the disk is full", err)
	}
	if a, b := content(t, first), content(t, second); a != "old" || b != "old" {
		t.Errorf("the files hold %q and %q, want the old ones", a, b)
	}
	if err := write(dir, document{first, writes}, document{second, writes}); err != nil {
		t.Fatal(err)
	}
	if a, b := content(t, first), content(t, second); a != "new" || b != "new" {
		t.Errorf("the files hold %q and %q, want the new ones", a, b)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%d files, %v; want no temporary one", len(entries), err)
	}
}

// TestResultsAreThereEvenIfAReportIsNot: what was measured in minutes is not lost for the sake of a picture.
func TestResultsAreThereEvenIfAReportIsNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "report.html", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := writeResults(dir, resulttest.Fixture()); err == nil {
		t.Error("a report that could not be written is no error")
	}
	if _, err := readResults(filepath.Join(dir, "results.json")); err != nil {
		t.Error(err)
	}
}

func TestWritableLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "a"), filepath.Join(dir, "a", "b")} {
		if err := writable(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%d files, %v; want none", len(entries), err)
	}
}
