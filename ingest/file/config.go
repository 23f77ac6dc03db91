package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice/ingest/format"
)

// Where reading begins, and what becomes of a file that is finished.
const (
	startBeginning = "beginning"
	startEnd       = "end"

	doneLeave  = "leave"
	doneMove   = "move"
	doneDelete = "delete"
)

// Config is read from the environment by internal/config, prefix SLUICE_FILE.
type Config struct {
	Paths     string   `split_words:"true" desc:"files to read: patterns with * ? and [a-z], with a colon or a line break between two (with line breaks, colons belong to the names); links are followed"`
	Format    string   `split_words:"true" default:"ndjson" desc:"what is in them: ndjson (a JSON value per line), csv (a row becomes an object of strings) or lines (a line of text becomes {\"line\":\"…\"}). What is compressed with gzip or zstd is unpacked"`
	Delimiter string   `split_words:"true" default:"," desc:"csv: the character between two fields; \\t for a tab"`
	Columns   []string `split_words:"true" desc:"csv: names of the columns, for files without a header; unset: the first row of each file holds them"`
	Start     string   `split_words:"true" default:"beginning" desc:"where to begin with the files that are there when nothing was ever read: beginning or end. Files that come later are read from their beginning"`

	Interval       time.Duration `split_words:"true" default:"1s" desc:"wait between two looks for new lines and new files"`
	Batch          int           `split_words:"true" default:"1000" desc:"most records of one read, from one or several files; it also ends at 8 MiB"`
	MaxRecordBytes int           `split_words:"true" default:"1048576" desc:"longest record, in bytes; a longer one is set aside with its beginning"`
	MaxFiles       int           `split_words:"true" default:"1000" desc:"most files to keep a place for; with more, reading stops and says so. Each takes about 150 bytes of the checkpoint"`

	WhenDone  string        `split_words:"true" default:"leave" desc:"what becomes of a file when all of it is delivered and DONE_AFTER has passed: leave, move (to DONE_DIR) or delete"`
	DoneDir   string        `split_words:"true" desc:"move: folder for finished files, on the same file system and matched by none of PATHS"`
	DoneAfter time.Duration `split_words:"true" default:"5m" desc:"time without a change after which a file counts as finished: its last line is taken without a line end too, a compressed file that breaks off is broken, and one that was renamed out of PATHS is forgotten. Longer than the longest pause of who writes"`
}

// Default returns the Config of an empty environment.
func Default() Config {
	return Config{
		Format: format.NDJSON, Delimiter: ",", Start: startBeginning, Interval: time.Second, Batch: 1000,
		MaxRecordBytes: 1 << 20, MaxFiles: 1000, WhenDone: doneLeave, DoneAfter: 5 * time.Minute,
	}
}

// Bounds that are not settings.
const (
	mostBatch = 100_000
	mostFiles = 100_000
	// batchBytes ends a batch; a record more may be in it.
	batchBytes = 8 << 20
	// expansion is how many bytes a byte of text can become in JSON: \u0001.
	expansion = 6
)

// MaxBatchBytes is the most that the items of one Read take.
func (c Config) MaxBatchBytes() int { return batchBytes + expansion*c.MaxRecordBytes }

// Validate reports everything that is wrong, not only the first thing.
func (c Config) Validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	oneOf := func(name, got string, want ...string) {
		for _, w := range want {
			if got == w {
				return
			}
		}
		add("%s is %q, want one of %s", name, got, strings.Join(want, ", "))
	}
	between := func(name string, n, least, most int) {
		if n < least || n > most {
			add("%s is %d, want %d to %d", name, n, least, most)
		}
	}
	errs = append(errs, c.checkPaths()...)
	oneOf("FORMAT", c.Format, format.NDJSON, format.CSV, format.Lines)
	oneOf("START", c.Start, startBeginning, startEnd)
	oneOf("WHEN_DONE", c.WhenDone, doneLeave, doneMove, doneDelete)
	between("BATCH", c.Batch, 1, mostBatch)
	between("MAX_RECORD_BYTES", c.MaxRecordBytes, 1, 1<<30)
	between("MAX_FILES", c.MaxFiles, 1, mostFiles)
	if c.Interval <= 0 {
		add("INTERVAL is %v, want more than 0", c.Interval)
	}
	if c.DoneAfter <= 0 {
		add("DONE_AFTER is %v, want more than 0", c.DoneAfter)
	}
	errs = append(errs, format.CheckCSV(c.Format, c.Delimiter, c.Columns))
	return errors.Join(append(errs, c.checkDone()...)...)
}

func (c Config) checkPaths() (errs []error) {
	if len(c.patterns()) == 0 {
		return []error{errors.New("PATHS is not set")}
	}
	for i, pattern := range c.patterns() {
		if _, err := filepath.Match(pattern, ""); err != nil {
			errs = append(errs, fmt.Errorf("PATHS: pattern %d is malformed: a [ without ], or a \\ at the end", i+1))
		}
		if strings.Contains(pattern, "**") {
			errs = append(errs, fmt.Errorf("PATHS: pattern %d has **, which means no more than *; write a pattern for each depth of folders", i+1))
		}
	}
	return errs
}

// checkDone refuses what would overwrite files, read them again, or lead nowhere.
func (c Config) checkDone() (errs []error) {
	switch {
	case c.WhenDone == doneMove && c.DoneDir == "":
		return []error{errors.New("WHEN_DONE=move needs DONE_DIR, which is not set")}
	case c.DoneDir == "":
		return nil
	case c.WhenDone != doneMove:
		return []error{errors.New("DONE_DIR is set without WHEN_DONE=move")}
	}
	if info, err := os.Stat(c.DoneDir); err != nil || !info.IsDir() {
		errs = append(errs, errors.New("DONE_DIR is not a folder; make it"))
	}
	done, err := filepath.Abs(c.DoneDir)
	if err != nil {
		return append(errs, errors.New("DONE_DIR is no path"))
	}
	for _, pattern := range c.patterns() {
		folder, err := filepath.Abs(filepath.Dir(pattern))
		if err != nil {
			continue
		}
		if match, _ := filepath.Match(folder, done); match {
			errs = append(errs, errors.New("DONE_DIR is a folder that PATHS looks into: finished files would be read again; name another"))
			break
		}
	}
	return errs
}

// patterns splits Paths.
func (c Config) patterns() []string {
	separator := ":"
	if strings.ContainsAny(c.Paths, "\n") {
		separator = "\n"
	}
	var out []string
	for _, pattern := range strings.Split(c.Paths, separator) {
		if pattern = strings.TrimSpace(pattern); pattern != "" {
			out = append(out, filepath.Clean(pattern))
		}
	}
	return out
}

// options are those of every Decoder.
func (c Config) options() format.Options {
	return format.Options{Kind: c.Format, MaxItemBytes: c.MaxRecordBytes}.WithCSV(c.Delimiter, c.Columns)
}
