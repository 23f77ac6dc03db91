package httpapi

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
)

// An api is a JSON API over a list that grows, in all the forms that the source reads. Its record i is item(i).
type api struct {
	mode  string // a pagination
	size  int    // records in a page unless the request says less
	ties  int    // so many records in a row have the same "at"
	etags bool

	inclusive bool // the end of a window belongs to it
	part      int  // Config.MaxPageBytes of who reads it; 0: the usual

	mu       sync.Mutex
	n        int  // records
	gone     bool // every place but the beginning is forgotten
	silent   chan struct{}
	requests []string
}

func (a *api) item(i int) []byte {
	return fmt.Appendf(nil, `{ "id": %d, "at":%d, "big":9007199254740993, "s":"\u00e9 \/ <"}`, i, i/max(a.ties, 1))
}

func (a *api) add(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n += n
}

// log returns the requests since the last call.
func (a *api) log() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	got := a.requests
	a.requests = nil
	return got
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.requests = append(a.requests, r.URL.RequestURI())
	n, gone, silent := a.n, a.gone, a.silent
	a.mu.Unlock()
	if silent != nil {
		select {
		case <-silent:
		case <-r.Context().Done():
		}
		return
	}
	q := r.URL.Query()
	first := 0
	if since := q.Get("since"); since != "" {
		at, err := strconv.Atoi(since)
		if err != nil {
			http.Error(w, "bad since", http.StatusBadRequest)
			return
		}
		first = min(at*max(a.ties, 1), n)
	}
	if q.Has("from") { // by time, the end excluded
		first, n = between(q.Get("from"), n), between(q.Get("to"), n)
		if a.inclusive {
			n = between(q.Get("to")+"+1", a.n)
		}
	}
	size := a.size
	if l, err := strconv.Atoi(q.Get("limit")); err == nil {
		size = min(size, l)
	}
	from := a.from(q.Get, size)
	if gone && (first > 0 || from > 0) {
		http.Error(w, "too old", http.StatusGone)
		return
	}
	from = min(first+from, n)
	to := min(from+size, n)
	if a.mode == paginationNone {
		to = n
	}
	a.write(w, r, first, from, to, n)
}

// from is the place that a request asks for, counted from the first record that it selects.
func (a *api) from(get func(string) string, size int) int {
	number := func(name string) int { n, _ := strconv.Atoi(strings.TrimPrefix(get(name), "t")); return n }
	switch a.mode {
	case paginationPage:
		return (number("page") - 1) * size
	case paginationOffset:
		return number("offset")
	}
	return number("after")
}

func (a *api) write(w http.ResponseWriter, r *http.Request, first, from, to, n int) {
	var records []string
	for i := from; i < to; i++ {
		records = append(records, string(a.item(i)))
	}
	next := "null"
	if to < n {
		q := r.URL.Query()
		q.Set("after", strconv.Itoa(to-first))
		switch a.mode {
		case paginationLink:
			w.Header().Add("Link", `</first>; rel="first", <?`+q.Encode()+`>; title="a, \"b\"; c"; rel="last next"`)
		case paginationNext:
			next = fmt.Sprintf("%q", r.URL.Path+"?"+q.Encode())
		case paginationCursor:
			next = fmt.Sprintf(`"t%d"`, to-first)
		}
	}
	body := fmt.Sprintf(`{"meta":{"next":%s}, "data" : [%s ]}`, next, strings.Join(records, " , "))
	if a.etags {
		tag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(body)))
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(body))
}

// config reads a, wherever it listens.
func (a *api) config(url string, limit int, since bool) Config {
	c := Default()
	c.URL, c.Records, c.Pagination, c.Limit = url+"/items?fixed=1", "data", a.mode, limit
	switch a.mode {
	case paginationNext:
		c.NextPath = "meta.next"
	case paginationCursor:
		c.CursorPath, c.CursorParam = "meta.next", "after"
	}
	if a.part > 0 {
		c.MaxPageBytes = a.part
	}
	if since {
		c.SinceParam, c.SincePath, c.SinceType = "since", "at", sinceNumber
	}
	return c
}

