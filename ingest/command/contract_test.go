package command

import (
	"fmt"
	"testing"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
)

// counts is what a program misses whose cursor is a number of lines: that is its own choice.
var counts = map[sourcetest.Disturbance]string{
	sourcetest.DeletedBefore:  "the program's cursor counts lines",
	sourcetest.DeletedAfter:   "the program had printed and counted it before it went",
	sourcetest.ChangedBefore:  "the program does not print again what is before its cursor",
	sourcetest.ChangedAfter:   "the program had printed it before it changed",
	sourcetest.InsertedBefore: "the program does not print what comes before its cursor",
}

func TestContract(t *testing.T) {
	t.Parallel()
	same := func(i int) []byte { return []byte(object(i)) }
	for _, tc := range []struct {
		name   string
		line   func(int) string
		item   func(int) []byte
		change func(cfg *Config, file string)
		waits  bool
		counts bool
	}{
		{"json lines without cursors", object, same, func(cfg *Config, file string) { cfg.Argv = self("cat", file) }, false, false},
		{"json lines, batches of one", object, same, func(cfg *Config, file string) { cfg.Argv, cfg.Batch = self("cat", file), 1 }, false, false},
		{"json lines with cursors", object, same, func(cfg *Config, file string) {
			cfg.Argv = self("marks", file, "7", "--from", "{cursor}")
		}, false, true},
		{"json lines with a cursor behind each", object, same, func(cfg *Config, file string) {
			cfg.Argv = self("marks", file, "1", "--from", "{cursor}")
		}, false, true},
		{"csv", func(i int) string { return fmt.Sprint(i) }, func(i int) []byte { return fmt.Appendf(nil, `{"id":"%d"}`, i) },
			func(cfg *Config, file string) { cfg.Argv, cfg.Format = self("csv", file), "csv" }, false, false},
		{"lines", func(i int) string { return fmt.Sprint("no. ", i) }, func(i int) []byte { return fmt.Appendf(nil, `{"line":"no. %d"}`, i) },
			func(cfg *Config, file string) { cfg.Argv, cfg.Format = self("cat", file), "lines" }, false, false},
		{"a tap, all streams", object, func(i int) []byte { return fmt.Appendf(nil, `{"stream":"events","record":%s}`, object(i)) },
			func(cfg *Config, file string) {
				cfg.Argv, cfg.Format = self("tap", file, "3", "--state", "{state}"), "singer"
			}, false, true},
		{"a tap, one stream", object, same, func(cfg *Config, file string) {
			cfg.Argv, cfg.Format, cfg.Stream = self("tap", file, "100", "--state", "{state}"), "singer", "events"
		}, false, true},
		{"a program that does not end", object, same, func(cfg *Config, file string) {
			cfg.Argv, cfg.Batch = self("follow", file), 1
		}, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := sourcetest.Harness{Item: tc.item, Waits: tc.waits, Lacks: map[string]string{
				"Forget": "what a program has forgotten is its own affair",
				"Tied":   "the order is the program's",
				"Loop":   "a program may print the same for ever",
				"Twice":  "a program has no pages",
			}}
			switch {
			case tc.waits:
				h.Lacks["Change"], h.Lacks["Delete"], h.Lacks["Insert"] = "it follows a file that only grows", "it follows a file that only grows", "it follows a file that only grows"
			case tc.counts:
				h.Misses = counts
			}
			h.New = func(t testing.TB, n int) sourcetest.Origin {
				o := newOrigin(t, n, tc.line)
				cfg := config(Argv{})
				tc.change(&cfg, o.file)
				origin := sourcetest.Origin{Source: open(t, cfg), Reopen: func() ingest.Source { return open(t, cfg) }, Append: o.add, Hang: o.hang}
				if tc.waits {
					return origin
				}
				k := 1000
				origin.Delete = func(i int) { o.edit(tc.line(i)+"\n", "") }
				origin.Change = func(i int) []byte {
					k++
					o.edit(tc.line(i)+"\n", tc.line(k)+"\n")
					return tc.item(k)
				}
				origin.Insert = func() []byte {
					k++
					o.edit("", tc.line(k)+"\n")
					return tc.item(k)
				}
				return origin
			}
			sourcetest.Run(t, h)
		})
	}
}
