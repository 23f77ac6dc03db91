package ingest_test

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"sluice/ingest"
	"sluice/internal/fault"
)

// deadLines reads the dead letters in dir back; the items byte for byte.
func deadLines(t *testing.T, dir string) (items, reasons []string) {
	t.Helper()
	if err := ingest.ReadDeadLetters(dir, func(l ingest.Letter) error {
		raw, err := l.Raw()
		if l.Time.IsZero() || l.Message == "" {
			t.Errorf("%+v lacks a time or a message", l)
		}
		items, reasons = append(items, string(raw)), append(reasons, l.Reason)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return items, reasons
}

var refused = &fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test", Err: errors.New("no")}

func TestDeadLetterKeepsEveryByte(t *testing.T) {
	dir := t.TempDir()
	d := ingest.OpenDeadLetter(dir)
	want := []string{`{"a":1}`, "", "not\xffutf8", "a\x00b\n\u2028<>&", strings.Repeat("x", 200_000)}
	var wg sync.WaitGroup
	for _, item := range want {
		if err := d.Put(t.Context(), ingest.Refused{Item: []byte(item), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
			t.Fatal(err)
		}
	}
	for range 8 {
		wg.Go(func() {
			if err := d.Put(t.Context(), ingest.Refused{Item: []byte("together"), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f, err := os.Stat(ingest.DeadLetterPath(dir))
	if err != nil || f.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600", f.Mode().Perm(), err)
	}
	items, reasons := deadLines(t, dir)
	if len(items) != len(want)+8 {
		t.Fatalf("%d items, want %d", len(items), len(want)+8)
	}
	for i, w := range want {
		if items[i] != w || reasons[i] != "invalid_body" {
			t.Errorf("item %d = %.50q (%s), want %.50q", i, items[i], reasons[i], w)
		}
	}
}

func TestDeadLetterAfterACrashLeavesTheTornLineBehind(t *testing.T) {
	dir := t.TempDir()
	d := ingest.OpenDeadLetter(dir)
	for _, item := range []string{"one", "two"} {
		if err := d.Put(t.Context(), ingest.Refused{Item: []byte(item), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(ingest.DeadLetterPath(dir), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"time":"2026-01-01T0` + strings.Repeat("y", 100_000)); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	d = ingest.OpenDeadLetter(dir)
	if err := d.Put(t.Context(), ingest.Refused{Item: []byte("three"), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
		t.Fatal(err)
	}
	if items, _ := deadLines(t, dir); strings.Join(items, " ") != "one two three" {
		t.Errorf("items = %q, want one two three", items)
	}
}

func TestDeadLetterThatCannotBeWrittenSaysSoAndRecovers(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(ingest.DeadLetterPath(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	d := ingest.OpenDeadLetter(dir)
	err := d.Put(t.Context(), ingest.Refused{Item: []byte("x"), Stage: ingest.StageDeliver, Reason: refused})
	if got := fault.From(err); got == nil || got.Reason != "deadletter_unwritable" {
		t.Fatalf("Put = %v, want deadletter_unwritable", err)
	}
	if err := os.Remove(ingest.DeadLetterPath(dir)); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(t.Context(), ingest.Refused{Item: []byte("x"), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
		t.Errorf("Put after the obstacle is gone = %v", err)
	}
}

// TestDeadLettersSurviveAPersonAtTheFile: people move the file away to look at it, remove it, or empty it.
func TestDeadLettersSurviveAPersonAtTheFile(t *testing.T) {
	for name, touch := range map[string]func(path string) error{
		"moved":   func(path string) error { return os.Rename(path, path+".old") },
		"removed": os.Remove,
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"edited":  func(path string) error { return os.WriteFile(path, []byte(`{"half`), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := ingest.OpenDeadLetter(dir)
			for _, item := range []string{"first", "second"} {
				if err := d.Put(t.Context(), ingest.Refused{Item: []byte(item), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
					t.Fatal(err)
				}
				if item == "first" {
					if err := touch(ingest.DeadLetterPath(dir)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if items, _ := deadLines(t, dir); len(items) != 1 || items[0] != "second" {
				t.Errorf("the files hold %q, want the second item alone", items)
			}
		})
	}
}
