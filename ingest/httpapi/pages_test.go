package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
	"sluice/internal/fault"
)

// A variant is an API in which the next page is named in another way than in the modes of api.
type variant struct {
	name   string
	mode   string // of the api behind it
	since  bool
	change func(*Config)
	write  func(w http.ResponseWriter, body map[string]json.RawMessage) // makes the page out of that of the api
	asks   func(body string) string                                     // the query that a body stands for
}

// handler serves a with the variant.
func (v variant) handler(a *api) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if v.asks != nil {
			body, _ := io.ReadAll(r.Body)
			if r.Method != http.MethodPost || !json.Valid(body) && r.Header.Get("Content-Type") == "application/json" {
				http.Error(w, "want JSON in a POST", http.StatusBadRequest)
				return
			}
			r.URL.RawQuery = v.asks(string(body))
		}
		inner := &buffered{header: http.Header{}}
		a.ServeHTTP(inner, r)
		var page map[string]json.RawMessage
		if v.write == nil || json.Unmarshal([]byte(inner.body.String()), &page) != nil {
			for name, values := range inner.header {
				w.Header()[name] = values
			}
			w.WriteHeader(max(inner.status, 200))
			_, _ = io.WriteString(w, inner.body.String())
			return
		}
		v.write(w, page)
	}
}

type buffered struct {
	header http.Header
	status int
	body   strings.Builder
}

func (b *buffered) Header() http.Header            { return b.header }
func (b *buffered) WriteHeader(status int)         { b.status = status }
func (b *buffered) Write(text []byte) (int, error) { return b.body.Write(text) }

// next is the token that a page of an api holds.
func next(page map[string]json.RawMessage) (token string) {
	var meta struct{ Next string }
	_ = json.Unmarshal(page["meta"], &meta)
	return meta.Next
}

// fields reads names and values out of a body, as they stand between colon and comma, and makes a query of them.
func fields(names ...string) func(string) string {
	return func(body string) string {
		q := url.Values{}
		for _, name := range names {
			if _, rest, found := strings.Cut(body, `"`+name+`":`); found {
				value, _, _ := strings.Cut(strings.TrimSpace(rest), ",")
				if value = strings.Trim(value, ` "}`); value != "null" && value != "" {
					q.Set(name, value)
				}
			}
		}
		return q.Encode()
	}
}

var variants = []variant{
	{name: "the cursor in a header", mode: paginationCursor, change: func(c *Config) { c.CursorPath, c.CursorHeader = "", "X-Next" },
		write: func(w http.ResponseWriter, page map[string]json.RawMessage) {
			w.Header().Set("X-Next", next(page))
			fmt.Fprintf(w, `{"data":%s}`, page["data"])
		}},
	{name: "the last record is the cursor, has_more", mode: paginationCursor, change: func(c *Config) { c.CursorPath, c.CursorRecordPath, c.MorePath = "", "id", "has_more" },
		write: func(w http.ResponseWriter, page map[string]json.RawMessage) {
			fmt.Fprintf(w, `{"data":%s,"has_more":%v}`, page["data"], next(page) != "")
		}},
	{name: "the last record is the cursor, an empty page is the end", mode: paginationCursor, change: func(c *Config) { c.CursorPath, c.CursorRecordPath = "", "id" }},
	{name: "pages with has_more as a number", mode: paginationPage, change: func(c *Config) { c.MorePath = "more" },
		write: func(w http.ResponseWriter, page map[string]json.RawMessage) {
			fmt.Fprintf(w, `{"data":%s,"more":%d}`, page["data"], len(page["data"])/4)
		}},
	{name: "a token in the body of a POST", mode: paginationCursor, change: func(c *Config) {
		c.Method, c.CursorParam, c.Body = http.MethodPost, "", `{"query":"{ items { id } }","variables":{"after": {{cursor|null}}, "limit": {{limit}}}}`
		c.Limit = 5
	}, asks: fields("after", "limit")},
	{name: "a token within a text of a POST, since", mode: paginationCursor, since: true, change: func(c *Config) {
		c.Method, c.CursorParam, c.SinceParam, c.Body = http.MethodPost, "", "", `{"after": "{{cursor|}}", "since": {{since|null}}}`
	}, asks: fields("after", "since")},
	{name: "an offset in a form", mode: paginationOffset, change: func(c *Config) {
		c.Method, c.BodyType, c.Body = http.MethodPost, "application/x-www-form-urlencoded", "offset={{offset}}&x=1"
	}, asks: func(body string) string { return body }},
	{name: "a page and since in the path", mode: paginationPage, since: true, change: func(c *Config) {
		c.URL = strings.Replace(c.URL, "/items?fixed=1", "/items/{{since|0}}/{{page}}?x={{page}}", 1)
		c.SinceParam = ""
	}},
}

// pathed serves paths /items/SINCE/PAGE as queries.
func pathed(h http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if part := strings.Split(r.URL.Path, "/"); len(part) == 4 {
			if r.URL.RawQuery != "x="+part[3] {
				http.Error(w, "what?", http.StatusBadRequest)
				return
			}
			r.URL.RawQuery = url.Values{"since": {part[2]}, "page": {part[3]}}.Encode()
		}
		h.ServeHTTP(w, r)
	}
}

