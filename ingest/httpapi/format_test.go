package httpapi

import (
	zipfile "archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/ingest/format"
	"sluice/ingest/sourcetest"
	"sluice/internal/fault"
)

// write is the records from to to-1 as a page of a kind.
func write(kind string, from, to int) string {
	var b strings.Builder
	if kind == format.CSV {
		b.WriteString("id;s\r\n")
	}
	var list []string
	for i := from; i < to; i++ {
		switch kind {
		case format.NDJSON:
			fmt.Fprintf(&b, "{ \"id\":%d, \"s\":\"\\u00e9\"}\r\n\n", i)
		case format.CSV:
			fmt.Fprintf(&b, "%d;\"a \"\"b\"\"\nc\"\r\n", i)
		case format.Lines:
			fmt.Fprintf(&b, "%d \"x\"\n", i)
		case format.XML:
			fmt.Fprintf(&b, `<item id="%d"><s>&lt;é</s></item> `, i)
		default:
			list = append(list, fmt.Sprintf(`{"id": %d}`, i))
		}
	}
	switch kind {
	case format.XML:
		return `<?xml version="1.0"?><page><item2/>` + b.String() + "</page>"
	case format.JSON:
		return "[" + strings.Join(list, ", ") + "]"
	}
	return b.String()
}

// written is what write makes of record i.
func written(kind string, i int) []byte {
	switch kind {
	case format.NDJSON:
		return fmt.Appendf(nil, `{ "id":%d, "s":"\u00e9"}`, i)
	case format.CSV:
		return fmt.Appendf(nil, `{"id":"%d","s":"a \"b\"\nc"}`, i)
	case format.Lines:
		return fmt.Appendf(nil, `{"line":"%d \"x\""}`, i)
	case format.XML:
		return fmt.Appendf(nil, `{"@id":"%d","s":"<é"}`, i)
	}
	return fmt.Appendf(nil, `{"id": %d}`, i)
}

// packed is files in a packing: none, gzip or zip.
func packed(packing string, files ...string) []byte {
	var b bytes.Buffer
	switch packing {
	case "gzip":
		for _, f := range files { // members one after the other
			z := gzip.NewWriter(&b)
			_, _ = io.WriteString(z, f)
			_ = z.Close()
		}
	case "zip":
		z := zipfile.NewWriter(&b)
		_, _ = z.Create("folder/")
		w, _ := z.Create("__MACOSX/folder/._0.txt")
		_, _ = io.WriteString(w, "\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")
		for i, f := range files {
			w, _ := z.Create(fmt.Sprintf("folder/%d.txt", i))
			_, _ = io.WriteString(w, f)
		}
		_ = z.Close()
	default:
		return []byte(strings.Join(files, ""))
	}
	return b.Bytes()
}

func TestContractWithFormats(t *testing.T) {
	for _, kind := range format.Kinds() {
		for _, packing := range []string{"none", "gzip", "zip"} {
			t.Run(kind+"/"+packing, func(t *testing.T) {
				t.Parallel()
				sourcetest.Run(t, sourcetest.Harness{
					Item:  func(i int) []byte { return written(kind, i) },
					Lacks: elsewhere("Forget", "Hang", "Change", "Delete", "Insert", "Tied", "Loop", "Twice"),
					New: func(t testing.TB, n int) sourcetest.Origin {
						s := serve(t, func(w http.ResponseWriter, r *http.Request) {
							var page int
							_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
							from, to := min(5*(page-1), n), min(5*page, n)
							files := []string{write(kind, from, to)}
							if packing == "zip" {
								files = []string{write(kind, from, min(from+2, to)), write(kind, min(from+2, to), to)}
							}
							_, _ = w.Write(packed(packing, files...))
						}, func(c *Config) {
							c.Format, c.Pagination, c.Delimiter = kind, paginationPage, ";"
							if kind == format.XML {
								c.Records = "item"
							}
						})
						return sourcetest.Origin{Source: s, Reopen: func() ingest.Source { return open(t, s.cfg) }, Append: func(more int) { n += more }}
					},
				})
			})
		}
	}
}

