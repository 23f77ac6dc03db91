package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
	"sluice/internal/fault"
)

// detailed serves a, and under /detail/ID what more there is of a record.
func detailed(a *api) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if id, found := strings.CutPrefix(r.URL.Path, "/detail/"); found {
			_, _ = fmt.Fprintf(w, " {\"more\" : [%s,9007199254740993]}\n", id)
			return
		}
		a.ServeHTTP(w, r)
	}
}

func TestContractWithDetails(t *testing.T) {
	for _, mode := range []string{paginationNone, paginationNext, paginationPage, paginationOffset} {
		for _, field := range []string{"", "at"} {
			for _, since := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/into %q/since %v", mode, field, since), func(t *testing.T) {
					t.Parallel()
					sourcetest.Run(t, sourcetest.Harness{
						Item: func(i int) []byte {
							if field == "" {
								return fmt.Appendf(nil, `{"more" : [%d,9007199254740993]}`, i)
							}
							return fmt.Appendf(nil, `{"id":%d,"big":9007199254740993,"s":"\u00e9 \/ <","at":{"more" : [%d,9007199254740993]}}`, i, i)
						},
						Lacks:   elsewhere("Forget", "Hang", "Change", "Delete", "Insert", "Tied", "Loop", "Twice"),
						Garbage: []ingest.Cursor{`{"v":1,"queue":["/x"]}`, `{"v":1,"kids":{"/x":{"v":1}}}`},
						New: func(t testing.TB, n int) sourcetest.Origin {
							a := &api{mode: mode, size: 7, ties: 3, n: n, etags: true}
							s := serve(t, detailed(a), func(c *Config) {
								*c = a.config(strings.TrimSuffix(c.URL, "/items?secretless=visible-not"), 0, since)
								c.DetailURL, c.DetailInto = "/detail/{id}", field
							})
							return sourcetest.Origin{Source: s, Reopen: func() ingest.Source { return open(t, s.cfg) }, Append: a.add}
						},
					})
				})
			}
		}
	}
}

// TestADetailThatFails: what was asked for before it is kept, nothing comes twice, and nothing is left out.
func TestADetailThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testADetailThatFails)
}

func testADetailThatFails(t *testing.T) {
	a := &api{mode: paginationNone, n: 250, etags: true}
	left, lists := 40, 0
	s := budgeted(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasPrefix(r.URL.Path, "/detail/"):
			lists++
		case r.URL.Path == "/detail/77":
			http.NotFound(w, r)
			return
		case left == 0:
			left = 40
			w.Header().Set("Retry-After", "70")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		default:
			left--
		}
		detailed(a)(w, r)
	}), func(c *Config) {
		c.Pagination, c.Records, c.DetailURL = paginationNone, "data", "/detail/{id}?of={big}"
	})
	var got []string
	var c ingest.Cursor
	throttled, bad := 0, 0
	for range 100 {
		b, err := s.Read(t.Context(), c)
		if err != nil {
			f := fault.From(err)
			if throttled++; f.Class != fault.Throttled || f.RetryAfter.Round(5*time.Second) != 70*time.Second {
				t.Fatalf("Read = %v (%v, after %v), want Throttled with its Retry-After", err, f.Class, f.RetryAfter)
			}
			time.Sleep(f.RetryAfter)
			continue
		}
		got, c = append(got, texts(b)...), b.Next
		for i, err := range b.Bad {
			if bad++; string(b.Items[i]) != string(a.item(77)) || !strings.Contains(err.Error(), "no detail") || b.Position(i) != "page 1, record 78" {
				t.Errorf("%q at %s is bad: %v; want record 77 as it stands in the list", b.Items[i], b.Position(i), err)
			}
		}
		if b.CaughtUp {
			break
		}
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(got)))); n != 250 || len(got) != 250 || bad != 1 {
		t.Errorf("%d records, %d of them different, %d bad; want 250, each once, and 1", len(got), n, bad)
	}
	if throttled > 250/40 || lists > 16 {
		t.Errorf("%d failures to the outside and %d lists read, want progress before every failure", throttled, lists)
	}
}

func TestDetailsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, list, detail string
		change             func(*Config)
		code, want         string // of the error; or of what is bad
	}{
		{"a login page", `[{"id":1}]`, "<html>", nil, "bad_page", "page 1, record 1, its detail"},
		{"not JSON", `[{"id":1}]`, "{", nil, "bad_page", "is not JSON"},
		{"nothing at the path", `[{"id":1}]`, `{"a":1}`, func(c *Config) { c.DetailPath = "b" }, "no_records", "SLUICE_HTTP_DETAIL_PATH"},
		{"an error with 200", `[{"id":1}]`, `{"error":"gone mad"}`, func(c *Config) { c.ErrorPath = "error" }, "error_in_page", "gone mad"},
		{"no id", `[{"name":1}]`, "{}", nil, "", "nothing at {id}"},
		{"an id that is an object", `[{"id":{}}]`, "{}", nil, "", "nothing at {id}"},
		{"an id that climbs", `[{"id":".."}]`, "{}", nil, "", "makes no address"},
		{"a record that is no object", `["x"]`, "{}", func(c *Config) { c.DetailURL, c.DetailInto = "/d/{@this}", "d" }, "", "no object"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/items" {
					_, _ = io.WriteString(w, tc.list)
					return
				}
				_, _ = io.WriteString(w, tc.detail)
			}, func(c *Config) {
				c.DetailURL = "/d/{id}"
				if tc.change != nil {
					tc.change(c)
				}
			})
			if tc.code == "" {
				b, err := s.Read(t.Context(), "")
				if err != nil || len(b.Items) != 1 || b.Bad[0] == nil || !strings.Contains(b.Bad[0].Error(), tc.want) {
					t.Fatalf("Read = %d items, bad %v, %v; want the one bad: %q", len(b.Items), b.Bad, err, tc.want)
				}
				return
			}
			var last error
			for range 3 {
				if last = readErr(t, s); fault.From(last).Code() != tc.code || !strings.Contains(last.Error(), tc.want) {
					t.Errorf("Read = %v, want %s with %q", last, tc.code, tc.want)
				}
			}
			if !fault.Is(last, fault.Blocked) {
				t.Errorf("the third time: %v, want Blocked", last)
			}
		})
	}
}

// TestWhereDetailsAreAskedFor: a value of a record never leads anywhere but to its place in the path or the query.
func TestWhereDetailsAreAskedFor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ address, record, want string }{
		{"/items/{id}", `{"id":9007199254740993}`, "/items/9007199254740993"},
		{"/items/{id}/x?a={b.c}", `{"id":"a/b?c#d","b":{"c":"x&y=z"}}`, "/items/a%2Fb%3Fc%23d/x?a=x%26y%3Dz"},
		{"/{id}", `{"id":"//evil.example/x"}`, "/%2F%2Fevil.example%2Fx"},
		{"/i/{id}", `{"id":"é\n"}`, "/i/%C3%A9%0A"},
	} {
		got, err := parseBraces(tc.address).fill([]byte(tc.record))
		if err != nil || got != tc.want {
			t.Errorf("%s of %s = %q, %v; want %q", tc.address, tc.record, got, err, tc.want)
		}
		if u, err := url.Parse("https://h" + got); err != nil || u.Host != "h" {
			t.Errorf("%q leads to %v (%v)", got, u, err)
		}
	}
	for _, bad := range []string{"items/{id}", "//h/{id}", "https://h/{id}", "/items", "/{}", "/{id", "/id}", "/{id}#x", "/{a{b}}", "/%zz/{id}"} {
		if err := parseBraces(bad).check(); err == nil {
			t.Errorf("%q is taken for the address of a detail", bad)
		}
	}
}

// family is an API of parents, of whom each has up to five children but the last, who has the rest.
func family(mode string, parents int, n func() int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/items" {
			var list []string
			for p := range parents {
				list = append(list, fmt.Sprintf(`{"name":"p %d"}`, p))
			}
			if r.URL.Query().Get("page") > "1" || r.URL.Query().Get("offset") > "0" {
				list = nil
			}
			fmt.Fprintf(w, `{"repos":[%s],"meta":{}}`, strings.Join(list, ","))
			return
		}
		var p int
		if _, err := fmt.Sscanf(r.URL.Path, "/of/p %d", &p); err != nil {
			http.NotFound(w, r)
			return
		}
		to := min(n(), 5*p+5)
		if p == parents-1 {
			to = n()
		}
		a := &api{mode: mode, size: 3, n: max(0, to-5*p)}
		inner := &buffered{header: http.Header{}}
		a.ServeHTTP(inner, r)
		for name, values := range inner.header {
			w.Header()[name] = values
		}
		body := inner.body.String()
		for i := a.n - 1; i >= 0; i-- {
			body = strings.Replace(body, string(a.item(i)), string((&api{}).item(i+5*p)), 1)
		}
		_, _ = io.WriteString(w, body)
	}
}

