package file_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"sluice/ingest"
	"sluice/ingest/file"
	"sluice/ingest/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config reads everything in folder, a few records at a time. Nothing there counts as finished.
func config(folder string) file.Config {
	c := file.Default()
	c.Paths, c.Batch, c.DoneAfter = filepath.Join(folder, "*"), 5, 24*time.Hour
	return c
}

// open opens a Source that is closed at the end of the test.
func open(t testing.TB, c file.Config) *file.Source {
	t.Helper()
	s, err := file.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// write appends text to a file.
func write(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
		err = firstOf(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// must fails the test for an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func gz(t testing.TB, text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	must(t, firstOf(err, w.Close()))
	return b.String()
}

func zst(t testing.TB, text string) string {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	must(t, err)
	defer w.Close()
	return string(w.EncodeAll([]byte(text), nil))
}

// line is item i of an origin of ndjson.
func line(i int) []byte { return fmt.Appendf(nil, `{"id":%d,"text":"a line"}`, i) }

func lines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "%s\n", line(i))
	}
	return b.String()
}

// replace makes a new file with another text in it, in the place of the old one, as editors do.
func replace(t testing.TB, path, old, text string) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %q", path, old)
	}
	must(t, os.WriteFile(path+"~", []byte(strings.Replace(string(data), old, text, 1)), 0o600))
	must(t, os.Rename(path+"~", path))
}

// TestContract runs the suite that every source passes over files of several shapes.
func TestContract(t *testing.T) {
	t.Parallel()
	for name, shape := range map[string]struct {
		item  func(i int) []byte                              // as a Read returns it
		add   func(t testing.TB, folder string, from, to int) // makes items from to to-1
		tweak func(c *file.Config)
		lines bool // in one file, which may be written anew
		each  bool // has a file of its own
	}{
		"one file": {lines: true, add: func(t testing.TB, folder string, from, to int) {
			write(t, filepath.Join(folder, "a.ndjson"), lines(from, to))
		}},
		"many files": {each: true, add: func(t testing.TB, folder string, from, to int) {
			for i := from; i < to; i++ {
				write(t, filepath.Join(folder, fmt.Sprintf("%06d.ndjson", i)), lines(i, i+1))
			}
		}},
		"csv": {
			item: func(i int) []byte { return fmt.Appendf(nil, `{"id":"%d","text":"a\n\"row\""}`, i) },
			add: func(t testing.TB, folder string, from, to int) {
				path := filepath.Join(folder, "a.csv")
				if _, err := os.Stat(path); err != nil {
					write(t, path, "\ufeffid,text\r\n")
				}
				for i := from; i < to; i++ {
					write(t, path, fmt.Sprintf("%d,\"a\n\"\"row\"\"\"\r\n", i))
				}
			},
			tweak: func(c *file.Config) { c.Format = "csv" },
		},
		"lines": {
			item: func(i int) []byte { return fmt.Appendf(nil, `{"line":"line %d"}`, i) },
			add: func(t testing.TB, folder string, from, to int) {
				for i := from; i < to; i++ {
					write(t, filepath.Join(folder, "a.log"), fmt.Sprintf("line %d\n", i))
				}
			},
			tweak: func(c *file.Config) { c.Format = "lines" },
		},
		"gzip, a member for each addition": {add: func(t testing.TB, folder string, from, to int) {
			if from < to {
				write(t, filepath.Join(folder, "a.gz"), gz(t, lines(from, to)))
			}
		}},
		"zstd, a file for each addition": {add: func(t testing.TB, folder string, from, to int) {
			if from < to {
				write(t, filepath.Join(folder, fmt.Sprintf("%06d.zst", from)), zst(t, lines(from, to)))
			}
		}},
		"csv in gzip": {
			item: func(i int) []byte { return fmt.Appendf(nil, `{"id":"%d"}`, i) },
			add: func(t testing.TB, folder string, from, to int) {
				if from == to {
					return
				}
				text := "id\n"
				for i := from; i < to; i++ {
					text += fmt.Sprintln(i)
				}
				write(t, filepath.Join(folder, fmt.Sprintf("%06d.csv.gz", from)), gz(t, text))
			},
			tweak: func(c *file.Config) { c.Format = "csv" },
		},
		"rotated at every addition": {add: func(t testing.TB, folder string, from, to int) {
			active := filepath.Join(folder, "z.log")
			if _, err := os.Stat(active); err == nil {
				must(t, os.Rename(active, filepath.Join(folder, fmt.Sprintf("%06d.log", from))))
			}
			write(t, active, lines(from, to))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if shape.item == nil {
				shape.item = line
			}
			lacks := map[string]string{
				"Forget": "TestLossIsToldOnce has it: what is left is read on",
				"Hang":   "a file system that hangs cannot be made here",
				"Tied":   "the order is that of bytes, not of a value",
				"Loop":   "a file has an end",
				"Twice":  "a copy of a file is a file",
				"Insert": "files and lines are read in the order of bytes",
			}
			switch {
			case shape.each:
				lacks["Change"] = "the shape with one file has it"
			case !shape.lines:
				lacks["Change"], lacks["Delete"] = "the shape with one file has it", "the shapes with one and with many files have it"
			}
			sourcetest.Run(t, sourcetest.Harness{
				Item:      shape.item,
				Lacks:     lacks,
				Tells:     "file_gone",
				Overtakes: name == "rotated at every addition",
				New: func(t testing.TB, n int) sourcetest.Origin {
					folder := t.TempDir()
					shape.add(t, folder, 0, n)
					c := config(folder)
					if shape.tweak != nil {
						shape.tweak(&c)
					}
					o := sourcetest.Origin{
						Source: open(t, c),
						Reopen: func() ingest.Source { return open(t, c) },
						Append: func(more int) { shape.add(t, folder, n, n+more); n += more },
					}
					switch {
					case shape.each:
						o.Delete = func(i int) { must(t, os.Remove(filepath.Join(folder, fmt.Sprintf("%06d.ndjson", i)))) }
					case shape.lines:
						o.Delete = func(i int) { replace(t, filepath.Join(folder, "a.ndjson"), string(line(i))+"\n", "") }
						o.Change = func(i int) []byte {
							changed := fmt.Sprintf(`{"id":%d,"text":"another line"}`, i)
							replace(t, filepath.Join(folder, "a.ndjson"), string(line(i)), changed)
							return []byte(changed)
						}
					}
					return o
				},
				Garbage: []ingest.Cursor{`{"v":1,"f":[]}`, `{"v":1,"f":[{"p":"a","i":"1:1","s":"x","o":-1}]}`, `{"v":1,"f":[{"p":"","i":"1:1","s":"x","o":1}]}`},
			})
		})
	}
}
