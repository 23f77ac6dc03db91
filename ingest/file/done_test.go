package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

// names lists a folder.
func names(t testing.TB, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return fmt.Sprint(out)
}

// settle reads everything, and commits every cursor as a pipeline does.
func settle(t testing.TB, s interface {
	ingest.Source
	ingest.Committer
}, c ingest.Cursor) (n int, last ingest.Cursor) {
	t.Helper()
	for range 100 {
		b, err := s.Read(t.Context(), c)
		must(t, err)
		n += len(b.Items)
		if b.Next == c {
			return n, c
		}
		c = b.Next
		must(t, s.Commit(t.Context(), c))
	}
	t.Fatal("no end")
	return 0, ""
}

func TestFinishedFilesAreMovedOrDeleted(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"leave", "move", "delete"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			folder, done := t.TempDir(), t.TempDir()
			c := config(folder)
			c.DoneAfter, c.WhenDone = time.Minute, when
			if when == "move" {
				c.DoneDir = done
			}
			at := func(name string) string { return filepath.Join(folder, name) }
			write(t, at("a"), lines(0, 12))
			write(t, at("b.gz"), gz(t, lines(12, 24)))
			write(t, at("c"), lines(24, 30)+"\n\n")
			write(t, at("growing"), lines(30, 33))
			write(t, filepath.Join(done, "a"), "of the last time")
			age(t, at("a"), at("b.gz"), at("c"))
			s := open(t, c)
			n, cursor := settle(t, s, "")
			if n != 33 {
				t.Errorf("%d lines came, want 33", n)
			}
			want := map[string][2]string{"leave": {"[a b.gz c growing]", "[a]"}, "move": {"[growing]", "[a a.1 b.gz c]"}, "delete": {"[growing]", "[a]"}}[when]
			if got := [2]string{names(t, folder), names(t, done)}; got != want {
				t.Errorf("there and where finished files go are %v, want %v", got, want)
			}
			if again, _ := settle(t, open(t, c), cursor); again != 0 {
				t.Errorf("%d lines came again after a restart", again)
			}
		})
	}
}

// TestAFileIsNotFinishedBeforeItsCursorIsSaved: reading alone moves nothing, and neither does a cursor from before its end.
func TestAFileIsNotFinishedBeforeItsCursorIsSaved(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := config(folder)
	c.DoneAfter, c.WhenDone = time.Minute, "delete"
	path := filepath.Join(folder, "a")
	write(t, path, lines(0, 12))
	age(t, path)
	s := open(t, c)
	var cursors []ingest.Cursor
	for cursor := ingest.Cursor(""); ; {
		b, err := s.Read(t.Context(), cursor)
		must(t, err)
		if b.Next == cursor {
			break
		}
		cursor = b.Next
		cursors = append(cursors, cursor)
	}
	for _, cursor := range cursors[:len(cursors)-1] {
		must(t, s.Commit(t.Context(), cursor))
	}
	if names(t, folder) != "[a]" {
		t.Fatal("the file was deleted before all of it was settled")
	}
	write(t, path, lines(12, 13)) // it grows after all
	age(t, path)
	must(t, s.Commit(t.Context(), cursors[len(cursors)-1]))
	if names(t, folder) != "[a]" {
		t.Fatal("the file was deleted with a line in it that nobody had read")
	}
	n, _ := settle(t, s, cursors[len(cursors)-1])
	if n != 1 || names(t, folder) != "[]" {
		t.Errorf("then %d lines came and there are %s, want the one that was added, and nothing", n, names(t, folder))
	}
}

// TestAnotherFileOfTheNameIsNotDeleted: what is finished is a file, not a name, and the other one may look the same.
func TestAnotherFileOfTheNameIsNotDeleted(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := config(folder)
	c.DoneAfter, c.WhenDone = time.Minute, "delete"
	path := filepath.Join(folder, "a")
	write(t, path, lines(0, 2))
	age(t, path)
	s := open(t, c)
	_, cursor := drain(t, s, "")
	must(t, os.Rename(path, filepath.Join(t.TempDir(), "a"))) // not removed, or the other one may get its identity
	write(t, path, lines(0, 2))
	age(t, path)
	must(t, s.Commit(t.Context(), cursor))
	if got := names(t, folder); got != "[a]" {
		t.Errorf("the folder has %s, want [a]: nobody has read that one", got)
	}
}

func TestWhatCannotBeMovedIsSaid(t *testing.T) {
	t.Parallel()
	folder, done := t.TempDir(), t.TempDir()
	c := config(folder)
	c.DoneAfter, c.WhenDone, c.DoneDir = time.Minute, "move", done
	path := filepath.Join(folder, "a")
	write(t, path, lines(0, 1))
	age(t, path)
	s := open(t, c)
	_, cursor := drain(t, s, "")
	must(t, os.Remove(done))
	wantFault(t, s.Commit(t.Context(), cursor), fault.Blocked, "file_not_done", "SLUICE_FILE_DONE_DIR")
	must(t, os.Mkdir(done, 0o700))
	must(t, s.Commit(t.Context(), cursor))
	if got := names(t, done); got != "[a]" {
		t.Errorf("the folder has %s, want [a]", got)
	}
}

// TestThePipelineFinishesFiles: files that were read to their end go when what they held is saved, beside further Reads.
func TestThePipelineFinishesFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := config(folder)
	c.DoneAfter, c.WhenDone = time.Minute, "delete"
	const files, each = 30, 7
	for i := range files {
		path := filepath.Join(folder, fmt.Sprintf("%02d", i))
		write(t, path, lines(i*each, (i+1)*each))
		age(t, path)
	}
	if n := deliver(t, open(t, c)); n != files*each {
		t.Errorf("%d records were accepted, want %d", n, files*each)
	}
	if got := names(t, folder); got != "[]" {
		t.Errorf("there are still %s", got)
	}
}
