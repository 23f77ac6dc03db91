package httpapi

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sluice/ingest"
)

// An api is a JSON API over a list that grows, in all the forms that the source reads. Its record i is item(i).
type api struct {
	mode  string // a pagination
	size  int    // records in a page unless the request says less
	ties  int    // so many records in a row have the same "at"
	etags bool

	inclusive bool // the end of a window belongs to it
	part      int  // Config.MaxPageBytes of who reads it; 0: the usual
	keyset    bool // places name the record before them, and do not count
	twice     bool // each page leads to a copy of itself, which leads on
	moves     bool // what changes gets a new "at" and goes to the end

	mu       sync.Mutex
	n        int  // records
	gone     bool // every place but the beginning is forgotten
	era      int  // tokens of an earlier one are forgotten
	tokens   bool // only tokens are forgotten
	silent   chan struct{}
	requests []string
	deleted  map[int]bool
	changed  map[int]record
	inserted int // records ahead of record 0, with negative ids
}

// A record of an api. Those with the revision 0 are as they were issued.
type record struct{ id, at, revision int }

func (r record) text() []byte {
	if r.revision > 0 {
		return fmt.Appendf(nil, `{ "id": %d, "at":%d, "revision":%d}`, r.id, r.at, r.revision)
	}
	return fmt.Appendf(nil, `{ "id": %d, "at":%d, "big":9007199254740993, "s":"\u00e9 \/ <"}`, r.id, r.at)
}

func (a *api) record(i int) record { return record{id: i, at: i / max(a.ties, 1)} }

func (a *api) item(i int) []byte { return a.record(i).text() }

// records are all in the order of "at".
func (a *api) records() []record {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []record
	for i := -a.inserted; i < a.n; i++ {
		r := a.record(i)
		switch c, changed := a.changed[i]; {
		case changed:
			r = c
		case i < 0:
			r.at = -1
		}
		if !a.deleted[i] {
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(x, y record) int { return cmp.Compare(x.at, y.at) })
	return all
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
	gone, silent, now := a.gone, a.silent, a.era
	a.mu.Unlock()
	if silent != nil {
		select {
		case <-silent:
		case <-r.Context().Done():
		}
		return
	}
	q := r.URL.Query()
	all := a.records()
	selected := all
	if since := q.Get("since"); since != "" {
		at, err := strconv.Atoi(since)
		if err != nil {
			http.Error(w, "bad since", http.StatusBadRequest)
			return
		}
		selected = slices.DeleteFunc(slices.Clone(all), func(r record) bool { return r.at < at })
	}
	if q.Has("from") { // by time, the end excluded
		end := q.Get("to")
		if a.inclusive {
			end += "+1"
		}
		first, last := between(q.Get("from"), a.n), between(end, a.n)
		selected = slices.DeleteFunc(slices.Clone(all), func(r record) bool { return r.id < first || r.id >= last })
	}
	size := a.size
	if l, err := strconv.Atoi(q.Get("limit")); err == nil {
		size = min(size, l)
	}
	after, era, _ := strings.Cut(q.Get("after"), "@")
	if after != "" && now > 0 && era != strconv.Itoa(now) {
		http.Error(w, "no such place", http.StatusBadRequest)
		return
	}
	place, second := strings.CutSuffix(after, "~")
	from := min(a.from(q.Get, place, selected, size), len(selected))
	if gone && (from > 0 || len(selected) == 0 || selected[0] != all[0]) {
		http.Error(w, "too old", http.StatusGone)
		return
	}
	to := min(from+size, len(selected))
	if a.mode == paginationNone {
		to = len(selected)
	}
	next := ""
	switch {
	case a.twice && !second && from < to:
		next = cmp.Or(place, "0") + "~"
	case to < len(selected) && a.keyset:
		next = fmt.Sprintf("%d.%d", selected[to-1].at, selected[to-1].id)
	case to < len(selected):
		next = strconv.Itoa(to)
	}
	if next != "" && now > 0 {
		next += "@" + strconv.Itoa(now)
	}
	a.write(w, r, selected[from:to], next)
}

// from is the place that a request asks for, counted from the first record that it selects.
func (a *api) from(get func(string) string, place string, selected []record, size int) int {
	number := func(text string) int { n, _ := strconv.Atoi(strings.TrimPrefix(text, "t")); return n }
	switch {
	case a.mode == paginationPage:
		return (number(get("page")) - 1) * size
	case a.mode == paginationOffset:
		return number(get("offset"))
	case a.keyset && strings.Contains(place, "."):
		var at, id int
		_, _ = fmt.Sscanf(strings.TrimPrefix(place, "t"), "%d.%d", &at, &id)
		return sort.Search(len(selected), func(i int) bool {
			return cmp.Or(cmp.Compare(selected[i].at, at), cmp.Compare(selected[i].id, id)) > 0
		})
	}
	return number(place)
}

func (a *api) write(w http.ResponseWriter, r *http.Request, page []record, after string) {
	var records []string
	for _, r := range page {
		records = append(records, string(r.text()))
	}
	next := "null"
	if after != "" {
		q := r.URL.Query()
		q.Set("after", after)
		switch a.mode {
		case paginationLink:
			w.Header().Add("Link", `</first>; rel="first", <?`+q.Encode()+`>; title="a, \"b\"; c"; rel="last next"`)
		case paginationNext:
			next = fmt.Sprintf("%q", r.URL.Path+"?"+q.Encode())
		case paginationCursor:
			next = fmt.Sprintf("%q", "t"+strings.TrimPrefix(after, "t"))
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
