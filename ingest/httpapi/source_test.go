package httpapi

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

// TestNothingLostWhileTheOriginGrows lets an API grow at random between Reads, and a reader crash back to an older cursor.
// Without a crash every record comes exactly once.
func TestNothingLostWhileTheOriginGrows(t *testing.T) {
	t.Parallel()
	modes := []string{paginationNone, paginationLink, paginationNext, paginationCursor, paginationPage, paginationOffset}
	for seed := range uint64(120) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			a := &api{mode: modes[rnd.IntN(len(modes))], size: 1 + rnd.IntN(7), ties: 1 + rnd.IntN(12), etags: rnd.IntN(2) == 0, n: rnd.IntN(10), part: []int{0, 130, 300}[seed%3]}
			limit, since, crashes := rnd.IntN(12), rnd.IntN(2) == 0, rnd.IntN(2) == 0
			s := start(t, a, limit, since)
			count := map[string]int{}
			cursors := []ingest.Cursor{""}
			read := func() (caughtUp bool) {
				b, err := s.Read(t.Context(), cursors[len(cursors)-1])
				if err != nil {
					t.Fatalf("%+v limit %d since %v: %v", a, limit, since, err)
				}
				for _, item := range b.Items {
					count[string(item)]++
				}
				cursors = append(cursors, b.Next)
				return b.CaughtUp
			}
			for range 120 {
				switch rnd.IntN(6) {
				case 0:
					a.add(rnd.IntN(5))
				case 1:
					if crashes {
						cursors = cursors[:1+rnd.IntN(len(cursors))]
					}
				default:
					read()
				}
			}
			for quiet := 0; quiet < 2; { // the first sweep that ends may have begun before the last record came
				if read() {
					quiet++
				}
			}
			for i := range a.n {
				switch n := count[string(a.item(i))]; {
				case n == 0:
					t.Errorf("%s size %d limit %d ties %d since %v part %d: record %d of %d is lost", a.mode, a.size, limit, a.ties, since, a.part, i, a.n)
				case n > 1 && !crashes:
					t.Errorf("%s size %d limit %d ties %d since %v part %d: record %d came %d times", a.mode, a.size, limit, a.ties, since, a.part, i, n)
				}
			}
		})
	}
}

func TestIdlePollMakesOneRequestAndKeepsTheCursor(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{paginationNone, paginationLink, paginationNext, paginationCursor, paginationPage, paginationOffset} {
		for i, since := range []bool{false, true, false} {
			n := []int{23, 23, 21}[i] // the last page is full, too
			t.Run(fmt.Sprintf("%s since %v %d records", mode, since, n), func(t *testing.T) {
				a := &api{mode: mode, size: 7, ties: 2, etags: true, n: n}
				s := start(t, a, 7, since)
				_, c := drain(t, s, "")
				_, c = drain(t, s, c) // with since, only now is the request the one that is repeated
				a.log()
				for range 3 {
					b, err := s.Read(t.Context(), c)
					if err != nil || len(b.Items) > 0 || !b.CaughtUp || b.Next != c {
						t.Fatalf("idle Read = %d items, CaughtUp %v, %v; Next\n%s, want\n%s", len(b.Items), b.CaughtUp, err, b.Next, c)
					}
				}
				want := 3
				if n == 23 && (mode == paginationPage || mode == paginationOffset && since) {
					want = 6 // the page is short, and another may follow all the same
				}
				if got := a.log(); len(got) != want {
					t.Errorf("3 idle polls made %d requests, want %d: %q", len(got), want, got)
				}
			})
		}
	}
}

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	for _, tc := range []struct {
		name      string
		mode      string
		pages     int
		header    http.Header
		wantMatch string
		wantSince string
	}{
		{"etag of the one page", paginationNone, 1, http.Header{"Etag": {`W/"a"`}}, `W/"a"`, ""},
		{"old enough date", paginationNone, 1, http.Header{"Last-Modified": {now.Add(-time.Minute).Format(http.TimeFormat)}}, "", now.Add(-time.Minute).Format(http.TimeFormat)},
		{"date of this very second", paginationNone, 1, http.Header{"Last-Modified": {now.Format(http.TimeFormat)}}, "", ""},
		{"etag counts more than a date", paginationNone, 1, http.Header{"Etag": {`"b"`}, "Last-Modified": {now.Add(-time.Minute).Format(http.TimeFormat)}}, `"b"`, ""},
		{"two pages", paginationNext, 2, http.Header{"Etag": {`"c"`}}, "", ""},
		{"a Link header is not in the etag", paginationLink, 1, http.Header{"Etag": {`"d"`}}, "", ""},
		{"etag that no cursor can hold", paginationNone, 1, http.Header{"Etag": {"\"\xff\""}}, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var match, since string
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				match, since = r.Header.Get("If-None-Match"), r.Header.Get("If-Modified-Since")
				if match != "" || since != "" {
					w.WriteHeader(http.StatusNotModified)
					return
				}
				for k, v := range tc.header {
					w.Header()[k] = v
				}
				next := "null"
				if tc.pages == 2 && r.URL.Query().Get("p") == "" {
					next = `"?p=2"`
				}
				fmt.Fprintf(w, `{"r":[{"page":%q}],"next":%s}`, r.URL.Query().Get("p"), next)
			}, func(c *Config) {
				c.Records, c.Pagination, c.NextPath = "r", tc.mode, "next"
				c.SinceParam, c.SincePath = "", ""
			})
			got, c := drain(t, s, "")
			if len(got) != tc.pages {
				t.Fatalf("first sweep: %q, want %d records", got, tc.pages)
			}
			got, again := drain(t, s, c)
			if len(got) != 0 {
				t.Errorf("second sweep: %q, want nothing", got)
			}
			if match != tc.wantMatch || since != tc.wantSince {
				t.Errorf("second request: If-None-Match %q, If-Modified-Since %q; want %q, %q", match, since, tc.wantMatch, tc.wantSince)
			}
			if (match != "" || since != "") && again != c {
				t.Errorf("304 changed the cursor from %s to %s", c, again)
			}
		})
	}
}

