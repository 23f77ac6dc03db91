package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/bench/load"
	"sluice/bench/workload"
)

func TestLinesAreRecordsByteForByte(t *testing.T) {
	t.Parallel()
	lines, err := split("x", []byte("{\"a\":1}\r\n\n\r\n \tb \xff\nlast"))
	var got []string
	for _, line := range lines {
		got = append(got, string(line))
	}
	if want := []string{"{\"a\":1}\r", " \tb \xff", "last"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

// Every sender reads the records again; others than those of the run would be reported under its hash.
func TestASenderRefusesOtherRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records")
	if err := os.WriteFile(path, []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SLUICE_TRANSPORT", "memory")
	w, err := workload.Builtin("quick")
	if err != nil {
		t.Fatal(err)
	}
	_, sum, err := openPool(w, path)
	if err != nil {
		t.Fatal(err)
	}
	job := load.Job{Run: "run", Workload: w.Doc(), Samples: path, SHA256: sum}
	if _, _, err := openSender(t.Context(), job); err != nil {
		t.Errorf("the same file: %v", err)
	}
	if err := os.WriteFile(path, []byte("b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openSender(t.Context(), job); err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), "has changed since") {
		t.Errorf("another file: %v, want that it has changed", err)
	}
}
