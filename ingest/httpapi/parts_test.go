package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/ingest/format"
	"sluice/ingest/sourcetest"
	"sluice/internal/fault"
)

// onePart is a MaxPageBytes that two or three records of an api are too much for.
const onePart = 250

func TestContractInParts(t *testing.T) {
	for _, mode := range []string{paginationNone, paginationLink, paginationNext, paginationCursor, paginationPage, paginationOffset} {
		for _, since := range []bool{false, true} {
			for _, size := range []int{7, 1000} {
				t.Run(fmt.Sprintf("%s/since %v/pages of %d", mode, since, size), func(t *testing.T) {
					t.Parallel()
					sourcetest.Run(t, shape{name: "in parts", size: size, ties: 1, since: since, etags: true, part: onePart}.harness(mode))
				})
			}
		}
	}
}

// TestContractOfFormatsInParts: every record is a part of its own.
func TestContractOfFormatsInParts(t *testing.T) {
	for _, kind := range format.Kinds() {
		for _, packing := range []string{"none", "gzip"} {
			t.Run(kind+"/"+packing, func(t *testing.T) {
				t.Parallel()
				sourcetest.Run(t, sourcetest.Harness{
					Item:  func(i int) []byte { return written(kind, i) },
					Lacks: elsewhere("Forget", "Hang", "Change", "Delete", "Insert", "Tied", "Loop", "Twice"),
					New: func(t testing.TB, n int) sourcetest.Origin {
						s := serve(t, func(w http.ResponseWriter, r *http.Request) {
							var page int
							_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
							_, _ = w.Write(packed(packing, write(kind, min(11*(page-1), n), min(11*page, n))))
						}, func(c *Config) {
							c.Format, c.Pagination, c.Delimiter, c.MaxPageBytes = kind, paginationPage, ";", 50
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

// TestAPageInPartsIsAskedForOnce: it stays open from one Read to the next, and says where in it each record stood.
func TestAPageInPartsIsAskedForOnce(t *testing.T) {
	t.Parallel()
	a := &api{mode: paginationNext, size: 10, n: 20, part: onePart}
	s := start(t, a, 0, false)
	var c ingest.Cursor
	var places []string
	reads := 0
	for caughtUp := false; !caughtUp; reads++ {
		b, err := s.Read(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Items {
			places = append(places, b.Position(i))
		}
		c, caughtUp = b.Next, b.CaughtUp
	}
	if got := a.log(); len(got) != 2 || reads < 10 {
		t.Errorf("2 pages in %d Reads took the requests %q, want one for each page and parts of one or two records", reads, got)
	}
	if len(places) != 20 || places[9] != "page 1, record 10" || places[19] != "page 2, record 10" {
		t.Errorf("the records stood at %q", places)
	}
	if s.held != nil {
		t.Error("a page is still open behind its end")
	}
}

// TestAPageThatChangesBetweenItsParts: after a restart in its middle, a page that is not the same any more is returned whole.
func TestAPageThatChangesBetweenItsParts(t *testing.T) {
	t.Parallel()
	records := func(from, to int) (out []string) {
		for i := from; i < to; i++ {
			out = append(out, fmt.Sprintf(`{"id":%d,"text":"%s"}`, i, strings.Repeat("x", 50)))
		}
		return out
	}
	before := records(0, 10)
	for _, tc := range []struct {
		name string
		now  []string
		want []string // of what the restart returns; nil: what was not returned yet
	}{
		{"the same", before, nil},
		{"more at its end", records(0, 14), nil},
		{"one before", records(-1, 10), records(-1, 10)},
		{"the first is gone", records(1, 10), records(1, 10)},
		{"one of those returned has changed", append(slices.Clone(before[:1]), append([]string{`{"id":1,"text":"new"}`}, before[2:]...)...),
			append(slices.Clone(before[:1]), append([]string{`{"id":1,"text":"new"}`}, before[2:]...)...)},
		{"shorter than what was returned", records(0, 1), records(0, 1)},
		{"only what was returned", records(0, 2), nil},
		{"empty", nil, nil},
	} {
		for _, kind := range []string{format.JSON, format.NDJSON} {
			t.Run(tc.name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				now := before
				s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					if kind == format.JSON {
						_, _ = fmt.Fprintf(w, "[%s]", strings.Join(now, ","))
						return
					}
					_, _ = io.WriteString(w, strings.Join(now, "\n")+"\n")
				}, func(c *Config) {
					c.MaxPageBytes, c.Format, c.SincePath, c.SinceParam, c.SinceType = onePart, kind, "id", "id", sinceNumber
				})
				b, err := s.Read(t.Context(), "")
				if err != nil || len(b.Items) != 2 {
					t.Fatalf("%d records, %v; want two of the ten", len(b.Items), err)
				}
				now = tc.now
				rest, _ := drain(t, open(t, s.cfg), b.Next)
				want := tc.want
				if want == nil && len(now) > 0 {
					want = now[len(b.Items):]
				}
				if !slices.Equal(rest, want) {
					t.Errorf("after the restart %d records, want %d\n%s", len(rest), len(want), strings.Join(rest, "\n"))
				}
			})
		}
	}
}

// TestALongPageAfterARestartTakesLongerThanOneTimeout: what was returned is read past within as many timeouts as it has parts.
func TestALongPageAfterARestartTakesLongerThanOneTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < 20 && r.Context().Err() == nil; i++ {
				_, _ = fmt.Fprintf(w, "{\"id\":%d,\"text\":\"%s\"}\n", i, strings.Repeat("x", 1000))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		})
		c := Default()
		c.URL, c.Format, c.MaxPageBytes, c.Timeout = "http://"+apiHost+"/items", format.NDJSON, 2500, 5*time.Second
		c.Dial = inside(t, map[string]http.Handler{apiHost: slow})
		var at ingest.Cursor
		var got []string
		for caughtUp := false; !caughtUp; {
			s := open(t, c) // a restart at every place
			b, err := s.Read(t.Context(), at)
			if err != nil {
				t.Fatalf("behind %d records: %v", len(got), err)
			}
			got, at, caughtUp = append(got, texts(b)...), b.Next, b.CaughtUp
			_ = s.Close()
		}
		if len(got) != 20 {
			t.Errorf("%d records, want 20", len(got))
		}
	})
}

// TestAPageInPartsThatIsAsItWasBefore: when it is what the sweep before has seen, the server says "not modified" in its middle.
func TestAPageInPartsThatIsAsItWasBefore(t *testing.T) {
	t.Parallel()
	now := write(format.NDJSON, 0, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		tag := fmt.Sprintf(`"%x"`, hashOf([]byte(now)))
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, now)
	}, func(c *Config) { c.Format, c.MaxPageBytes = format.NDJSON, onePart })
	_, c := drain(t, s, "")
	before := now
	now = write(format.NDJSON, 0, 30)
	b, err := s.Read(t.Context(), c)
	if err != nil || b.CaughtUp || len(b.Items) == 0 {
		t.Fatalf("%d records, %v; want some of 29", len(b.Items), err)
	}
	now = before
	s = open(t, s.cfg)
	if again, err := s.Read(t.Context(), b.Next); err != nil || len(again.Items) > 0 || !again.CaughtUp {
		t.Fatalf("%d records, caught up %v, %v; want nothing new", len(again.Items), again.CaughtUp, err)
	}
	now = write(format.NDJSON, 0, 30)
	if rest, _ := drain(t, s, b.Next); len(b.Items)+len(rest) != 29 {
		t.Errorf("%d and %d records, want 29 together", len(b.Items), len(rest))
	}
}

// TestWhatIsHeldOfAPageChanges: a restart with another MaxPageBytes goes on where the page stood.
func TestWhatIsHeldOfAPageChanges(t *testing.T) {
	t.Parallel()
	for _, held := range []int{onePart - 100, onePart + 300, 1 << 20} {
		for _, mode := range []string{paginationNone, paginationOffset} {
			a := &api{mode: mode, size: 20, n: 20, part: onePart}
			s := start(t, a, 0, false)
			b, err := s.Read(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			c := s.cfg
			c.MaxPageBytes = held
			rest, _ := drain(t, open(t, c), b.Next)
			if n := len(b.Items); n == 0 || n+len(rest) != 20 || rest[0] != string(a.item(n)) {
				t.Errorf("%s, %d bytes: %d records before the restart, %d behind it, want 20 together", mode, held, n, len(rest))
			}
		}
	}
}

// TestAPageInPartsThatIsCutOff: what was returned stays, and reading goes on where it stood as soon as the page comes whole.
func TestAPageInPartsThatIsCutOff(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{format.JSON, format.NDJSON, format.CSV, format.XML} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var whole atomic.Bool
			text := write(kind, 0, 3000)
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(len(text)))
				n := len(text)
				if !whole.Load() {
					n = n / 2
				}
				_, _ = io.WriteString(w, text[:n])
			}, func(c *Config) {
				c.MaxPageBytes, c.Format, c.Delimiter = 4096, kind, ";"
				if kind == format.XML {
					c.Records = "item"
				}
			})
			var c ingest.Cursor
			var got []string
			for {
				b, err := s.Read(t.Context(), c)
				if err != nil {
					if f := fault.From(err); f.Code() != "truncated" || f.Class != fault.Transient {
						t.Fatalf("%v, want truncated, transient", err)
					}
					break
				}
				got, c = append(got, texts(b)...), b.Next
			}
			if len(got) < 1000 || len(got) > 1600 {
				t.Errorf("%d records before the end of half a page of 3000", len(got))
			}
			whole.Store(true)
			rest, _ := drain(t, s, c)
			for i, item := range append(got, rest...) {
				if item != string(written(kind, i)) {
					t.Fatalf("record %d is %s", i, item)
				}
			}
			if n := len(got) + len(rest); n != 3000 {
				t.Errorf("%d records, want 3000", n)
			}
		})
	}
}