func TestContractWithChildren(t *testing.T) {
	for _, mode := range []string{paginationNone, paginationLink, paginationNext, paginationCursor, paginationPage, paginationOffset} {
		for _, parents := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s/%d parents", mode, parents), func(t *testing.T) {
				t.Parallel()
				sourcetest.Run(t, sourcetest.Harness{
					Item:    (&api{}).item,
					Lacks:   elsewhere("Forget", "Hang", "Change", "Delete", "Insert", "Tied", "Loop", "Twice"),
					Garbage: []ingest.Cursor{`{"v":1,"queue":["x"]}`, `{"v":1,"kids":{"/x":{"v":2}}}`, `{"v":1,"kids":{"x":{"v":1}}}`, `{"v":1,"kids":{"/x":null}}`, `{"v":1,"kids":{"/x":{"v":1,"kids":{}}}}`, `{"v":1,"part":""}`},
					New: func(t testing.TB, n int) sourcetest.Origin {
						a := &api{mode: mode}
						s := serve(t, family(mode, parents, func() int { return n }), func(c *Config) {
							*c = a.config(strings.TrimSuffix(c.URL, "/items?secretless=visible-not"), 0, false)
							c.ParentRecords, c.ChildURL = "repos", "/of/{name}?x=1"
						})
						return sourcetest.Origin{Source: s, Reopen: func() ingest.Source { return open(t, s.cfg) }, Append: func(more int) { n += more }}
					},
				})
			})
		}
	}
}

// TestParents: each has a state of its own, those that go lose it, and trouble with one names it.
func TestParents(t *testing.T) {
	t.Parallel()
	list, broken := `[{"id":1},{"id":2},{"id":1}]`, ""
	var asked []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/items":
			_, _ = io.WriteString(w, list)
		case r.URL.Path == broken:
			_, _ = io.WriteString(w, "[1,")
		default:
			asked = append(asked, r.URL.RequestURI())
			id := strings.TrimPrefix(r.URL.Path, "/of/")
			fmt.Fprintf(w, `[{"p":%s,"at":%s0}]`, id, id)
		}
	}, func(c *Config) {
		c.ChildURL, c.SinceParam, c.SincePath, c.SinceType = "/of/{id}", "since", "at", sinceNumber
	})
	if what, err := s.Check(t.Context()); err != nil || !strings.HasPrefix(what, "the list of parents: 3 records") {
		t.Errorf("Check = %q, %v; want the three of the list", what, err)
	}
	got, c := drain(t, s, "")
	if want := []string{`{"p":1,"at":10}`, `{"p":2,"at":20}`}; !slices.Equal(got, want) {
		t.Fatalf("records %q, want %q", got, want)
	}
	asked = nil
	if got, c = drain(t, s, c); len(got) > 0 || !slices.Equal(asked, []string{"/of/1?since=10", "/of/2?since=20"}) {
		t.Errorf("%d records again, asked for %q; want none, each parent since its own value", len(got), asked)
	}
	list = `[{"id":2},{"id":3}]`
	if got, c = drain(t, s, c); len(got) != 1 || strings.Contains(string(c), "/of/1") || !strings.Contains(string(c), "/of/2") {
		t.Errorf("%d records, cursor %s; want the one of the new parent, and nothing of the one that went", len(got), c)
	}
	broken = "/of/3"
	b, err := s.Read(t.Context(), c)
	for err == nil && !b.CaughtUp {
		b, err = s.Read(t.Context(), b.Next)
	}
	if err == nil || !strings.Contains(err.Error(), "page 1 of /of/3") {
		t.Errorf("error %v, want the parent named", err)
	}
	for _, tc := range []struct{ list, code string }{
		{`[{"name":1}]`, "bad_parent"},
		{`[{"id":".."}]`, "bad_parent"},
		{"[" + strings.Repeat(`{"id":1},`, 1200) + `{"id":2}]`, ""},
		{manyParents(maxParents), ""},
		{manyParents(maxParents + 1), "too_many_parents"},
	} {
		list = tc.list
		code := ""
		if _, err := s.Read(t.Context(), ""); err != nil {
			if code = fault.From(err).Code(); !fault.Is(err, fault.Blocked) {
				t.Errorf("%.40s: %v, want Blocked", tc.list, err)
			}
		}
		if code != tc.code {
			t.Errorf("%.40s: %q, want %q", tc.list, code, tc.code)
		}
	}
}

func manyParents(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"id":%d}`, i+10))
	}
	return "[" + strings.Join(all, ",") + "]"
}
