package command

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/ingest"
)

func TestArgv(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"words", "tap-github --config  config.json", []string{"tap-github", "--config", "config.json"}},
		{"quotes", `a 'b c' "d e"f ''`, []string{"a", "b c", "d ef", ""}},
		{"quotes in quotes", `'a"b' "c'd" "e\"f\\" 'g\h'`, []string{`a"b`, `c'd`, `e"f\`, `g\h`}},
		{"backslashes", `a\ b \"c "\d"`, []string{"a b", `"c`, `\d`}},
		{"nothing that a shell does", `a $HOME *.x; b|c`, []string{"a", "$HOME", "*.x;", "b|c"}},
		{"json", `["a b", "c", ""]`, []string{"a b", "c", ""}},
		{"nothing", "  ", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var a Argv
			if err := a.Decode(tc.text); err != nil || a.bad != nil || !slices.Equal(a.words, tc.want) {
				t.Errorf("%s: got %q, %v, %v; want %q", tc.text, a.words, err, a.bad, tc.want)
			}
		})
	}
}

func TestPlacesOfTheCursor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ argv, with, without string }{
		{"tap --config c --state {state}", "tap --config c --state FILE", "tap --config c"},
		{"tap --state={state} --discover", "tap --state=FILE --discover", "tap --discover"},
		{"tap {cursor} x", "tap it x", "tap x"},
		{"tap -v -s {state} {cursor}", "tap -v -s FILE it", "tap -v"},
		{"-tap {cursor}", "-tap it", "-tap"},
	} {
		a := NewArgv(strings.Fields(tc.argv)...)
		if got := strings.Join(a.fill("it", "FILE"), " "); got != tc.with {
			t.Errorf("%s with a cursor: got %s, want %s", tc.argv, got, tc.with)
		}
		if got := strings.Join(a.fill("", ""), " "); got != tc.without {
			t.Errorf("%s without: got %s, want %s", tc.argv, got, tc.without)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no program", func(c *Config) { c.Argv = Argv{} }, "ARGV is not set"},
		{"an open quote", func(c *Config) { _ = c.Argv.Decode("a 's3cret") }, "not closed"},
		{"no array of strings", func(c *Config) { _ = c.Argv.Decode(`["s3cret", 1]`) }, "no JSON array"},
		{"a folder that is none", func(c *Config) { c.Dir = "/none/at/all" }, "DIR is"},
		{"a variable with its value", func(c *Config) { c.Env = []string{"TOKEN=s3cret"} }, "ENV has"},
		{"an unknown format", func(c *Config) { c.Format = "xml" }, "FORMAT is"},
		{"a stream of no tap", func(c *Config) { c.Stream = "x" }, "STREAM is"},
		{"a cursor for csv", func(c *Config) { c.Argv, c.Format = NewArgv("a", "{cursor}"), "csv" }, "{cursor}"},
		{"a state for lines", func(c *Config) { c.Argv, c.Format = NewArgv("a", "{state}"), "lines" }, "{state}"},
		{"a state as an argument", func(c *Config) { c.Argv, c.Format = NewArgv("a", "{cursor}"), "singer" }, "{state}"},
		{"columns of no csv", func(c *Config) { c.Columns = []string{"a"} }, "COLUMNS"},
		{"columns with one name", func(c *Config) { c.Format, c.Columns = "csv", []string{"a", "a"} }, "COLUMNS"},
		{"two delimiters", func(c *Config) { c.Format, c.Delimiter = "csv", ";;" }, "DELIMITER"},
		{"a quote as delimiter", func(c *Config) { c.Format, c.Delimiter = "csv", `"` }, "DELIMITER"},
		{"no interval", func(c *Config) { c.Interval = 0 }, "INTERVAL"},
		{"a negative timeout", func(c *Config) { c.Timeout = -1 }, "TIMEOUT"},
		{"no linger", func(c *Config) { c.Linger = 0 }, "LINGER"},
		{"an empty batch", func(c *Config) { c.Batch = 0 }, "BATCH"},
		{"no record", func(c *Config) { c.MaxRecordBytes = 0 }, "MAX_RECORD_BYTES"},
		{"no lines at all", func(c *Config) { c.MaxStderr = -1 }, "MAX_STDERR"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := Default()
			c.Argv = NewArgv("tap")
			if err := c.Validate(); err != nil {
				t.Fatalf("the defaults: %v", err)
			}
			tc.change(&c)
			_, err := New(c)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q and without an argument", err, tc.want)
			}
		})
	}
}