// byRecord turns "after record 6" into "after 7 records".
func byRecord(h http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		var id int
		if _, err := fmt.Sscan(q.Get("after"), &id); err == nil {
			q.Set("after", fmt.Sprint(id+1))
			r.URL.RawQuery = q.Encode()
		}
		h.ServeHTTP(w, r)
	}
}

func TestContractWithVariants(t *testing.T) {
	for _, v := range variants {
		for _, size := range []int{1, 4, 7} {
			t.Run(fmt.Sprintf("%s/pages of %d", v.name, size), func(t *testing.T) {
				t.Parallel()
				sourcetest.Run(t, sourcetest.Harness{
					Item:    (&api{ties: 3}).item,
					Garbage: []ingest.Cursor{`{"v":1,"win":{"f":1,"t":2,"a":2}}`, `{"v":1,"to":1}`},
					New: func(t testing.TB, n int) sourcetest.Origin {
						a := &api{mode: v.mode, size: size, ties: 3, n: n}
						h := pathed(v.handler(a))
						if strings.HasPrefix(v.name, "the last record") {
							h = byRecord(h)
						}
						s := serve(t, h, func(c *Config) {
							*c = a.config(strings.TrimSuffix(c.URL, "/items?secretless=visible-not"), 0, v.since)
							v.change(c)
						})
						return sourcetest.Origin{
							Source: s, Reopen: func() ingest.Source { return open(t, s.cfg) }, Append: a.add,
							Forget: func() { a.mu.Lock(); a.gone = true; a.mu.Unlock() },
						}
					},
				})
			})
		}
	}
}

// TestTotals: where the API says how many there are, no request is made behind the last page.
func TestTotals(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, mode string
		n, total   int
		header     bool
		want       int // requests
	}{
		{"pages in the body", paginationPage, 12, 3, false, 3},
		{"pages in a header", paginationPage, 12, 3, true, 3},
		{"records", paginationOffset, 12, 12, false, 3},
		{"records, the last page not full", paginationOffset, 9, 9, true, 3},
		{"none at all", paginationPage, 0, 0, false, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := &api{mode: tc.mode, size: 4, n: tc.n}
			s := serve(t, variant{write: func(w http.ResponseWriter, page map[string]json.RawMessage) {
				total := tc.total
				if tc.header {
					w.Header().Set("X-Total", fmt.Sprint(total))
					total = 99
				}
				fmt.Fprintf(w, `{"data":%s,"total":%d}`, page["data"], total)
			}}.handler(a), func(c *Config) {
				c.Pagination, c.Records, c.TotalPath = tc.mode, "data", "total"
				if tc.header {
					c.TotalPath, c.TotalHeader = "", "X-Total"
				}
			})
			got, c := drain(t, s, "")
			if log := a.log(); len(got) != tc.n || len(log) != tc.want {
				t.Errorf("%d records with %d requests, want %d with %d: %q", len(got), len(log), tc.n, tc.want, log)
			}
			if again, _ := drain(t, s, c); len(again) > 0 {
				t.Errorf("%d records came again", len(again))
			}
		})
	}
}

// capServer gives at most pages pages of 3 for one question: behind them it says that nothing follows, or that something does.
func capServer(a *api, pages int, says bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var page int
		_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
		if page > pages {
			http.Error(w, "only the first results are available", http.StatusUnprocessableEntity)
			return
		}
		inner, after := &buffered{header: http.Header{}}, &buffered{header: http.Header{}}
		a.ServeHTTP(inner, r)
		q := r.URL.Query()
		q.Set("page", fmt.Sprint(page+1))
		r.URL.RawQuery = q.Encode()
		a.ServeHTTP(after, r)
		more := strings.Contains(after.body.String(), `"id"`) && (says || page < pages)
		_, _ = io.WriteString(w, strings.Replace(inner.body.String(), `"next":`, fmt.Sprintf(`"more":%v,"next":`, more), 1))
	}
}

func TestAnAPIThatCapsItsPages(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		n, ties int
		says    bool
		down    bool
		want    string // in the error; "": all come, once each
	}{
		{"many times the cap", 60, 1, true, false, ""},
		{"the cap looks like the end", 60, 1, false, false, ""},
		{"exactly the cap", 9, 1, false, false, ""},
		{"ties that a question can hold", 60, 4, true, false, ""},
		{"ties that it cannot", 60, 20, true, false, "one value"},
		{"descending", 60, 1, true, true, "do not ascend"},
		{"descending, and the cap looks like the end", 60, 1, false, true, "do not ascend"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := &api{mode: paginationPage, size: 3, n: tc.n, ties: tc.ties}
			h := capServer(a, 3, tc.says)
			if tc.down {
				up := h
				h = func(w http.ResponseWriter, r *http.Request) {
					inner := &buffered{header: http.Header{}}
					up(inner, r)
					_, _ = io.WriteString(w, strings.ReplaceAll(inner.body.String(), `"at":`, `"at":-`))
				}
			}
			s := serve(t, h, func(c *Config) {
				c.Pagination, c.Records, c.MorePath, c.MaxPages = paginationPage, "data", "meta.more", 3
				c.SinceParam, c.SincePath, c.SinceType = "since", "at", sinceNumber
			})
			if tc.want == "" {
				got, c := drain(t, s, "")
				if !slices.Equal(got, a.items(tc.n)) {
					t.Fatalf("%d records, want the %d of the API, once each", len(got), tc.n)
				}
				a.add(5)
				if got, _ = drain(t, s, c); len(got) != 5 {
					t.Errorf("%d new records, want 5", len(got))
				}
				return
			}
			var err error
			for c, b := ingest.Cursor(""), (ingest.Batch{}); err == nil && !b.CaughtUp; c = b.Next {
				b, err = s.Read(t.Context(), c)
			}
			if err == nil || !fault.Is(err, fault.Blocked) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want a Blocked fault that says %q", err, tc.want)
			}
		})
	}
}

