package ingest_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
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
	f, err := os.Open(ingest.DeadLetterPath(dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var line ingest.DeadLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%q is not a dead letter: %v", lines.Text(), err)
		}
		item := ""
		if line.Item != nil {
			item = *line.Item
		} else {
			raw, err := base64.StdEncoding.DecodeString(line.ItemBase64)
			if err != nil {
				t.Fatal(err)
			}
			item = string(raw)
		}
		if line.Time.IsZero() || line.Message == "" {
			t.Errorf("%q lacks a time or a message", lines.Text())
		}
		items, reasons = append(items, item), append(reasons, line.Reason)
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
		if err := d.Put(t.Context(), []byte(item), refused); err != nil {
			t.Fatal(err)
		}
	}
	for range 8 {
		wg.Go(func() {
			if err := d.Put(t.Context(), []byte("together"), refused); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Stat(ingest.DeadLetterPath(dir))
	if err != nil || f.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600", f.Mode().Perm(), err)
	}
	data, err := os.ReadFile(ingest.DeadLetterPath(dir))
	if err != nil || strings.Count(string(data), "\n") != len(want)+8 {
		t.Fatalf("%d lines, want %d", strings.Count(string(data), "\n"), len(want)+8)
	}
	// The long line is beyond bufio.Scanner's default; look at the rest.
	short := strings.ReplaceAll(string(data), strings.Repeat("x", 200_000), "long")
	if err := os.WriteFile(ingest.DeadLetterPath(dir), []byte(short), 0o600); err != nil {
		t.Fatal(err)
	}
	items, reasons := deadLines(t, dir)
	want[4] = "long"
	for i, w := range want {
		if items[i] != w || reasons[i] != "invalid_body" {
			t.Errorf("item %d = %q (%s), want %q", i, items[i], reasons[i], w)
		}
	}
}

func TestDeadLetterAfterACrashDropsTheTornLineOnly(t *testing.T) {
	dir := t.TempDir()
	d := ingest.OpenDeadLetter(dir)
	for _, item := range []string{"one", "two"} {
		if err := d.Put(t.Context(), []byte(item), refused); err != nil {
			t.Fatal(err)
		}
	}
	_ = d.Close()
	f, err := os.OpenFile(ingest.DeadLetterPath(dir), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"time":"2026-01-01T0` + strings.Repeat("y", 100_000)); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	d = ingest.OpenDeadLetter(dir)
	if err := d.Put(t.Context(), []byte("three"), refused); err != nil {
		t.Fatal(err)
	}
	_ = d.Close()
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
	err := d.Put(t.Context(), []byte("x"), refused)
	if got := fault.From(err); got == nil || got.Reason != "deadletter_unwritable" {
		t.Fatalf("Put = %v, want deadletter_unwritable", err)
	}
	if err := os.Remove(ingest.DeadLetterPath(dir)); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(t.Context(), []byte("x"), refused); err != nil {
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
			defer d.Close()
			for _, item := range []string{"first", "second"} {
				if err := d.Put(t.Context(), []byte(item), refused); err != nil {
					t.Fatal(err)
				}
				if item == "first" {
					if err := touch(ingest.DeadLetterPath(dir)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if items, _ := deadLines(t, dir); len(items) != 1 || items[0] != "second" {
				t.Errorf("the file holds %q, want the second item alone", items)
			}
		})
	}
}
