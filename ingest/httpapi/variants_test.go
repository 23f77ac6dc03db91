package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
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

// keyset says that the last record is the cursor.
func (v variant) keyset() bool { return strings.HasPrefix(v.name, "the last record") }

// misses is what the documents say of the variant.
func (v variant) misses() map[sourcetest.Disturbance]string {
	if v.keyset() {
		return nil
	}
	return map[sourcetest.Disturbance]string{sourcetest.DeletedBefore: missShift}
}

// config reads the variant.
func (v variant) config(c *Config) {
	*c = (&api{mode: v.mode}).config(strings.TrimSuffix(c.URL, "/items?secretless=visible-not"), 0, v.since)
	v.change(c)
}

// handler serves a with the variant.
func (v variant) handler(a http.Handler) http.HandlerFunc {
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

// byRecord turns "after record 6" into the place of an api whose places name a record.
func byRecord(h http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		var id int
		if _, err := fmt.Sscan(q.Get("after"), &id); err == nil {
			q.Set("after", fmt.Sprintf("%d.%d", (&api{ties: 3}).record(id).at, id))
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
					Item:   (&api{ties: 3}).item,
					Lacks:  elsewhere("Change", "Insert", "Tied", "Twice"),
					Misses: v.misses(),
					Loop: func(t testing.TB, lead, period int) ingest.Source {
						return hushed{serve(t, v.handler(circle(t, lead, period)), v.config), t}
					},
					Garbage: []ingest.Cursor{`{"v":1,"win":{"f":1,"t":2,"a":2}}`, `{"v":1,"to":1}`},
					New: func(t testing.TB, n int) sourcetest.Origin {
						a := &api{mode: v.mode, size: size, ties: 3, n: n}
						h := pathed(v.handler(a))
						if v.keyset() {
							a.keyset, h = true, byRecord(h)
						}
						s := serve(t, h, v.config)
						o := a.origin(t, s)
						o.Change, o.Insert = nil, nil
						return o
					},
				})
			})
		}
	}
}