// TestBadJSONInALaterPart: what stood before it is returned, it is not gone past, and the page is asked for again.
func TestBadJSONInALaterPart(t *testing.T) {
	t.Parallel()
	good := write(format.JSON, 0, 100)
	for name, tc := range map[string]struct{ text, code string }{
		"in a record":            {strings.Replace(good, `{"id": 70}`, `{"id": 70]`, 1), "bad_page"},
		"no end":                 {good[:len(good)-1], "bad_page"},
		"more behind the end":    {good + "x", "bad_page"},
		"no comma":               {strings.Replace(good, `{"id": 70},`, `{"id": 70} `, 1), "bad_page"},
		"a record that is large": {strings.Replace(good, `{"id": 70}`, `"`+strings.Repeat("x", 2000)+`"`, 1), "page_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := tc.text
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }, func(c *Config) { c.MaxPageBytes = 600 })
			var got []string
			var c ingest.Cursor
			var err error
			for tries := 0; tries < 4; {
				var b ingest.Batch
				if b, err = s.Read(t.Context(), c); err != nil {
					tries++
					continue
				}
				got, c = append(got, texts(b)...), b.Next
			}
			if f := fault.From(err); f.Code() != tc.code || f.Class != fault.Blocked {
				t.Fatalf("%v (%s), want %s, blocked", err, f.Code(), tc.code)
			}
			text = good
			rest, _ := drain(t, s, c)
			if got = append(got, rest...); len(got) != 100 || got[70] != string(written(format.JSON, 70)) {
				t.Errorf("%d records when the page is mended, want 100", len(got))
			}
		})
	}
}

