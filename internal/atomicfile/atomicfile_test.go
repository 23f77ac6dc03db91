package atomicfile_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sluice/internal/atomicfile"
)

func TestWriteReplacesContentAndMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for _, want := range []string{"first", "second, longer", ""} {
		if err := atomicfile.Write(atomicfile.OS{}, path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("content = %q, %v, want %q", got, err, want)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode = %v, want 0600", got)
	}
}

func TestFailedWriteLeavesTheOldContentAndNoRubbish(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	if err := os.Mkdir(path, 0o700); err != nil { // a folder in the way: the rename fails
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "kept"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(atomicfile.OS{}, path, []byte("new"), 0o600); err == nil {
		t.Fatal("Write over a folder succeeded")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != "state" {
		t.Errorf("the folder holds %v, want only what was there before", entries)
	}
}

func TestWriteIntoAMissingFolderFails(t *testing.T) {
	if err := atomicfile.Write(atomicfile.OS{}, filepath.Join(t.TempDir(), "no", "state"), nil, 0o600); err == nil {
		t.Error("Write into a missing folder succeeded")
	}
}

func TestSweepRemovesWhatAWriteHasLeft(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	if _, err := atomicfile.Prepare(atomicfile.OS{}, path, []byte("half a write"), 0o600); err != nil {
		t.Fatal(err)
	}
	kept := []string{".state.tmp", ".states.tmp-1", "state", "state.tmp-1"}
	for _, name := range kept {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := atomicfile.Sweep(atomicfile.OS{}, path); err != nil {
		t.Fatal(err)
	}
	if names, err := (atomicfile.OS{}).Names(dir); err != nil || !slices.Equal(names, kept) {
		t.Errorf("left are %q, %v, want %q", names, err, kept)
	}
}

func TestMkdirAllMakesWhatIsMissing(t *testing.T) {
	top := t.TempDir()
	deep := filepath.Join(top, "a", "b")
	for range 2 {
		if err := atomicfile.MkdirAll(atomicfile.OS{}, deep, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(deep); err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v, want a folder of mode 0700", info, err)
	}
	if err := os.WriteFile(filepath.Join(top, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.MkdirAll(atomicfile.OS{}, filepath.Join(top, "file", "b"), 0o700); err == nil {
		t.Error("a folder was made inside a file")
	}
}