func TestNotModifiedWithoutConditionIsAnError(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, nil)
	if err := readErr(t, s); fault.From(err).Code() != "bad_page" || !fault.Is(err, fault.Transient) {
		t.Errorf("error = %v (%s), want a passing bad_page", err, fault.From(err).Code())
	}
}

func TestEmptyPageThatLeadsToItselfIsTheEndForNow(t *testing.T) {
	t.Parallel()
	var have []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := 0
		_, _ = fmt.Sscanf(r.URL.Query().Get("after"), "t%d", &n)
		fmt.Fprintf(w, `{"r":[%s],"n":"t%d"}`, strings.Join(have[n:], ","), len(have))
	}, func(c *Config) {
		c.Records, c.Pagination, c.CursorPath, c.CursorParam = "r", paginationCursor, "n", "after"
	})
	have = []string{"1", "2"}
	got, c := drain(t, s, "")
	have = append(have, "3")
	more, c := drain(t, s, c)
	if got = append(got, more...); !slices.Equal(got, have) {
		t.Errorf("got %q, want %q", got, have)
	}
	if b, err := s.Read(t.Context(), c); err != nil || !b.CaughtUp || b.Next != c || len(b.Items) != 0 {
		t.Errorf("idle Read = %+v, %v; want the same place", b, err)
	}
}

func TestRecordsThatSinceCannotPlace(t *testing.T) {
	t.Parallel()
	records := []string{`{"at":null,"id":1}`, `{"at":5,"id":2}`, `{"id":3}`, `{"at":7,"id":4}`, `{"at":6,"id":5}`, `{"at":7,"id":4}`}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { // does not heed since at all
		fmt.Fprintf(w, `[%s]`, strings.Join(records, ","))
	}, func(c *Config) { c.SinceParam, c.SincePath, c.SinceType = "since", "at", sinceNumber })
	got, c := drain(t, s, "")
	if !slices.Equal(got, records) {
		t.Errorf("first sweep %q, want all %q: two equal records are two", got, records)
	}
	second, c := drain(t, s, c) // what is older than since comes once more, since it was not remembered
	for _, r := range second {
		if r != records[1] && r != records[4] {
			t.Errorf("second sweep repeats %s", r)
		}
	}
	if third, _ := drain(t, s, c); len(third) > 0 {
		t.Errorf("third sweep repeats %q", third)
	}
	records = append(records, `{"id":9}`, `{"at":7,"id":9}`, `{"at":7,"id":4}`)
	if late, _ := drain(t, s, c); !slices.Equal(late, records[6:]) {
		t.Errorf("new records %q, want %q", late, records[6:])
	}
}

