package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"sluice/ingest"
	"sluice/ingest/file"
	"sluice/internal/proof"
)

// drain reads on from c until the source is caught up, and returns the items as text with the last cursor.
func drain(t testing.TB, s *file.Source, c ingest.Cursor) ([]string, ingest.Cursor) {
	t.Helper()
	var got []string
	for range 10_000 {
		b, err := s.Read(t.Context(), c)
		if err != nil {
			t.Fatalf("Read(%s) = %v", c, err)
		}
		for _, item := range b.Items {
			got = append(got, string(item))
		}
		nothing := len(b.Items) == 0 && b.Next == c
		c = b.Next
		if b.CaughtUp || nothing {
			return got, c
		}
	}
	t.Fatal("no end after 10,000 reads")
	return nil, ""
}

// missing returns the lines from to to-1 that are not among got.
func missing(got []string, from, to int) (out []int) {
	seen := map[string]bool{}
	for _, g := range got {
		seen[g] = true
	}
	for i := from; i < to; i++ {
		if !seen[string(line(i))] {
			out = append(out, i)
		}
	}
	return out
}

// TestRotationAtEveryBatch stops before each batch in turn, rotates the file in one of the usual ways, and goes on, with
// the same Source and with another one that knows the cursor only. Nothing may be lost, and without a restart nothing may
// come twice.
func TestRotationAtEveryBatch(t *testing.T) {
	t.Parallel()
	const n, more = 23, 8
	for name, rotate := range map[string]struct {
		do     func(t testing.TB, folder string)
		copies bool // the old lines are under a new identity too, and come again
		living bool // what was not read can only be read through the handle
	}{
		"renamed, still matched": {do: func(t testing.TB, folder string) {
			must(t, os.Rename(filepath.Join(folder, "app.log"), filepath.Join(folder, "app.log.1")))
		}},
		"renamed out of the pattern": {do: func(t testing.TB, folder string) {
			must(t, os.Rename(filepath.Join(folder, "app.log"), filepath.Join(folder, "old-app")))
		}},
		"deleted": {living: true, do: func(t testing.TB, folder string) {
			must(t, os.Remove(filepath.Join(folder, "app.log")))
		}},
		"copied and truncated, the copy matched": {copies: true, do: func(t testing.TB, folder string) {
			text, err := os.ReadFile(filepath.Join(folder, "app.log"))
			must(t, err)
			write(t, filepath.Join(folder, "app.log.1"), string(text))
			must(t, os.Truncate(filepath.Join(folder, "app.log"), 0))
		}},
		"compressed": {copies: true, do: func(t testing.TB, folder string) {
			text, err := os.ReadFile(filepath.Join(folder, "app.log"))
			must(t, err)
			write(t, filepath.Join(folder, "app.log.1.gz"), gz(t, string(text)))
			must(t, os.Remove(filepath.Join(folder, "app.log")))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { // when all of them have ended
				proof.Row{Area: "source", Fault: "a file is rotated at any batch: " + name, Action: proof.None, Promises: "P1 P2"}.Report(t)
			})
			for at := range n/5 + 2 {
				for _, restart := range []bool{false, true} {
					if restart && rotate.living {
						continue
					}
					t.Run(fmt.Sprintf("at batch %d, restart %v", at, restart), func(t *testing.T) {
						t.Parallel()
						folder := t.TempDir()
						c := config(folder)
						c.Paths = filepath.Join(folder, "app.log*")
						s := open(t, c)
						write(t, filepath.Join(folder, "app.log"), lines(0, n))
						var got []string
						cursor := ingest.Cursor("")
						for range at {
							b, err := s.Read(t.Context(), cursor)
							must(t, err)
							for _, item := range b.Items {
								got = append(got, string(item))
							}
							cursor = b.Next
						}
						if at == 0 && rotate.living {
							return // nobody has ever seen it
						}
						if at == 0 && name == "renamed out of the pattern" {
							return
						}
						rotate.do(t, folder)
						write(t, filepath.Join(folder, "app.log"), lines(n, n+more))
						if restart {
							s = open(t, c)
						}
						var rest []string
						for range 3 { // a loss that is told of is an error once
							b, err := s.Read(t.Context(), cursor)
							if err == nil {
								break
							}
							if !rotate.copies {
								t.Fatalf("Read = %v with %d items", err, len(b.Items))
							}
						}
						rest, cursor = drain(t, s, cursor)
						got = append(got, rest...)
						if lost := missing(got, 0, n+more); len(lost) > 0 {
							t.Errorf("lines %v are lost", lost)
						}
						if len(got) > n+more && !rotate.copies {
							t.Errorf("%d lines came, want each of %d once", len(got), n+more)
						}
						if again, _ := drain(t, s, cursor); len(again) > 0 {
							t.Errorf("%d lines came again at the end", len(again))
						}
					})
				}
			}
		})
	}
}

