package command

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"sluice/ingest"
	"sluice/ingest/format"
)

// What a program may print.
const (
	formatNDJSON = format.NDJSON
	formatCSV    = format.CSV
	formatLines  = format.Lines
	formatSinger = "singer"
)

// Config is read from the environment by internal/config, prefix SLUICE_COMMAND.
type Config struct {
	Argv Argv     `split_words:"true" desc:"program and arguments: words separated by spaces, with quotes, or a JSON array of strings; no shell sees them. {cursor} is filled with the program's last cursor, {state} with the name of a file that holds it; as long as there is none, such an argument and the flag before it are left out"`
	Dir  string   `split_words:"true" desc:"folder to run it in; unset: that of the daemon"`
	Env  []string `split_words:"true" desc:"names of variables of the daemon that the program gets, separated by commas, besides PATH, HOME, LANG and TZ; their values are not shown in the log"`

	Format    string   `split_words:"true" default:"ndjson" desc:"what it prints: ndjson (a JSON record in each line, and cursors as {\"sluice_cursor\":\"…\"}), csv, lines, or singer (messages of a Singer tap)"`
	Stream    string   `split_words:"true" desc:"singer: the only stream whose records are wanted; each is an item as it is. Unset: all, each as {\"stream\":…,\"record\":…}"`
	Delimiter string   `split_words:"true" default:"," desc:"csv: what stands between two fields, one character, or tab"`
	Columns   []string `split_words:"true" desc:"csv: names of the columns, separated by commas; unset: the first row holds them"`

	Interval    time.Duration `split_words:"true" default:"1m" desc:"wait between the end of a run and the next"`
	Timeout     time.Duration `split_words:"true" default:"0s" desc:"limit for one run, without the time that it waits for its records to be delivered; 0s: none"`
	IdleTimeout time.Duration `split_words:"true" default:"0s" desc:"longest time without output before a run is given up; 0s: no limit"`
	Linger      time.Duration `split_words:"true" default:"1s" desc:"longest wait for a batch to fill once it holds a record"`

	Batch          int `split_words:"true" default:"500" desc:"most records in a batch, 1 to 10000; one ends at 8 MiB too"`
	MaxRecordBytes int `split_words:"true" default:"1048576" desc:"longest record, in bytes; a longer one is set aside"`
	MaxStderr      int `split_words:"true" default:"50" desc:"most lines of its standard error that are logged in a second; more are counted"`

	// Stderr is told of each line of standard error, Note of what an operator should know. Both may be called at any time
	// until Close has returned, must be quick, and may be nil.
	Stderr func(line string) `ignored:"true"`
	Note   func(text string) `ignored:"true"`
}

const (
	maxBatch      = 10_000
	maxBatchBytes = 8 << 20 // a batch with as much is full
	// minLine is what a Singer message may have in any case: schemas and states can be long where records are short.
	minLine = 4 << 20
	// envelope is what a Singer message has beside its record.
	envelope = 64 << 10
)

// Default returns the Config of an empty environment.
func Default() Config {
	return Config{Format: formatNDJSON, Delimiter: ",", Interval: time.Minute, Linger: time.Second, Batch: 500, MaxRecordBytes: 1 << 20, MaxStderr: 50}
}

// MemoryPerBatch is the most memory that one batch takes, in bytes.
func (c Config) MemoryPerBatch() int64 { return maxBatchBytes + int64(c.maxLine()) }

// marks reports whether a program can give marks.
func (c Config) marks() bool { return c.Format == formatNDJSON || c.Format == formatSinger }

// maxLine is the longest line that is held.
func (c Config) maxLine() int {
	if c.Format == formatSinger {
		return max(minLine, c.MaxRecordBytes+envelope)
	}
	return c.MaxRecordBytes
}

// options say how the output is cut.
func (c Config) options() format.Options {
	o := format.Options{Kind: c.Format, MaxItemBytes: c.maxLine()}
	if c.Format == formatSinger {
		o.Kind = format.NDJSON
	}
	return o.WithCSV(c.Delimiter, c.Columns)
}

// Validate reports everything that is wrong, not only the first thing. No message shows an argument.
func (c Config) Validate() error {
	var errs []error
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if c.Argv.bad != nil {
		errs = append(errs, c.Argv.bad)
	} else {
		add(len(c.Argv.words) == 0 || c.Argv.words[0] == "", "ARGV is not set")
	}
	add(slices.ContainsFunc(c.Argv.words, func(w string) bool { return strings.ContainsRune(w, 0) }), "ARGV has a NUL character, which no argument can have")
	add(c.Dir != "" && !isFolder(c.Dir), "DIR is no folder that can be used")
	for _, name := range c.Env {
		add(strings.ContainsAny(name, "=\x00"), "ENV has a name with = in it; it lists names, and the values are the daemon's")
	}
	known := []string{formatNDJSON, formatCSV, formatLines, formatSinger}
	add(!slices.Contains(known, c.Format), "FORMAT is %q, want one of %s", ingest.OneLine(c.Format, 40), strings.Join(known, ", "))
	add(c.Format != formatSinger && c.Stream != "", "STREAM is set, but FORMAT is not singer")
	add(c.Format != formatNDJSON && c.Argv.has(placeCursor), "ARGV has {cursor}, which needs FORMAT=ndjson; with singer it is {state}")
	add(!c.marks() && c.Argv.has(placeState), "ARGV has {state}, but FORMAT is %s, which has no cursors", ingest.OneLine(c.Format, 40))
	errs = append(errs, format.CheckCSV(c.Format, c.Delimiter, c.Columns))
	add(c.Interval <= 0, "INTERVAL is %v, want more than 0", c.Interval)
	add(c.Timeout < 0, "TIMEOUT is %v, want 0s or more", c.Timeout)
	add(c.IdleTimeout < 0, "IDLE_TIMEOUT is %v, want 0s or more", c.IdleTimeout)
	add(c.Linger <= 0, "LINGER is %v, want more than 0", c.Linger)
	add(c.Batch < 1 || c.Batch > maxBatch, "BATCH is %d, want 1 to %d", c.Batch, maxBatch)
	add(c.MaxRecordBytes <= 0, "MAX_RECORD_BYTES is %d, want more than 0", c.MaxRecordBytes)
	add(c.MaxStderr < 0, "MAX_STDERR is %d, want 0 or more", c.MaxStderr)
	return errors.Join(errs...)
}

// Warnings lists what is allowed and still deserves a look, one sentence each.
func (c Config) Warnings() (warnings []string) {
	if c.Format == formatSinger && !c.Argv.has(placeState) {
		warnings = append(warnings, "SLUICE_COMMAND_ARGV: there is no {state} among the arguments, as in --state {state}; unless the tap reads SLUICE_CURSOR_FILE by itself, every run begins anew")
	}
	for _, name := range c.Env {
		if _, set := os.LookupEnv(name); !set {
			warnings = append(warnings, fmt.Sprintf("SLUICE_COMMAND_ENV: %s is not set, so the program does not get it", name))
		}
	}
	return warnings
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
