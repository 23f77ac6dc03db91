package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/ingest/file"
	"sluice/internal/fault"
	"sluice/internal/proof"
)

// age makes files look as if they had last changed an hour ago.
func age(t testing.TB, paths ...string) {
	t.Helper()
	for _, path := range paths {
		at := time.Now().Add(-time.Hour)
		must(t, os.Chtimes(path, at, at))
	}
}

// wantFault fails unless err has the class and the reason, and its text holds what it should.
func wantFault(t testing.TB, err error, class fault.Class, reason string, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v with %s", class, reason)
	}
	if f := fault.From(err); f.Class != class || f.Code() != reason {
		t.Fatalf("%v is %v with %s, want %v with %s", err, f.Class, f.Code(), class, reason)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%v does not say %q", err, s)
		}
	}
}

// TestBrokenFiles: what was read before the break comes first, then the break is one clear reason with the place, nothing
// is skipped, and mending the file mends it all.
func TestBrokenFiles(t *testing.T) {
	t.Parallel()
	whole := gz(t, lines(0, 2000))
	for name, tc := range map[string]struct {
		file, text string
		format     string
		reason     string
		says       string
		first      bool // something can be read before it
	}{
		"a truncated gzip":            {"b.gz", whole[:len(whole)*2/3], "ndjson", "file_truncated", "behind line 1", true},
		"a gzip with a wrong sum":     {"b.gz", whole[:len(whole)-8] + "12345678", "ndjson", "file_damaged", "behind line 2000", true},
		"garbage behind a gzip":       {"b.gz", whole + "garbage behind it", "ndjson", "file_damaged", "behind line 2000", true},
		"a truncated zstd":            {"b.zst", zst(t, lines(0, 20))[:60], "ndjson", "file_truncated", "behind line 0", false},
		"a name that promises a gzip": {"b.gz", "not compressed\n", "ndjson", "file_damaged", "b.gz", false},
		"a csv that ends in quotes":   {"b.csv", "id\n1\n\"2\n", "csv", "file_truncated", "behind line 2", true},
		"a csv with a column twice":   {"b.csv", "id,id\n1,1\n", "csv", "file_damaged", "line 1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			c := config(folder)
			c.Format, c.Batch, c.DoneAfter = tc.format, 700, time.Minute
			good := filepath.Join(folder, "a")
			write(t, good, map[string]string{"ndjson": lines(5000, 5001), "csv": "id\n5000\n"}[tc.format])
			bad := filepath.Join(folder, tc.file)
			write(t, bad, tc.text)
			age(t, good, bad)
			s := open(t, c)
			n, cursor := 0, ingest.Cursor("")
			var err error
			for range 10 {
				var b ingest.Batch
				if b, err = s.Read(t.Context(), cursor); err != nil {
					break
				}
				if b.CaughtUp {
					t.Fatal("the source is caught up with a broken file")
				}
				n, cursor = n+len(b.Items), b.Next
			}
			wantFault(t, err, fault.Blocked, tc.reason, tc.says, tc.file)
			if before := n > 1; before != tc.first || n == 0 {
				t.Errorf("%d items came before the error, want that of the other file, and some of this one: %v", n, tc.first)
			}
			_, again := open(t, c).Read(t.Context(), cursor)
			wantFault(t, again, fault.Blocked, tc.reason)
			must(t, os.Remove(bad))
			if b, err := s.Read(t.Context(), cursor); err != nil && fault.From(err).Code() != "file_gone" {
				t.Errorf("Read after the file was taken away = %d items, %v", len(b.Items), err)
			}
			proof.Row{Area: "source", Fault: "a broken file: " + name, Action: proof.Pause, Reason: tc.reason, Promises: "P1 P12"}.Report(t)
		})
	}
}