// TestAFileThatIsRenamedBeforeItsTurnIsRead: the batch was full before the second file was begun, and then it goes where no
// pattern matches.
func TestAFileThatIsRenamedBeforeItsTurnIsRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := config(folder)
	c.Paths = filepath.Join(folder, "app*")
	write(t, filepath.Join(folder, "app1"), lines(0, 12))
	write(t, filepath.Join(folder, "app2"), lines(100, 103))
	b, err := open(t, c).Read(t.Context(), "")
	must(t, err)
	must(t, os.Rename(filepath.Join(folder, "app2"), filepath.Join(folder, "old")))
	got, _ := drain(t, open(t, c), b.Next)
	if lost := missing(got, 100, 103); len(lost) > 0 {
		t.Errorf("lines %v of the renamed file are lost", lost)
	}
}

// TestTheRestOfARotatedFileComesFirst: what took its place holds what came later, although its name comes first.
func TestTheRestOfARotatedFileComesFirst(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %v", restart), func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			s, path := open(t, config(folder)), filepath.Join(folder, "app.log")
			write(t, path, lines(0, 12))
			b, err := s.Read(t.Context(), "")
			must(t, err)
			must(t, os.Rename(path, path+".1"))
			write(t, path, lines(12, 20))
			if restart {
				s = open(t, config(folder))
			}
			got, _ := drain(t, s, b.Next)
			for i, item := range got {
				if want := string(line(len(b.Items) + i)); item != want {
					t.Fatalf("item %d behind the rotation is %s, want %s", i, item, want)
				}
			}
			if n := len(b.Items) + len(got); n != 20 {
				t.Errorf("%d lines came, want 20", n)
			}
		})
	}
}

// A world is a folder in which files are written, rotated and read at random.
type world struct {
	t      testing.TB
	folder string
	config file.Config
	source *file.Source
	n      int // lines that were written
	files  int
	half   map[string]string // by path: the rest of a line that is not complete yet
	saved  []ingest.Cursor
	got    map[string]bool
	seen   map[string]bool // paths of files that were there during a Read
}

func (w *world) active(i int) string { return filepath.Join(w.folder, fmt.Sprintf("app%d.log", i)) }

func (w *world) write(rt *rapid.T) {
	path := w.active(rapid.IntRange(0, 2).Draw(rt, "file"))
	text := w.half[path]
	k := rapid.IntRange(1, 12).Draw(rt, "lines")
	text += lines(w.n, w.n+k)
	w.n += k
	delete(w.half, path)
	if rapid.Bool().Draw(rt, "half") {
		cut := rapid.IntRange(1, 10).Draw(rt, "cut")
		w.half[path], text = text[len(text)-cut:], text[:len(text)-cut]
	}
	write(w.t, path, text)
}

// rotate renames an active file, within the pattern or out of it; its last line is completed first or behind.
func (w *world) rotate(rt *rapid.T) {
	path := w.active(rapid.IntRange(0, 2).Draw(rt, "file"))
	if !w.seen[path] {
		return // it is not there, or nobody could know of it
	}
	delete(w.seen, path)
	w.files++
	to := filepath.Join(w.folder, fmt.Sprintf("app%d.log.%d", w.files%3, w.files))
	if rapid.Bool().Draw(rt, "out") {
		to = filepath.Join(w.folder, fmt.Sprintf("old%d", w.files))
	}
	must(w.t, os.Rename(path, to))
	if rest, ok := w.half[path]; ok { // the writer has the old file open
		write(w.t, to, rest)
		delete(w.half, path)
	}
}

func (w *world) read(rt *rapid.T) {
	for range rapid.IntRange(1, 4).Draw(rt, "reads") {
		b, err := w.source.Read(w.t.Context(), w.saved[len(w.saved)-1])
		if err != nil {
			rt.Fatalf("Read = %v", err)
		}
		for _, item := range b.Items {
			w.got[string(item)] = true
		}
		w.saved = append(w.saved, b.Next)
		for i := range 3 {
			if _, err := os.Stat(w.active(i)); err == nil {
				w.seen[w.active(i)] = true
			}
		}
	}
}

// restart goes on with a new Source from the last cursor.
func (w *world) restart(*rapid.T) {
	must(w.t, w.source.Close())
	w.source = open(w.t, w.config)
}

// TestNothingLostAtRandom writes, rotates, reads and restarts at random.
func TestNothingLostAtRandom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		folder, err := os.MkdirTemp(t.TempDir(), "")
		must(t, err)
		w := &world{t: t, folder: folder, config: config(folder), half: map[string]string{}, saved: []ingest.Cursor{""}, got: map[string]bool{}, seen: map[string]bool{}}
		w.config.Paths = filepath.Join(folder, "app*")
		w.config.Batch = rapid.IntRange(1, 9).Draw(rt, "batch")
		w.source = open(t, w.config)
		defer func() { _ = w.source.Close() }()
		rt.Repeat(map[string]func(*rapid.T){"write": w.write, "rotate": w.rotate, "read": w.read, "read on": w.read, "restart": w.restart})
		for path, rest := range w.half {
			write(t, path, rest)
		}
		rest, _ := drain(t, w.source, w.saved[len(w.saved)-1])
		for _, item := range rest {
			w.got[item] = true
		}
		for i := range w.n {
			if !w.got[string(line(i))] {
				rt.Fatalf("line %d of %d is lost", i, w.n)
			}
		}
	})
}