// TestWrongInput: one clear reason for each, with the place, and nothing is skipped: the page is read when it is mended.
func TestWrongInput(t *testing.T) {
	t.Parallel()
	const login = "<!DOCTYPE html>\n<html><title>Log in</title></html>"
	big := write(format.NDJSON, 0, 100_000)
	for _, tc := range []struct {
		name, kind string
		body       []byte
		header     string // Content-Type
		want       []string
		code       string
	}{
		{"bad JSON", format.JSON, []byte(`[{"id":1},{"id":2]`), "", []string{"page 3: ", "is not JSON: at byte"}, "bad_page"},
		{"JSON cut off", format.JSON, []byte(`[{"id":1},{"i`), "", []string{"page 3: ", "unexpected end"}, "bad_page"},
		{"a login page for JSON", format.JSON, []byte(login), "text/html", []string{"page 3: ", "HTML page"}, "bad_page"},
		{"a login page for CSV", format.CSV, []byte(login), "", []string{"page 3: ", "HTML page"}, "bad_page"},
		{"a login page for lines", format.Lines, []byte("Please log in"), "text/html; charset=utf-8", []string{"page 3: ", "HTML page"}, "bad_page"},
		{"nothing for XML", format.XML, nil, "", []string{"page 3: ", "there is no element in it"}, "bad_page"},
		{"a login page for XML", format.XML, []byte(login), "", []string{"page 3: ", "HTML page"}, "bad_page"},
		{"a gzip file cut off", format.NDJSON, packed("gzip", write(format.NDJSON, 10, 900))[:200], "", []string{"page 3: ", "gzip file is cut off"}, "bad_page"},
		{"a gzip file with a header only", format.JSON, packed("gzip", "[]")[:10], "", []string{"page 3: ", "gzip file is cut off"}, "bad_page"},
		{"a gzip file that is damaged", format.JSON, append(packed("gzip", "[]")[:12], packed("gzip", "[1]")[13:]...), "", []string{"page 3: ", "gzip file"}, "bad_page"},
		{"a zip file cut off", format.CSV, packed("zip", write(format.CSV, 10, 900))[:200], "", []string{"page 3: ", "zip file"}, "bad_page"},
		{"a zip file without files", format.CSV, packed("zip"), "", []string{"page 3: ", "zip file: it holds no file"}, "bad_page"},
		{"a zip file of too many", format.JSON, packed("zip", slices.Repeat([]string{"[]"}, maxFiles+1)...), "", []string{"page 3: ", "files, more than 1000"}, "bad_page"},
		{"a bad file in a zip file", format.JSON, packed("zip", "[1]", "[2"), "", []string{"page 3: ", "file 2 of the zip file", "is not JSON"}, "bad_page"},
		{"lines of JSON cut off", format.NDJSON, []byte(write(format.NDJSON, 10, 12) + `{"id":3`), "", []string{"page 3: ", "in the middle of record 3"}, "bad_page"},
		{"rows cut off", format.CSV, []byte("id;s\n1;a\n2"), "", []string{"page 3: ", "in the middle of record 2"}, "bad_page"},
		{"XML cut off", format.XML, []byte(`<page><item id="1"/><item`), "", []string{"page 3: ", "behind record 1"}, "bad_page"},
		{"two columns of one name", format.CSV, []byte("id;id\n1;2\n"), "", []string{"page 3: ", "same name"}, "bad_page"},
		{"JSON for CSV, on one line", format.CSV, []byte(`{"data":[{"id":1}]}`), "application/vnd.api+json; charset=utf-8", []string{"page 3: ", "set that to json", "SLUICE_HTTP_FORMAT"}, "bad_page"},
		{"JSON for XML", format.XML, []byte(`[{"id":1}]`), "application/json", []string{"page 3: ", "SLUICE_HTTP_FORMAT"}, "bad_page"},
		{"a zip file too large", format.NDJSON, packed("zip", write(format.NDJSON, 0, 40_000), big), "", []string{"page 3: ", "larger than"}, "page_too_large"},
		{"a gzip file that explodes", format.NDJSON, packed("gzip", strings.Repeat("\n", 1<<20+1<<19)), "", []string{"page 3: ", "times larger"}, "page_bomb"},
		{"a zip file that explodes", format.Lines, packed("zip", strings.Repeat("\n", 1<<20), strings.Repeat("\n", 1<<19)), "", []string{"page 3: ", "times larger"}, "page_bomb"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			broken := true
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				var page int
				_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
				if page == 3 && broken {
					w.Header().Set("Content-Type", tc.header)
					_, _ = w.Write(tc.body)
					return
				}
				_, _ = io.WriteString(w, write(tc.kind, min(5*page-5, 15), min(5*page, 15)))
			}, func(c *Config) {
				c.Format, c.Pagination, c.Delimiter, c.MaxPageBytes = tc.kind, paginationPage, ";", 2<<20
				if tc.kind == format.XML {
					c.Records = "item"
				}
			})
			var got []string
			var c ingest.Cursor
			for range 2 {
				b, err := s.Read(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				got, c = append(got, texts(b)...), b.Next
			}
			for range 3 {
				_, err := s.Read(t.Context(), c)
				if code := fault.From(err).Code(); err == nil || code != tc.code {
					t.Fatalf("error %v (%s), want %s", err, code, tc.code)
				}
				for _, want := range tc.want {
					if !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\r\n") {
						t.Errorf("error %q, want %q in it, on one line", err, want)
					}
				}
			}
			if _, err := s.Read(t.Context(), c); !fault.Is(err, fault.Blocked) {
				t.Errorf("after several times: %v, want Blocked", err)
			}
			broken = false
			rest, _ := drain(t, s, c)
			if got = append(got, rest...); len(got) != 15 || got[14] != string(written(tc.kind, 14)) {
				t.Errorf("%d records, want 15: %q", len(got), got)
			}
		})
	}
}

