package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/ingest/file"
	"sluice/internal/fault"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, tc := range map[string]struct {
		change func(c *file.Config)
		says   string // empty: it is valid
	}{
		"the defaults":               {func(*file.Config) {}, ""},
		"a semicolon":                {func(c *file.Config) { c.Format, c.Delimiter = "csv", ";" }, ""},
		"a tab":                      {func(c *file.Config) { c.Format, c.Delimiter = "csv", `\t` }, ""},
		"no paths":                   {func(c *file.Config) { c.Paths = " : " }, "PATHS is not set"},
		"a malformed pattern":        {func(c *file.Config) { c.Paths = "/a:/b[" }, "pattern 2"},
		"two stars":                  {func(c *file.Config) { c.Paths = "/a/**/b" }, "**"},
		"another format":             {func(c *file.Config) { c.Format = "parquet" }, "FORMAT"},
		"another start":              {func(c *file.Config) { c.Start = "middle" }, "START"},
		"two characters":             {func(c *file.Config) { c.Format, c.Delimiter = "csv", ";;" }, "DELIMITER is "},
		"a quote":                    {func(c *file.Config) { c.Format, c.Delimiter = "csv", `"` }, "DELIMITER"},
		"a column twice":             {func(c *file.Config) { c.Format, c.Columns = "csv", []string{"a", "a"} }, "COLUMNS"},
		"columns of lines":           {func(c *file.Config) { c.Columns = []string{"a"} }, "COLUMNS"},
		"no batch":                   {func(c *file.Config) { c.Batch = 0 }, "BATCH"},
		"no record":                  {func(c *file.Config) { c.MaxRecordBytes = 0 }, "MAX_RECORD_BYTES"},
		"no files":                   {func(c *file.Config) { c.MaxFiles = 0 }, "MAX_FILES"},
		"no interval":                {func(c *file.Config) { c.Interval = 0 }, "INTERVAL"},
		"never done":                 {func(c *file.Config) { c.DoneAfter = -time.Second }, "DONE_AFTER"},
		"moved nowhere":              {func(c *file.Config) { c.WhenDone = "move" }, "needs DONE_DIR"},
		"a folder for what is left":  {func(c *file.Config) { c.DoneDir = folder }, "without WHEN_DONE=move"},
		"a folder that is not there": {func(c *file.Config) { c.WhenDone, c.DoneDir = "move", filepath.Join(folder, "x") }, "not a folder"},
		"moved to be read again": {func(c *file.Config) {
			c.WhenDone, c.DoneDir, c.Paths = "move", folder, filepath.Join(filepath.Dir(folder), "*", "*")
		}, "read again"},
	} {
		t.Run(name, func(t *testing.T) {
			c := file.Default()
			c.Paths = "/var/log/*.log"
			tc.change(&c)
			err := c.Validate()
			switch {
			case tc.says == "" && err != nil:
				t.Errorf("Validate = %v, want nil", err)
			case tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)):
				t.Errorf("Validate = %v, want something about %q", err, tc.says)
			}
		})
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"a/x.log", "a/y.txt", "b/x.log", "b:c/x.log"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700))
		write(t, filepath.Join(folder, name), `"`+name+"\"\n")
	}
	must(t, os.Link(filepath.Join(folder, "a/x.log"), filepath.Join(folder, "a/z.log")))
	must(t, os.Symlink(filepath.Join(folder, "a/y.txt"), filepath.Join(folder, "b/y.log")))
	for name, tc := range map[string]struct{ paths, want string }{
		"one file":                     {folder + "/a/y.txt", `["a/y.txt"]`},
		"one that is not there yet":    {folder + "/a/new", `[]`},
		"a pattern":                    {folder + "/a/*.log", `["a/x.log"]`},
		"two, that overlap":            {folder + "/a/*: " + folder + "/a/x*", `["a/x.log" "a/y.txt"]`},
		"folders, a link, a hard link": {folder + "/[ab]/*.log", `["a/x.log" "b/x.log" "a/y.txt"]`},
		"a colon in a name":            {folder + "/b:c/*\n" + folder + "/a/y*", `["a/y.txt" "b:c/x.log"]`},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(folder)
			c.Paths = tc.paths
			got, _ := drain(t, open(t, c), "")
			if text := "[" + strings.Join(got, " ") + "]"; text != tc.want {
				t.Errorf("%s came, want %s", text, tc.want)
			}
		})
	}
}

// FuzzCursor reads from any text: either it is refused for good, or it leads on like a cursor.
func FuzzCursor(f *testing.F) {
	folder := f.TempDir()
	write(f, filepath.Join(folder, "a"), lines(0, 20))
	write(f, filepath.Join(folder, "b.gz"), gz(f, lines(0, 20)))
	s := open(f, config(folder))
	cursor := ingest.Cursor("")
	for range 10 {
		f.Add(string(cursor))
		b, err := s.Read(f.Context(), cursor)
		must(f, err)
		cursor = b.Next
	}
	f.Add(`{"v":1,"t":"a","u":9223372036854775807}`)
	f.Fuzz(func(t *testing.T, text string) {
		b, err := s.Read(t.Context(), ingest.Cursor(text))
		switch {
		case fault.Is(err, fault.Blocked) && len(b.Items) == 0:
		case err != nil && fault.From(err).Code() != "file_gone":
			t.Fatalf("Read(%q) = %v, want it refused or read", text, err)
		case err == nil && len(b.Items) > 0 && string(b.Next) == text:
			t.Fatalf("Read(%q) = %d items and the same cursor", text, len(b.Items))
		case err == nil:
			if _, err := s.Read(t.Context(), b.Next); err != nil && fault.From(err).Code() == "bad_cursor" {
				t.Fatalf("Read(%q) leads to %q, which is refused: %v", text, b.Next, err)
			}
		}
	})
}
