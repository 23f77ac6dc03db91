package ingest_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"sluice/ingest"
	"sluice/internal/atomicfile"
	"sluice/internal/atomicfile/crashfs"
	"sluice/internal/fault"
)

// itemsOn reads the dead letters on disk, the oldest first.
func itemsOn(t testing.TB, disk *crashfs.FS) []string {
	t.Helper()
	var items []string
	if err := ingest.OpenDeadLetterOn(disk, stateDir).Read(func(l ingest.Letter) error {
		raw, err := l.Raw()
		items = append(items, string(raw))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return items
}

func TestFullFilesGetANumberAndAreReadInOrder(t *testing.T) {
	t.Parallel()
	disk := put(t, nil, nil)
	d := ingest.OpenDeadLetterOn(disk, stateDir)
	d.RotateBytes = 1000
	var want []string
	for i := range 60 {
		item := fmt.Sprint("item ", i)
		if i == 30 {
			item = strings.Repeat("longer than a file may be ", 80)
		}
		want = append(want, item)
		if err := d.Put(t.Context(), ingest.Refused{Item: []byte(item), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
			t.Fatal(err)
		}
	}
	if got := itemsOn(t, disk); !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	there := files(t, disk)
	if len(there) < 8 || there["deadletter-000001.ndjson"] == "" || there["deadletter.ndjson"] == "" {
		t.Errorf("%d files, want about one for each eight items", len(there))
	}
	for name, content := range there {
		if len(content) > 1000 && strings.Count(content, "\n") > 1 {
			t.Errorf("%s has %d bytes, want at most 1000", name, len(content))
		}
	}
	// Removed from all of them; a file that has nothing left goes, and its number is not given again while others are there.
	n, err := d.Remove(func(l ingest.Letter) bool { return *l.Item != "item 59" && *l.Item != "item 20" })
	if err != nil || n != 58 {
		t.Errorf("removed %d, %v, want 58", n, err)
	}
	if got := itemsOn(t, disk); !slices.Equal(got, []string{"item 20", "item 59"}) {
		t.Errorf("left are %q, want items 20 and 59", got)
	}
	if left := files(t, disk); len(left) > 3 {
		t.Errorf("%d files are left, want those of two items", len(left))
	}
}

func TestFullFolderPausesAndDropsNothing(t *testing.T) {
	t.Parallel()
	disk := put(t, nil, nil)
	d := ingest.OpenDeadLetterOn(disk, stateDir)
	d.RotateBytes, d.MaxBytes = 500, 2000
	var kept []string
	var err error
	for i := 0; err == nil; i++ {
		item := fmt.Sprint("item ", i)
		if err = d.Put(t.Context(), ingest.Refused{Item: []byte(item), Stage: ingest.StageDeliver, Reason: refused}); err == nil {
			kept = append(kept, item)
		}
	}
	if verdict := fault.From(err); verdict.Reason != "deadletter_full" || verdict.Class != fault.Blocked || !strings.Contains(err.Error(), "SLUICE_DEADLETTER_MAX_BYTES") {
		t.Errorf("Put into a full folder = %v, want Blocked, deadletter_full, and the name of the setting", err)
	}
	if got := itemsOn(t, disk); !slices.Equal(got, kept) || len(kept) < 10 {
		t.Errorf("there are %q, want all that were put: %q", got, kept)
	}
	total := 0
	for _, content := range files(t, disk) {
		total += len(content)
	}
	if total > 2000 {
		t.Errorf("%d bytes, want at most 2000", total)
	}
	if _, err := d.Remove(func(l ingest.Letter) bool { return *l.Item == kept[0] }); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(t.Context(), ingest.Refused{Item: []byte("item x"), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
		t.Errorf("Put with room again = %v", err)
	}
}

// A reader that lists the files while a daemon gives one a number must not miss it.
func TestNoFileIsMissedWhileItGetsANumber(t *testing.T) {
	t.Parallel()
	for steps := range 12 {
		disk := put(t, nil, nil)
		d := ingest.OpenDeadLetterOn(disk, stateDir)
		d.RotateBytes = 1
		if err := d.Put(t.Context(), ingest.Refused{Item: []byte("first"), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
			t.Fatal(err)
		}
		left := steps
		between := interposed{FS: disk, before: func() {
			if left--; left == -1 {
				if err := d.Put(t.Context(), ingest.Refused{Item: []byte("second"), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
					t.Error(err)
				}
			}
		}}
		var got []string
		if err := ingest.OpenDeadLetterOn(between, stateDir).Read(func(l ingest.Letter) error { got = append(got, *l.Item); return nil }); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(got, "first") {
			t.Errorf("a Put before operation %d: read %q, and the first item is missing", steps, got)
		}
	}
}

// An interposed file system does something before each operation.
type interposed struct {
	atomicfile.FS
	before func()
}

func (i interposed) Names(dir string) ([]string, error) {
	i.before()
	return i.FS.Names(dir)
}

func (i interposed) Open(path string, flag int, mode os.FileMode) (atomicfile.File, error) {
	i.before()
	return i.FS.Open(path, flag, mode)
}

// FuzzDeadLetterLine reads files that hold anything.
func FuzzDeadLetterLine(f *testing.F) {
	good := `{"time":"2026-11-22T00:00:00Z","reason":"refused","message":"m","item":"a"}` + "\n"
	for _, content := range []string{good, good + "{}\n", good + good[:20], "\x00\x00\n", good + "\x00\x00\n" + good, `{"reason":"r","item_base64":"!"}` + "\n", "\n"} {
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		disk := put(t, nil, nil)
		path := ingest.DeadLetterPath(stateDir)
		if err := atomicfile.Write(disk, path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		d := ingest.OpenDeadLetterOn(disk, stateDir)
		read := 0
		count := func(ingest.Letter) error { read++; return nil }
		if err := d.Read(count); err != nil && (!strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), fmt.Sprintf("line %d ", read+1))) {
			t.Errorf("%q: error %v after %d lines, want the file and the next line in it", content, err, read)
		}
		if whole := bytes.Count(content, []byte("\n")); read > whole {
			t.Errorf("%q: %d letters from %d lines", content, read, whole)
		}
		// Whatever is there: what is put now is there, and what was is not touched.
		if err := d.Put(t.Context(), ingest.Refused{Item: []byte("fresh"), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
			t.Fatal(err)
		}
		all := ""
		there := files(t, disk)
		for _, name := range []string{"deadletter-000001.ndjson", "deadletter.ndjson"} {
			all += there[name]
		}
		if !strings.HasPrefix(all, string(content)) || strings.Count(all[len(content):], "\n") != 1 {
			t.Errorf("%q became %q after a Put", content, all)
		}
	})
}

// FuzzDLQRecord sets any item aside for any reason, and reads it back.
func FuzzDLQRecord(f *testing.F) {
	f.Add([]byte(`{"a":1}`), "invalid_body")
	f.Add([]byte("\xff\x00\n\u2028"), "\xff")
	f.Fuzz(func(t *testing.T, item []byte, reason string) {
		disk := put(t, nil, nil)
		err := ingest.OpenDeadLetterOn(disk, stateDir).Put(t.Context(), ingest.Refused{Item: item, Stage: ingest.StageDeliver, Reason: &fault.Error{Class: fault.Rejected, Reason: reason, Op: reason}})
		if err != nil {
			t.Fatal(err)
		}
		if got := itemsOn(t, disk); len(got) != 1 || got[0] != string(item) {
			t.Errorf("read %q, want %q", got, item)
		}
		if content := files(t, disk)["deadletter.ndjson"]; !utf8.ValidString(content) || strings.ContainsRune(content[:len(content)-1], '\n') || strings.ContainsRune(content, 0) {
			t.Errorf("the file is %q, want one line of UTF-8 without zeros", content)
		}
	})
}
