package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

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
			a := &api{mode: v.mode, size: 4, n: 12, ties: 3, keyset: v.keyset()}
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