func TestFingerprintChangesWithTheMeaningOfACursor(t *testing.T) {
	t.Parallel()
	base := func(argv ...string) Config {
		c := Default()
		c.Argv = NewArgv(argv...)
		return c
	}
	of := func(c Config) string { return open(t, c).Fingerprint() }
	first := of(base("/opt/v1/tap", "--config", "a", "--token", "x", "--password=y"))
	tuned := base("/opt/v2/tap", "--config", "a", "--token", "other", "--password=another")
	tuned.Batch, tuned.Timeout, tuned.Env = 7, 1, []string{"TOKEN"}
	if got := of(tuned); got != first {
		t.Error("another place of the program, other secrets and limits make another source")
	}
	if got := of(base("/opt/v1/tap", "--config", "b", "--token", "x", "--password=y")); got == first {
		t.Error("another configuration makes the same source")
	}
	singer := base("/opt/v1/tap", "--config", "a", "--token", "x", "--password=y")
	singer.Format = "singer"
	if got := of(singer); got == first {
		t.Error("another format makes the same source")
	}
}

func TestCheckSaysWhatCame(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, output, want string }{
		{"a record", object(1) + "\n", "printed a record of 26 bytes"},
		{"nothing", "", "has printed no record"},
	} {
		s := open(t, config(self("say", tc.output)))
		if got, err := s.Check(t.Context()); err != nil || !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %q, %v; want %q", tc.name, got, err, tc.want)
		}
	}
	s := open(t, config(self("say", "exit 3")))
	if got, err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "exit code 3") {
		t.Errorf("a failure: got %q, %v; want its exit code", got, err)
	}
}

// FuzzCursor reads any text as a cursor: what is accepted is what the source writes itself.
func FuzzCursor(f *testing.F) {
	s := &Source{cfg: Default()}
	var c chain
	for i := range 5 {
		c.add([]byte(object(i)))
		next, err := position{Mark: "<é>", Items: c.n, Sums: c.all()}.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(next))
	}
	f.Add(`{"v":1,"mark":"a","again":1}`)
	f.Add(`{"v":1,"n":9223372036854775807}`)
	f.Fuzz(func(t *testing.T, text string) {
		at, err := s.decode(ingest.Cursor(text))
		if err != nil {
			return
		}
		if again, err := at.Encode(); err != nil || string(again) != text {
			t.Errorf("%q was accepted and is written as %q, %v", text, again, err)
		}
		if len(at.Sums) != rungs(at.Items) {
			t.Errorf("%q was accepted with %d hashes for %d items", text, len(at.Sums), at.Items)
		}
	})
}

// FuzzMessage reads any line: nothing panics, and an item holds the record as it is.
func FuzzMessage(f *testing.F) {
	for _, line := range []string{`{"type":"RECORD","stream":"s","record":{"a":1.0}}`, `{"type":"STATE","value":{"a":[1,null]}}`,
		`{"sluice_cursor":"a"}`, `{"sluice_cursor":`, `{"type":"BATCH"}`, `[]`, `{"type":"RECORD","type":5}`} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		all := &tap{note: func(string) {}}
		m, err := all.read(line)
		if err == nil && m.item != nil && m.mark != "" {
			t.Errorf("%q is an item and a mark", line)
		}
		one := &tap{note: func(string) {}, stream: "s"}
		if m, err := one.read(line); err == nil && m.item != nil && !strings.Contains(string(line), string(m.item)) {
			t.Errorf("%q made the item %q, which does not stand in it", line, m.item)
		}
		if m, err := plain(line); err == nil && m.item != nil && string(m.item) != string(line) {
			t.Errorf("%q made the item %q", line, m.item)
		}
		var a Argv
		if err := a.Decode(string(line)); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		_ = fmt.Sprint(a.fill("", ""), startsMark(line))
	})
}