func TestRecordsThatGoAndComeBack(t *testing.T) {
	t.Parallel()
	records := []string{`{"at":1}`, `{"at":2,"id":"a"}`, `{"at":2,"id":"b"}`}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `[%s]`, strings.Join(records, ",")) },
		func(c *Config) { c.SinceParam, c.SincePath, c.SinceType = "since", "at", sinceNumber })
	_, c := drain(t, s, "")
	whole := records
	_, c = drain(t, s, c) // now the oldest is remembered too
	records = records[:2]
	_, c = drain(t, s, c)
	records = whole
	if got, _ := drain(t, s, c); len(got) > 0 {
		t.Errorf("repeated: %q", got)
	}
}

// TestEqualRecordBehindTheTail: a record that has gone from the page that is read again must not hide an equal one that
// comes on a later page. They cannot be told apart, so it is delivered.
func TestEqualRecordBehindTheTail(t *testing.T) {
	t.Parallel()
	pages := []string{`{"r":["a","b"],"n":null}`}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, pages[min(len(r.URL.Query()["p"]), len(pages)-1)])
	}, func(c *Config) { c.Records, c.Pagination, c.NextPath = "r", paginationNext, "n" })
	_, c := drain(t, s, "")
	pages = []string{`{"r":["b"],"n":"?p=1"}`, `{"r":["a"],"n":null}`}
	if got, _ := drain(t, s, c); !slices.Equal(got, []string{`"a"`}) {
		t.Errorf("got %q, want the record of the second page", got)
	}
}

func TestValidatorsBelongToOneRequest(t *testing.T) {
	t.Parallel()
	var asked []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("since")+" "+r.Header.Get("If-None-Match"))
		w.Header().Set("ETag", `"same"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, `[{"at":5}]`)
	}, func(c *Config) { c.SinceParam, c.SincePath, c.SinceType = "since", "at", sinceNumber })
	var c ingest.Cursor
	for range 3 {
		_, c = drain(t, s, c)
	}
	if want := []string{" ", "5 ", `5 "same"`}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

func TestNoSinceValueAnywhere(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `[{"a":1},{"a":"x"}]`) },
		func(c *Config) { c.SinceParam, c.SincePath, c.SinceType = "since", "time", sinceUnix })
	if err := readErr(t, s); fault.From(err).Code() != "no_since" || !fault.Is(err, fault.Blocked) {
		t.Errorf("error = %v, want Blocked no_since", err)
	}
	if _, err := s.Check(t.Context()); fault.From(err).Code() != "no_since" {
		t.Errorf("Check = %v, want no_since too", err)
	}
}

func TestMoreThanCanBeRemembered(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	for i := range maxKnown + 1 {
		fmt.Fprintf(&page, ",%d", i)
	}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "["+page.String()[1:]+"]") }, nil)
	if err := readErr(t, s); fault.From(err).Code() != "too_many_known" || !fault.Is(err, fault.Blocked) {
		t.Errorf("error = %v, want Blocked too_many_known", err)
	}
}

func TestCheckSaysWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		mode string
		n    int
		want string
	}{
		{paginationNone, 1, "1 record in the first page of %s/items"},
		{paginationNext, 23, "7 records in the first page of %s/items; another page follows"},
		{paginationLink, 3, "3 records in the first page of %s/items; no page follows"},
		{paginationPage, 23, "7 records in the first page of %s/items; more may follow"},
	} {
		a := &api{mode: tc.mode, size: 7, n: tc.n}
		srv := httptest.NewServer(a)
		t.Cleanup(srv.Close)
		got, err := open(t, a.config(srv.URL, 7, true)).Check(t.Context())
		if want := fmt.Sprintf(tc.want, srv.URL); err != nil || got != want {
			t.Errorf("%s: Check = %q, %v; want %q", tc.mode, got, err, want)
		}
	}
}

func TestForgottenPlace(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }, func(c *Config) {
		c.Pagination, c.CursorPath, c.CursorParam = paginationCursor, "n", "after"
	})
	if err := readErr(t, s); errors.Is(err, ingest.ErrCursorGone) || fault.From(err).Code() != "gone" {
		t.Errorf("410 at the beginning = %v (%s), want gone: there is no cursor to be forgotten", err, fault.From(err).Code())
	}
	_, err := s.Read(t.Context(), `{"v":1,"at":"t7","n":1}`)
	if !errors.Is(err, ingest.ErrCursorGone) || fault.From(err).Code() != "cursor_gone" {
		t.Errorf("410 at a cursor = %v, want ErrCursorGone", err)
	}
}