// TestCompressedFileThatIsBeingWritten: it is awaited, and the others go on.
func TestCompressedFileThatIsBeingWritten(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := open(t, config(folder))
	text := gz(t, lines(0, 2000))
	write(t, filepath.Join(folder, "a.gz"), text[:len(text)/2])
	cursor, n := ingest.Cursor(""), 0
	var err error
	for range 1000 {
		var b ingest.Batch
		if b, err = s.Read(t.Context(), cursor); err != nil {
			break
		}
		cursor, n = b.Next, n+len(b.Items)
	}
	wantFault(t, err, fault.Transient, "file_truncated", "a.gz")
	write(t, filepath.Join(folder, "b"), lines(2000, 2003))
	b, err := s.Read(t.Context(), cursor)
	if err != nil || len(b.Items) != 3 {
		t.Fatalf("Read = %d items, %v; want the 3 of the other file", len(b.Items), err)
	}
	write(t, filepath.Join(folder, "a.gz"), text[len(text)/2:])
	rest, _ := drain(t, s, b.Next)
	if n += len(rest); n != 2000 {
		t.Errorf("%d lines came out of the file, want each of 2000 once", n)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		make   func(t testing.TB, folder string, c *file.Config)
		reason string
		says   string
	}{
		"a folder that is not there": {func(_ testing.TB, folder string, c *file.Config) {
			c.Paths = filepath.Join(folder, "missing", "*")
		}, "file_unreadable", "missing"},
		"a folder that is a file": {func(t testing.TB, folder string, c *file.Config) {
			write(t, filepath.Join(folder, "a"), lines(0, 1))
			c.Paths = filepath.Join(folder, "a", "*")
		}, "file_unreadable", "not a folder"},
		"a pipe": {func(t testing.TB, folder string, _ *file.Config) {
			must(t, syscall.Mkfifo(filepath.Join(folder, "p"), 0o600))
		}, "file_unreadable", "cannot be read twice"},
		"more files than allowed": {func(t testing.TB, folder string, c *file.Config) {
			c.MaxFiles = 2
			for i := range 3 {
				write(t, filepath.Join(folder, fmt.Sprint(i)), lines(i, i+1))
			}
		}, "too_many_files", "3 files"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			c := config(folder)
			tc.make(t, folder, &c)
			_, err := open(t, c).Read(t.Context(), "")
			wantFault(t, err, fault.Blocked, tc.reason, tc.says)
		})
	}
}

// TestLossIsToldOnce: what nobody can read any more is an error once, and then the others go on.
func TestLossIsToldOnce(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(t testing.TB, path string){
		"deleted":   func(t testing.TB, path string) { must(t, os.Remove(path)) },
		"truncated": func(t testing.TB, path string) { must(t, os.Truncate(path, 0)); write(t, path, lines(100, 103)) },
		"truncated, and grown beyond the place": func(t testing.TB, path string) {
			must(t, os.Truncate(path, 0))
			write(t, path, lines(100, 140))
		},
		"replaced, with an equal part before the place": func(t testing.TB, path string) {
			text, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, append([]byte(strings.ReplaceAll(string(text[:500]), "a line", "a lime")), text[500:]...), 0o600))
		},
		"truncated behind an equal beginning": func(t testing.TB, path string) {
			text, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, append(text[:1100], strings.ReplaceAll(string(text[1100:]), "a line", "a lime")...), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			c := config(folder)
			c.Batch = 60
			write(t, filepath.Join(folder, "a"), lines(0, 100))
			write(t, filepath.Join(folder, "b"), lines(200, 203))
			b, err := open(t, c).Read(t.Context(), "")
			must(t, err)
			lose(t, filepath.Join(folder, "a"))
			s := open(t, c) // after a restart there is no handle
			_, err = s.Read(t.Context(), b.Next)
			wantFault(t, err, fault.Transient, "file_gone", "a ", "lost")
			got, _ := drain(t, s, b.Next)
			if lost := missing(got, 200, 203); len(lost) > 0 {
				t.Errorf("lines %v of the other file are missing", lost)
			}
			if strings.HasSuffix(name, "truncated") || strings.HasSuffix(name, "beyond the place") {
				if lost := missing(got, 100, 103); len(lost) > 0 {
					t.Errorf("lines %v that were written behind the truncation are missing", lost)
				}
			}
			proof.Row{Area: "source", Fault: "a file with unread lines, after a restart: " + name, Action: proof.Retry, Reason: "file_gone", Promises: "P12"}.Report(t)
		})
	}
}