// TestWhatHasToBeHeldWhole is refused when it is larger than allowed, since a part of it would not show what settings point to.
func TestWhatHasToBeHeldWhole(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body   string
		change func(*Config)
		parts  bool
	}{
		"plain":                    {`{"data":[%s],"next":null}`, func(c *Config) { c.Records = "data" }, true},
		"deep, the rest behind it": {`{"x":[1,{"data":[5]}],"a":{"b":[2],"data":[%s],"c":{}},"next":null}`, func(c *Config) { c.Records = "a.data" }, true},
		"a cursor beside the records": {`{"next":"","data":[%s]}`, func(c *Config) {
			c.Records, c.Pagination, c.CursorPath, c.CursorParam = "data", paginationCursor, "next", "c"
		}, true},
		"a cursor in the records": {`{"data":[%s]}`, func(c *Config) {
			c.Records, c.Pagination, c.CursorPath, c.CursorParam = "data", paginationCursor, "data.9.next", "c"
		}, false},
		"a cursor by a modifier": {`{"data":[%s]}`, func(c *Config) {
			c.Records, c.Pagination, c.CursorPath, c.CursorParam = "data", paginationCursor, "@this|next", "c"
		}, false},
		"records by a query":              {`{"data":[%s]}`, func(c *Config) { c.Records = `data.#(id>0)#` }, false},
		"no array there":                  {`{"data":{"a":[%s]}}`, func(c *Config) { c.Records = "data" }, false},
		"nothing there":                   {`{"more":[%s]}`, func(c *Config) { c.Records = "data" }, false},
		"an object where an array was":    {`{"data":[%s]}`, func(*Config) {}, false},
		"much beside the records":         {`{"data":[],"more":[%s]}`, func(c *Config) { c.Records = "data" }, false},
		"whether more follow, by records": {`{"data":[%s]}`, func(c *Config) { c.Records, c.Pagination, c.MorePath = "data", paginationPage, "data" }, false},
		"an error beside many records":    {`{"data":[%s],"error":"soon"}`, func(c *Config) { c.Records, c.ErrorPath = "data", "error" }, false},
		"details are put into records":    {`[%s]`, func(c *Config) { c.DetailURL = "/x/{id}" }, false},
		"a total that is a name beside":   {`{"data":[%s],"dataset":100}`, func(c *Config) { c.Records, c.Pagination, c.TotalPath = "data", paginationOffset, "dataset" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var items []string
			for i := range 100 {
				items = append(items, string(written(format.JSON, i)))
			}
			text := fmt.Sprintf(tc.body, strings.Join(items, ","))
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }, func(c *Config) { c.MaxPageBytes = 600; tc.change(c) })
			if tc.parts {
				if got, _ := drain(t, s, ""); !slices.Equal(got, items) {
					t.Errorf("%d records, want 100", len(got))
				}
				return
			}
			var err error
			for c, b := ingest.Cursor(""), (ingest.Batch{}); err == nil; c = b.Next {
				if b, err = s.Read(t.Context(), c); b.CaughtUp {
					t.Fatal("the end of a page that has to be refused")
				}
			}
			if code := fault.From(err).Code(); code != "page_too_large" && code != "error_in_page" {
				t.Errorf("%v (%s), want it refused", err, code)
			}
		})
	}
}

// TestAPageWithoutAnEnd: where its records would have to be known by the next sweep, reading stops before all is read.
func TestAPageWithoutAnEnd(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for i := 0; r.Context().Err() == nil; i++ {
			_, _ = fmt.Fprintf(w, "%d\n", i)
		}
	}, func(c *Config) { c.Format, c.MaxPageBytes = format.NDJSON, 1<<20 })
	n := 0
	for c, b := ingest.Cursor(""), (ingest.Batch{}); ; c = b.Next {
		var err error
		if b, err = s.Read(t.Context(), c); err != nil {
			if f := fault.From(err); f.Code() != "too_many_known" || f.Class != fault.Blocked || n > maxKnown {
				t.Errorf("%v (%s) behind %d records, want too_many_known before there are %d", err, f.Code(), n, maxKnown)
			}
			return
		}
		n += len(b.Items)
	}
}
