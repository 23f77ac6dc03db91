package s3_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/ingest/s3"
	"sluice/ingest/sourcetest"
)

// A shape is a way to lay items out in objects.
type shape struct {
	name string
	item func(i int) []byte // as a Read returns it; nil: line
	// put writes the items from to to-1 with one call for each object.
	put   func(t testing.TB, write func(key, text string), from, to int)
	tweak func(c *s3.Config)
}

// one writes an object for each addition.
func one(name string, pack func(t testing.TB, text string) string) func(t testing.TB, write func(key, text string), from, to int) {
	return func(t testing.TB, write func(key, text string), from, to int) {
		if text := lines(from, to); text != "" {
			write(fmt.Sprintf("in/%06d%s", from, name), pack(t, text))
		}
	}
}

func plain(_ testing.TB, text string) string { return text }

func rows(i int) []byte { return fmt.Appendf(nil, `{"id":"%d","text":"a\n\"row\""}`, i) }

func putRows(t testing.TB, write func(key, text string), from, to int) {
	var b strings.Builder
	b.WriteString("\ufeffid,text\r\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "%d,\"a\n\"\"row\"\"\"\r\n", i)
	}
	if from < to {
		write(fmt.Sprintf("in/%06d.csv", from), b.String())
	}
}

var shapes = []shape{
	{name: "an object for each addition", put: one(".ndjson", plain)},
	{name: "an object for each record", put: func(t testing.TB, write func(key, text string), from, to int) {
		for i := from; i < to; i++ {
			write(fmt.Sprintf("in/%06d", i), lines(i, i+1))
			write(fmt.Sprintf("in/%06d.empty", i), "")
		}
	}, tweak: func(c *s3.Config) { c.Batch = 7 }},
	{name: "a record for each read", put: one(".ndjson", plain), tweak: func(c *s3.Config) { c.Batch = 1 }},
	{name: "seven records for each read", put: one("", plain), tweak: func(c *s3.Config) { c.Batch = 7 }},
	{name: "all of it in one read", put: one("", plain), tweak: func(c *s3.Config) { c.Batch = 1000 }},
	{name: "gzip", put: one(".gz", gz)},
	{name: "gzip, a record for each read", put: one(".gz", gz), tweak: func(c *s3.Config) { c.Batch = 1 }},
	{name: "gzip of two members, by content", put: one(".data", func(t testing.TB, text string) string {
		return gz(t, text[:len(text)/2]) + gz(t, text[len(text)/2:])
	})},
	{name: "zstd", put: one(".zst", zst), tweak: func(c *s3.Config) { c.Batch = 7 }},
	{name: "csv", item: rows, put: putRows, tweak: func(c *s3.Config) { c.Format = "csv" }},
	{name: "csv, a record for each read", item: rows, put: putRows, tweak: func(c *s3.Config) { c.Format, c.Batch = "csv", 1 }},
	{name: "csv in gzip", item: rows, put: func(t testing.TB, write func(key, text string), from, to int) {
		putRows(t, func(key, text string) { write(key+".gz", gz(t, text)) }, from, to)
	}, tweak: func(c *s3.Config) { c.Format = "csv" }},
	{name: "csv without a header", item: rows, put: func(t testing.TB, write func(key, text string), from, to int) {
		putRows(t, func(key, text string) { write(key, strings.TrimPrefix(text, "\ufeffid,text\r\n")) }, from, to)
	}, tweak: func(c *s3.Config) { c.Format, c.Columns = "csv", []string{"id", "text"} }},
	{name: "lines", item: func(i int) []byte { return fmt.Appendf(nil, `{"line":"line %d"}`, i) },
		put: func(t testing.TB, write func(key, text string), from, to int) {
			text := ""
			for i := from; i < to; i++ {
				text += fmt.Sprintf("line %d\n", i)
			}
			if text != "" {
				write(fmt.Sprintf("in/%06d.log", from), strings.TrimSuffix(text, "\n"))
			}
		}, tweak: func(c *s3.Config) { c.Format = "lines" }},
	{name: "an array of json", put: func(t testing.TB, write func(key, text string), from, to int) {
		if from < to {
			write(fmt.Sprintf("in/%06d.json", from), "[\n"+strings.ReplaceAll(strings.TrimSpace(lines(from, to)), "\n", ",\n")+"\n]\n")
		}
	}, tweak: func(c *s3.Config) { c.Format = "json" }},
}

// garbage are texts that are no cursors of this source.
var garbage = []ingest.Cursor{
	`{"v":1,"k":""}`, `{"v":2,"k":"in/a"}`, `{"v":1,"k":"in/a","o":5}`, `{"v":1,"k":"in/a","e":"x"}`, `{"v":1,"k":"in/a","e":"x","o":-5}`,
	`{"v":1,"k":"other/a"}`, `{"v":1,"k":"in/a","l":3}`, `{"v":1, "k":"in/a"}`, ingest.Cursor(`{"v":1,"k":"in/` + strings.Repeat("k", 1024) + `"}`),
}

// prefixed reads what is under in/.
func (sh shape) prefixed(c *s3.Config) {
	c.Prefix = "in/"
	if sh.tweak != nil {
		sh.tweak(c)
	}
}

// TestContract runs the suite that every source passes against gofakes3, with a listing that comes in pages of three.
func TestContract(t *testing.T) {
	t.Parallel()
	for _, sh := range shapes {
		t.Run(sh.name, func(t *testing.T) {
			t.Parallel()
			if sh.item == nil {
				sh.item = line
			}
			sourcetest.Run(t, sourcetest.Harness{Item: sh.item, Garbage: garbage, New: func(t testing.TB, n int) sourcetest.Origin {
				s := newServer(t)
				s.maxKeys = 3
				s.put(t, "before", "not in the prefix\n")
				s.put(t, "zzz", "not in the prefix\n")
				s.put(t, "in/", "")
				write := func(key, text string) { s.put(t, key, text) }
				sh.put(t, write, 0, n)
				o := sourcetest.Origin{
					Source: open(t, s.address, sh.prefixed),
					Reopen: func() ingest.Source { return open(t, s.address, sh.prefixed) },
					Append: func(more int) { sh.put(t, write, n, n+more); n += more },
					Hang: func() {
						s.meddle(func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })
					},
				}
				if sh.name == "an object for each addition" { // its last cursor is in the middle of an object
					o.Forget = func() { s.remove(t, "in/000000.ndjson") }
				}
				return o
			}})
		})
	}
}