func texts(b ingest.Batch) (out []string) {
	for _, item := range b.Items {
		out = append(out, string(item))
	}
	return out
}

// TestBadRowsAreToldApart: a row that is none goes with its bytes, its reason and its place; its neighbours are records.
func TestBadRowsAreToldApart(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, body string
		bad        map[int]string // by the place in the batch: raw bytes
		positions  []string
	}{
		{"one file", "a,b\n1,2\n3\n\"x\ny\",4\n5,6,7\n", map[int]string{1: "3", 3: "5,6,7"},
			[]string{"page 1, line 2", "page 1, line 3", "page 1, line 4", "page 1, line 6"}},
		{"two files", string(packed("zip", "a,b\n1,2\n", "a,b\n\xff,3\n4,5")), map[int]string{1: "\xff,3"},
			[]string{"page 1, file 1, line 2", "page 1, file 2, line 2", "page 1, file 2, line 3"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tc.body) }, func(c *Config) { c.Format = format.CSV })
			b, err := s.Read(t.Context(), "")
			if err != nil || len(b.Items) != len(tc.positions) {
				t.Fatalf("%d items, %v; want %d", len(b.Items), err, len(tc.positions))
			}
			for i, want := range tc.positions {
				raw, bad := tc.bad[i]
				if got := b.Position(i); got != want || (b.Bad[i] != nil) != bad || bad && string(b.Items[i]) != raw {
					t.Errorf("item %d: %q at %q, bad: %v; want it at %q, bad: %v", i, b.Items[i], got, b.Bad[i], want, bad)
				}
			}
		})
	}
}

// TestPositionsCountOnlyWhatIsNew: skipped records do not shift the places of those behind them.
func TestPositionsCountOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	n := 3
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(packed("zip", write(format.JSON, 0, 2), write(format.JSON, 2, n)))
	}, nil)
	_, c := drain(t, s, "")
	n = 5
	b, err := s.Read(t.Context(), c)
	if err != nil || len(b.Items) != 2 {
		t.Fatalf("%d items, %v; want 2", len(b.Items), err)
	}
	if got, want := b.Position(0)+"; "+b.Position(1), "page 1, file 2, record 2; page 1, file 2, record 3"; got != want {
		t.Errorf("positions %q, want %q", got, want)
	}
}