// TestErrorsWithStatus200 holds back a page that is an error, with the API's own words, and goes on when it is none.
func TestErrorsWithStatus200(t *testing.T) {
	t.Parallel()
	body := `{"data":[],"errors":[{"message":"no such field \u001b[31m"}]}`
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) },
		func(c *Config) { c.Records, c.ErrorPath = "data", "errors" })
	for i, class := range []fault.Class{fault.Transient, fault.Transient, fault.Blocked, fault.Blocked} {
		f := fault.From(readErr(t, s))
		if f.Reason != "error_in_page" || f.Class != class || !strings.Contains(f.Error(), "no such field") || strings.Contains(f.Error(), "\x1b") {
			t.Errorf("time %d: %v %s %v; want %v error_in_page with the text of the API", i+1, f.Class, f.Reason, f, class)
		}
	}
	for _, body = range []string{`{"data":[1],"errors":[]}`, `{"data":[1],"errors":null}`, `{"data":[1]}`} {
		if got, _ := drain(t, s, ""); len(got) != 1 {
			t.Errorf("%s: %d records, want 1", body, len(got))
		}
	}
}

func TestSinceLookback(t *testing.T) {
	t.Parallel()
	for _, format := range []string{sinceSame, sinceUnix, sinceRFC3339} {
		t.Run(format, func(t *testing.T) {
			at := func(minute int) time.Time { return time.Unix(epoch+60*int64(minute), 0).UTC() }
			var shown []int
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				bound := at(-1)
				switch text := r.URL.Query().Get("since"); {
				case text != "" && format == sinceUnix:
					var n int64
					_, _ = fmt.Sscan(text, &n)
					bound = time.Unix(n, 0)
				case text != "":
					var err error
					if bound, err = time.Parse(time.RFC3339, text); err != nil {
						http.Error(w, "no time", http.StatusBadRequest)
						return
					}
				}
				var out []string
				for _, m := range shown {
					if !at(m).Before(bound) {
						out = append(out, fmt.Sprintf(`{"at":%q,"m":%d}`, at(m).Format(time.RFC3339), m))
					}
				}
				fmt.Fprintf(w, "[%s]", strings.Join(out, ","))
			}, func(c *Config) {
				c.SinceParam, c.SincePath, c.SinceType, c.SinceFormat, c.SinceLookback = "since", "at", sinceRFC3339, format, 10*time.Minute
			})
			var c ingest.Cursor
			for step, tc := range []struct {
				shows []int
				want  int
			}{
				{[]int{0, 1, 2, 30, 31, 32}, 6},
				{[]int{33}, 1},
				{[]int{25, 23}, 2}, // late, within the ten minutes
				{[]int{22}, 0},     // too late
				{nil, 0},
				{[]int{50}, 1},
				{[]int{41, 39}, 1},
			} {
				shown = append(shown, tc.shows...)
				var got []string
				if got, c = drain(t, s, c); len(got) != tc.want {
					t.Errorf("step %d: %d records %q, want %d", step, len(got), got, tc.want)
				}
			}
			if len(c) > 400 {
				t.Errorf("the cursor is %s, want no more than the last ten minutes in it", c)
			}
		})
	}
}

// TestTheLastPageSaysThatItIs: where a page says so, no request is made for what would follow it.
func TestTheLastPageSaysThatItIs(t *testing.T) {
	t.Parallel()
	for _, v := range variants[1:4] {
		t.Run(v.name, func(t *testing.T) {
			a := &api{mode: v.mode, size: 4, n: 12}
			s := serve(t, byRecord(v.handler(a)), func(c *Config) {
				c.Pagination, c.Records, c.CursorParam = v.mode, "data", "after"
				v.change(c)
			})
			got, _ := drain(t, s, "")
			want := 3
			if s.cfg.MorePath == "" {
				want = 4 // only an empty page tells
			}
			if v.mode == paginationPage {
				want = 4 // this one says so of every page with records
			}
			if log := a.log(); len(got) != 12 || len(log) != want {
				t.Errorf("%d records with %d requests, want 12 with %d: %q", len(got), len(log), want, log)
			}
		})
	}
}
