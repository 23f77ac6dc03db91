package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"sluice/ingest"
	"sluice/ingest/format"
)

var long = flag.Bool("long", false, "read a page of a GiB")

// TestMemoryOfAHugePage reads a page of a GiB (with -long; else 64 MiB) that exists nowhere as a whole, with a MiB of it held at
// once. It is not parallel: it looks at the whole heap.
func TestMemoryOfAHugePage(t *testing.T) {
	const held, most = 1 << 20, 8 << 20
	size := 64 << 20
	if *long {
		size = 1 << 30
	}
	text := strings.Repeat("x", 1000)
	for name, tc := range map[string]struct {
		kind, before, record, after string
	}{
		"JSON lines": {format.NDJSON, "", `{"id":1,"text":"` + text + `"}` + "\n", ""},
		"JSON":       {format.JSON, `{"data":[0`, `,{"id":1,"text":"` + text + `"}`, `],"next":null}`},
		"CSV":        {format.CSV, "id,text\n", "1," + text + "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := size / len(tc.record)
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Total", "1") // what this page holds is all
				_, _ = io.WriteString(w, tc.before)
				for range n {
					_, _ = io.WriteString(w, tc.record)
				}
				_, _ = io.WriteString(w, tc.after)
			}, func(c *Config) {
				c.MaxPageBytes, c.Format, c.Pagination, c.TotalHeader = held, tc.kind, paginationOffset, "X-Total"
				if tc.kind == format.JSON {
					c.Records = "data"
				}
			})
			got, peak := 0, uint64(0)
			for c, b := ingest.Cursor(""), (ingest.Batch{}); !b.CaughtUp; c = b.Next {
				var err error
				if b, err = s.Read(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				got += len(b.Items)
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
				runtime.KeepAlive(b)
			}
			if tc.kind == format.JSON {
				n++
			}
			if got != n || peak > most {
				t.Errorf("%d of %d records, at most %d bytes in memory; want all in %d", got, n, peak, most)
			}
		})
	}
}

// FuzzElements: what is read in parts is what is read whole.
func FuzzElements(f *testing.F) {
	for _, text := range []string{`{"data":[1,{"a":"]"}],"next":"x"}`, `{"a":{"data":[1]},"data":[],"b":[1,2]}`, `{"data":null}`, `[`, `{"data":[1 2]}`, "{\"d\\u0061ta\":[\"\xff\"]}", `{"data":[1]}x`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		e := newElements(bytes.NewReader(text), "data", 1<<20)
		var got []string
		var err error
		for err == nil {
			var item format.Item
			if item, err = e.next(); err == nil {
				got = append(got, string(item.Data))
			}
		}
		if err != io.EOF { //nolint:errorlint // its contract
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q was read to its end, and is not JSON", text)
		}
		if strings.Contains(string(text), `\`) { // gjson tells names apart by their bytes
			return
		}
		var want []string
		gjson.GetBytes(text, "data").ForEach(func(_, v gjson.Result) bool { want = append(want, strings.TrimSpace(v.Raw)); return true })
		if !slices.Equal(got, want) {
			t.Fatalf("%q: elements %q, want %q", text, got, want)
		}
		if !json.Valid(e.beside.Bytes()) || gjson.GetBytes(e.beside.Bytes(), "data").Raw != "[]" {
			t.Fatalf("%q: beside the elements stands %q", text, e.beside.String())
		}
	})
}