func TestLastLineWithoutAnEndWaitsUntilTheFileIsQuiet(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := config(folder)
	c.DoneAfter = time.Minute
	s, path := open(t, c), filepath.Join(folder, "a")
	write(t, path, strings.TrimSuffix(lines(0, 2), "\n"))
	got, cursor := drain(t, s, "")
	if len(got) != 1 {
		t.Fatalf("%d lines of a file that is being written, want 1: %q", len(got), got)
	}
	age(t, path)
	got, cursor = drain(t, s, cursor)
	if len(got) != 1 || got[0] != string(line(1)) {
		t.Fatalf("of a file that is quiet came %q, want its last line", got)
	}
	write(t, path, "\n"+lines(2, 3))
	if got, _ = drain(t, s, cursor); len(got) != 1 || got[0] != string(line(2)) {
		t.Errorf("then came %q, want the line that was added", got)
	}
	proof.Row{Area: "source", Fault: "the last line of a file is not finished", Action: proof.None, Reason: "", Promises: "P1 P2"}.Report(t)
}

func TestStartAtTheEnd(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := config(folder)
	c.Start = "end"
	write(t, filepath.Join(folder, "a"), lines(0, 2)+`{"half":`)
	write(t, filepath.Join(folder, "b.gz"), gz(t, lines(10, 12)))
	got, cursor := drain(t, open(t, c), "")
	if len(got) != 0 || cursor == "" {
		t.Fatalf("first came %q with the cursor %q, want nothing, and a cursor", got, cursor)
	}
	write(t, filepath.Join(folder, "a"), "1}\n"+lines(2, 3))
	write(t, filepath.Join(folder, "b.gz"), gz(t, lines(12, 13)))
	write(t, filepath.Join(folder, "c"), lines(20, 21))
	s := open(t, c)
	b, err := s.Read(t.Context(), cursor)
	must(t, err)
	var all []string
	for i, item := range b.Items {
		all = append(all, string(item)+" "+b.Position(i))
	}
	want := []string{`{"half":1} a, behind byte 50`, string(line(2)) + " a, behind byte 61", string(line(12)) + " b.gz, behind byte 52", string(line(20)) + " c, line 1"}
	if strings.Join(all, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(all, "\n"), strings.Join(want, "\n"))
	}
}

func TestBadRowsAndPositions(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := config(folder)
	c.Format, c.MaxRecordBytes = "csv", 20
	write(t, filepath.Join(folder, "orders.csv"), "id,text\n1,\"a\nb\"\n2\n3,"+strings.Repeat("x", 30)+"\n4,d\n")
	b, err := open(t, c).Read(t.Context(), "")
	must(t, err)
	for i, want := range []struct{ item, position, bad string }{
		{`{"id":"1","text":"a\nb"}`, "orders.csv, line 2", ""},
		{"2", "orders.csv, line 4", "1 fields, want 2"},
		{"3," + strings.Repeat("x", 18), "orders.csv, line 5", "more than 20 bytes"},
		{`{"id":"4","text":"d"}`, "orders.csv, line 6", ""},
	} {
		if i >= len(b.Items) {
			t.Fatalf("%d items, want 4", len(b.Items))
		}
		if got := string(b.Items[i]); got != want.item || b.Position(i) != want.position {
			t.Errorf("item %d is %s from %s, want %s from %s", i, got, b.Position(i), want.item, want.position)
		}
		if bad := b.Bad[i]; (bad == nil) != (want.bad == "") || bad != nil && !strings.Contains(bad.Error(), want.bad) {
			t.Errorf("item %d is bad for %v, want %q", i, bad, want.bad)
		}
	}
}

// TestOneThatGrowsDoesNotKeepTheOthersWaiting: a file has its turn up to the place that was its end when that began.
func TestOneThatGrowsDoesNotKeepTheOthersWaiting(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s, n := open(t, config(folder)), 12
	write(t, filepath.Join(folder, "a"), lines(0, n))
	write(t, filepath.Join(folder, "b"), lines(1000, 1001))
	cursor := ingest.Cursor("")
	for range 10 {
		b, err := s.Read(t.Context(), cursor)
		must(t, err)
		for _, item := range b.Items {
			if string(item) == string(line(1000)) {
				return
			}
		}
		cursor = b.Next
		write(t, filepath.Join(folder, "a"), lines(n, n+10))
		n += 10
	}
	t.Errorf("after 10 reads the second file has not had its turn, while the first grew to %d lines", n)
}