// start serves a and returns a source that reads it.
func start(t testing.TB, a *api, limit int, since bool) *Source {
	t.Helper()
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	return open(t, a.config(srv.URL, limit, since))
}

// open makes a source.
func open(t testing.TB, c Config) *Source {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// serve makes a source that reads the handler, with changes to its configuration.
func serve(t testing.TB, h http.HandlerFunc, change func(*Config)) *Source {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c := Default()
	c.URL = srv.URL + "/items?secretless=visible-not"
	if change != nil {
		change(&c)
	}
	return open(t, c)
}

func TestContract(t *testing.T) {
	for _, mode := range []string{paginationNone, paginationLink, paginationNext, paginationCursor, paginationPage, paginationOffset} {
		for _, v := range []struct {
			name        string
			size, limit int
			ties        int
			since       bool
			etags       bool
		}{
			{"pages of 7", 7, 0, 1, false, false},
			{"pages of 1", 1, 0, 1, false, true},
			{"limit kept", 100, 7, 1, false, true},
			{"limit cut to less", 7, 100, 1, false, true},
			{"since", 7, 0, 1, true, false},
			{"since, ties, pages of 7", 7, 0, 5, true, true},
			{"since, ties, pages of 1", 1, 0, 4, true, true},
			{"since, all tied", 7, 7, 1000, true, true},
			{"since, limit cut to less", 7, 100, 3, true, true},
			{"since, one page", 1000, 0, 3, true, true},
		} {
			t.Run(mode+"/"+v.name, func(t *testing.T) {
				t.Parallel()
				a := &api{mode: mode, size: v.size, ties: v.ties, etags: v.etags}
				sourcetest.Run(t, sourcetest.Harness{
					Item:    a.item,
					Garbage: garbageCursors,
					New: func(t testing.TB, n int) sourcetest.Origin {
						a := &api{mode: mode, size: v.size, ties: v.ties, etags: v.etags, n: n}
						s := start(t, a, v.limit, v.since)
						o := sourcetest.Origin{
							Source: s,
							Reopen: func() ingest.Source { return open(t, s.cfg) },
							Append: a.add,
							Hang: func() {
								a.mu.Lock()
								a.silent = make(chan struct{})
								a.mu.Unlock()
								t.Cleanup(func() { close(a.silent) })
							},
						}
						if mode != paginationNone && (!v.since || v.ties < 1000) {
							o.Forget = func() { a.mu.Lock(); a.gone = true; a.mu.Unlock() }
						}
						return o
					},
				})
			})
		}
	}
}

var garbageCursors = []ingest.Cursor{
	`{"v":1} `, `{"v":1}{}`, `{"v":1,"extra":1}`, `{"v":1,"n":-1}`, `{"v":1,"full":false}`, `{"v":1,"known":"!"}`, `{"v":1,"known":"AAAA"}`,
	`{"v":1,"newest":{"k":"","t":""}}`, `{"v":1,"etag":"a\nb"}`, `{"v":1,"loop":{"p":-3}}`, `{"v":2}`,
}

// drain reads until the source has caught up.
func drain(t testing.TB, s *Source, from ingest.Cursor) ([]string, ingest.Cursor) {
	t.Helper()
	var got []string
	for range 10_000 {
		b, err := s.Read(t.Context(), from)
		if err != nil {
			t.Fatalf("Read(%s) = %v", from, err)
		}
		for _, item := range b.Items {
			got = append(got, string(item))
		}
		from = b.Next
		if b.CaughtUp {
			return got, from
		}
	}
	t.Fatal("no end after 10,000 reads")
	return nil, ""
}

// readErr is the error of a Read from the beginning.
func readErr(t testing.TB, s *Source) error {
	t.Helper()
	b, err := s.Read(context.Background(), "")
	if err == nil {
		t.Fatalf("Read returned %d items and no error", len(b.Items))
	}
	return err
}
