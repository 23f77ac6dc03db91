package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/internal/proof"
)

// config runs one of the programs, in batches that do not depend on how fast it is.
func config(argv Argv) Config {
	cfg := Default()
	cfg.Argv, cfg.Linger, cfg.Batch, cfg.Env = argv, time.Hour, 5, []string{"GORACE"}
	return cfg
}

func open(t testing.TB, cfg Config) *Source {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// An origin is a file with one item in each line.
type origin struct {
	t    testing.TB
	file string
	n    int
	line func(i int) string
}

func newOrigin(t testing.TB, n int, line func(i int) string) *origin {
	o := &origin{t: t, file: filepath.Join(t.TempDir(), "origin"), line: line}
	o.add(n)
	return o
}

func (o *origin) add(n int) {
	f, err := os.OpenFile(o.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		o.t.Fatal(err)
	}
	var text strings.Builder
	for range n {
		text.WriteString(o.line(o.n) + "\n")
		o.n++
	}
	if _, err = f.WriteString(text.String()); err == nil {
		err = f.Close()
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

// edit replaces a line of the file, with its end.
func (o *origin) edit(old, line string) {
	o.t.Helper()
	data, err := os.ReadFile(o.file)
	text := "\n" + string(data)
	if err == nil && !strings.Contains(text, "\n"+old) {
		err = fmt.Errorf("the origin has no %q", old)
	}
	if err == nil {
		err = os.WriteFile(o.file, []byte(strings.Replace(text, "\n"+old, "\n"+line, 1)[1:]), 0o600)
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *origin) hang() {
	if err := os.WriteFile(o.file+".hang", nil, 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func object(i int) string { return fmt.Sprintf(`{"id":90071992547409%05d}`, i) }

// read reads on until the source is caught up.
func read(t *testing.T, s *Source, c ingest.Cursor) (items []string, next ingest.Cursor) {
	t.Helper()
	for {
		b, err := s.Read(t.Context(), c)
		if err != nil {
			t.Fatalf("Read(%q) = %v", c, err)
		}
		for _, item := range b.Items {
			items = append(items, string(item))
		}
		if c = b.Next; b.CaughtUp {
			return items, c
		}
	}
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// failure reads once, and wants a fault.
func failure(t *testing.T, s *Source, c ingest.Cursor, class fault.Class, reason, text string) {
	t.Helper()
	b, err := s.Read(t.Context(), c)
	if err == nil {
		t.Fatalf("Read(%q): %d items and no error, want %s", c, len(b.Items), reason)
	}
	if f := fault.From(err); f.Class != class || f.Code() != reason || !strings.Contains(err.Error(), text) {
		t.Errorf("Read(%q) = %v (%v, %s), want %v, %s, and %q in it", c, err, f.Class, f.Code(), class, reason, text)
	}
}

func TestOutputThatChangesIsDeliveredWhole(t *testing.T) {
	t.Parallel()
	s := open(t, config(self("twice", filepath.Join(t.TempDir(), "n"))))
	first, c := read(t, s, "")
	want(t, "the first run", first, `{"run":0,"id":0}`, `{"run":0,"id":1}`, `{"run":0,"id":2}`, `{"run":0,"id":3}`)
	second, _ := read(t, s, c) // one run to see that it differs, one that counts
	want(t, "a later run", second, `{"run":2,"id":0}`, `{"run":2,"id":1}`, `{"run":2,"id":2}`, `{"run":2,"id":3}`)
}

func TestOutputThatChangesInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, changed := range []int{0, 1, 2, 4, 6, 10} {
		t.Run(fmt.Sprint("line ", changed), func(t *testing.T) {
			t.Parallel()
			o := newOrigin(t, 11, object)
			s := open(t, config(self("cat", o.file)))
			_, c := read(t, s, "")
			all := lines(o.file)
			all[changed] = `{"id":"changed"}`
			if err := os.WriteFile(o.file, []byte(strings.Join(all, "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			got, c := read(t, s, c)
			want(t, "after a change", got, all...)
			got, _ = read(t, s, c)
			want(t, "after that", got)
		})
	}
}

func TestOutputThatGetsShorter(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, 9, object)
	s := open(t, config(self("cat", o.file)))
	_, c := read(t, s, "")
	if err := os.WriteFile(o.file, []byte(object(0)+"\n"+object(1)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, c := read(t, s, c)
	want(t, "a shorter run", got, object(0), object(1))
	got, _ = read(t, s, c)
	want(t, "the same again", got)
	if err := os.WriteFile(o.file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, _ = read(t, s, c)
	want(t, "an empty run", got)
}

func TestFailureCountsForNothingBehindTheLastMark(t *testing.T) {
	t.Parallel()
	mark := func(s string) string { return `{"sluice_cursor":"` + s + `"}` + "\n" }
	t.Run("no mark", func(t *testing.T) {
		t.Parallel()
		s := open(t, config(self("say", object(0)+"\n", "2>token expired\n", "exit 7")))
		failure(t, s, "", fault.Transient, "command_failed", `exit code 7, saying "token expired"`)
	})
	t.Run("a mark before it", func(t *testing.T) {
		t.Parallel()
		s := open(t, config(self("say", object(0)+"\n", mark("1"), object(1)+"\n", "exit 1")))
		b, err := s.Read(t.Context(), "")
		if err != nil || len(b.Items) != 1 || string(b.Items[0]) != object(0) || b.CaughtUp {
			t.Fatalf("got %q, caught up %v, %v; want what lies before the mark", b.Items, b.CaughtUp, err)
		}
		if at, err := s.decode(b.Next); err != nil || at.Mark != "1" || at.Items != 0 {
			t.Errorf("Next is %+v, %v; want the mark, and nothing behind it", at, err)
		}
		failure(t, s, b.Next, fault.Transient, "command_failed", "exit code 1")
		proof.Row{Area: "source", Fault: "a program ends with an exit code behind its last mark", Action: proof.Retry, Reason: "command_failed", Promises: "P1 P2"}.Report(t)
	})
	t.Run("a signal", func(t *testing.T) {
		t.Parallel()
		s := open(t, config(self("say", object(0)+"\n", `{"id":`, "die")))
		failure(t, s, "", fault.Transient, "command_failed", "signal (killed), having said nothing")
		proof.Row{Area: "source", Fault: "a program is killed in the middle of a record", Action: proof.Retry, Reason: "command_failed", Promises: "P1 P2"}.Report(t)
	})
	t.Run("a signal, where a batch is full before the end is seen", func(t *testing.T) {
		t.Parallel()
		cfg := config(self("say", object(0)+"\n", `{"id":`, "die"))
		cfg.Batch = 1
		s := open(t, cfg)
		b, err := s.Read(t.Context(), "")
		if err != nil || len(b.Items) != 1 || string(b.Items[0]) != object(0) {
			t.Fatalf("got %q, %v; want the whole line", b.Items, err)
		}
		failure(t, s, b.Next, fault.Transient, "command_failed", "signal (killed)")
	})
	t.Run("a line that is cut off is an item if all is well", func(t *testing.T) {
		t.Parallel()
		got, _ := read(t, open(t, config(self("say", object(0)+"\n", object(1)))), "")
		want(t, "the last line without its end", got, object(0), object(1))
	})
	t.Run("while items are passed over", func(t *testing.T) {
		t.Parallel()
		s := open(t, config(self("say", object(0)+"\n", "exit 1")))
		var c chain
		c.add([]byte(object(0)))
		c.add([]byte(object(1)))
		next, err := position{Items: 2, Sums: c.all()}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		failure(t, s, next, fault.Transient, "command_failed", "exit code 1")
	})
}

func TestMarkThatComesBack(t *testing.T) {
	t.Parallel()
	mark := `{"sluice_cursor":"a"}` + "\n"
	s := open(t, config(self("say", mark, object(0)+"\n", mark, `{"sluice_cursor":"b"}`+"\n", object(1)+"\n", mark)))
	got, c := read(t, s, "")
	want(t, "from the beginning", got, object(0), object(1))
	for range 3 {
		b, err := s.Read(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Items) > 0 && b.Next == c {
			t.Fatalf("%q came, and Next is the cursor that they were read from", b.Items)
		}
		c = b.Next
	}
}

func TestOutputThatIsNone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, format, output, text string }{
		{"a cursor that is no text", "ndjson", object(0) + "\n\n{\"sluice_cursor\":5}\n", "line 3 of what"},
		{"a cursor with something beside", "ndjson", `{"sluice_cursor":"5","id":1}` + "\n", "first name"},
		{"an empty cursor", "ndjson", `{ "sluice_cursor" : ""}` + "\n", "first name"},
		{"a cursor with half a character", "ndjson", `{"sluice_cursor":"\ud800"}` + "\n", "no text may have"},
		{"a tap that prints text", "singer", "INFO starting\n", "not JSON"},
		{"a message without a type", "singer", `{"stream":"events"}` + "\n", "no type"},
		{"a record without a stream", "singer", `{"type":"RECORD","record":{}}` + "\n", "no stream"},
		{"a record that is none", "singer", `{"type":"RECORD","stream":"a","record":[1]}` + "\n", "no object"},
		{"a state without a value", "singer", `{"type":"STATE"}` + "\n", "no value"},
		{"records in files", "singer", `{"type":"BATCH","stream":"a","manifest":["file:///x"]}` + "\n", "batch_config"},
		{"csv with a name twice", "csv", "a,a\n1,2\n", "the same name"},
		{"csv with a quote that is not closed", "csv", "a\n\"1", "cannot be used"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(self("say", tc.output, "hang"))
			if tc.format == "csv" {
				cfg.Argv = self("say", tc.output)
			}
			cfg.Format = tc.format
			failure(t, open(t, cfg), "", fault.Blocked, "bad_output", tc.text)
		})
	}
}

func TestRowsThatAreNone(t *testing.T) {
	t.Parallel()
	cfg := config(self("say", "a;b\n1;2\n3\n4;5\n"))
	cfg.Format, cfg.Delimiter = "csv", ";"
	b, err := open(t, cfg).Read(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Items) != 3 || string(b.Items[1]) != "3" || b.Bad[1] == nil || len(b.Bad) != 1 {
		t.Errorf("got %q, bad %v; want three items, the second one bad and as it came", b.Items, b.Bad)
	}
	if got := b.Position(1); !strings.HasSuffix(got, ", line 3 of its output") {
		t.Errorf("the second item is from %q, want line 3", got)
	}
}

// A program that does not end and begins anew must not be waited for until it has printed as much as before.
func TestAnEndlessProgramThatBeginsAnew(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, 9, object)
	cfg := config(self("follow", o.file))
	cfg.Batch = 9
	s := open(t, cfg)
	b, err := s.Read(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.file, []byte(object(0)+"\n"+object(100)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Batch = 2
	b, err = open(t, cfg).Read(t.Context(), b.Next)
	if err != nil || len(b.Items) != 2 || string(b.Items[1]) != object(100) {
		t.Errorf("got %q, %v; want both that are there now", b.Items, err)
	}
}

func TestACursorNeverLeadsBackToItself(t *testing.T) {
	t.Parallel()
	s := &Source{cfg: config(self("say")), run: &run{}}
	at := position{Mark: "a"}
	after, err := at.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		b, err := s.finished(ingest.Batch{Items: [][]byte{[]byte(object(0))}}, []int64{1}, after, at, position{Mark: "a", Again: at.Again})
		if err != nil || b.Next == after {
			t.Fatalf("an item came, and Next is the cursor that it was read from (%s), %v", after, err)
		}
		after = b.Next
		if at, err = s.decode(after); err != nil {
			t.Fatal(err)
		}
	}
}
