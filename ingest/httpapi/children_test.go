package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/internal/fault"
)

// TestAParentThatIsRefused: where others can be read it holds nobody up, is told of once, and goes on where it was when it can
// be read again. Where none can be read, or a place within it is refused, reading stops, unless the list does not name it any more.
func TestAParentThatIsRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		status  int
		listed  bool
		parents int
		size    int // records of a page; there are two
		says    string
		warned  int
		all     bool
	}{
		{"deleted", http.StatusNotFound, false, 3, 2, "", 1, false},
		{"deleted in its middle", http.StatusNotFound, false, 3, 1, "", 1, false},
		{"deleted, the only one", http.StatusGone, false, 1, 2, "", 1, false},
		{"gone", http.StatusGone, true, 3, 2, "", 1, false},
		{"not found", http.StatusNotFound, true, 3, 2, "", 1, false},
		{"forbidden", http.StatusForbidden, true, 3, 2, "", 1, false},
		{"refused in its middle", http.StatusNotFound, true, 3, 1, "not_found", 0, false},
		{"the only one is not found", http.StatusNotFound, true, 1, 2, "not_found", 0, false},
		{"the only one is forbidden", http.StatusForbidden, true, 1, 2, "forbidden", 0, false},
		{"unauthorized", http.StatusUnauthorized, true, 3, 2, "unauthorized", 0, false},
		{"all are forbidden", http.StatusForbidden, true, 3, 2, "forbidden", 2, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			chosen := min(2, tc.parents)
			refuses := tc.listed && tc.size == 2 // else behind the list, or behind the first page of its children
			var warned []string
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				after := r.URL.Query().Get("after")
				switch its := tc.all || r.URL.Path == fmt.Sprintf("/of/%d", chosen); {
				case r.URL.Path == "/items":
					var list []string
					for i := range tc.parents {
						if i+1 != chosen || !refuses || tc.listed {
							list = append(list, fmt.Sprintf(`{"id":%d}`, i+1))
						}
					}
					_, _ = fmt.Fprintf(w, `{"data":[%s],"next":null}`, strings.Join(list, ","))
					refuses = refuses || tc.size == 2 && !tc.listed
				case its && refuses && (tc.size == 2 || after != ""):
					w.WriteHeader(tc.status)
				case tc.size == 2:
					_, _ = fmt.Fprintf(w, `{"data":[{"of":%q,"n":1},{"of":%q,"n":2}],"next":null}`, r.URL.Path, r.URL.Path)
				case after == "":
					_, _ = fmt.Fprintf(w, `{"data":[{"of":%q,"n":1}],"next":"x"}`, r.URL.Path)
					refuses = refuses || its
				default:
					_, _ = fmt.Fprintf(w, `{"data":[{"of":%q,"n":2}],"next":null}`, r.URL.Path)
				}
			}, func(c *Config) {
				c.Pagination, c.CursorPath, c.CursorParam, c.Records = paginationCursor, "next", "after", "data"
				c.ChildURL, c.ParentRecords, c.Warn = "/of/{id}", "data", func(text string) { warned = append(warned, text) }
			})
			got := map[string]bool{}
			var at ingest.Cursor
			sweep := func() (err error) {
				for b := (ingest.Batch{}); err == nil && !b.CaughtUp; {
					if b, err = s.Read(t.Context(), at); err == nil {
						at = b.Next
					}
					for _, item := range texts(b) {
						got[item] = true
					}
				}
				return err
			}
			code := ""
			for range 3 {
				if err := sweep(); err != nil {
					code = fault.From(err).Code()
				}
			}
			if code != tc.says || len(warned) != tc.warned {
				t.Errorf("in the end %q and the warnings %q, want %q and %d", code, warned, tc.says, tc.warned)
			}
			if n := len(got); code == "" && n < 2*(tc.parents-1) {
				t.Errorf("%d records while one parent is refused, want those of the others: %v", n, got)
			}
			tc.size, tc.listed, refuses = 2, true, false // it can be read again
			for range 2 {
				if err := sweep(); err != nil {
					t.Fatal(err)
				}
			}
			if len(got) != 2*tc.parents {
				t.Errorf("when it can be read again: %v, want %d records", got, 2*tc.parents)
			}
			warned, refuses = nil, true
			for range 2 {
				if err := sweep(); tc.says == "" && tc.parents > 1 && err != nil {
					t.Fatal(err)
				}
			}
			if len(warned) != tc.warned && tc.says == "" && tc.parents > 1 {
				t.Errorf("refused once more: the warnings %q, want %d", warned, tc.warned)
			}
		})
	}
}

// TestAForgottenPlaceInTheListOfParents: the list is read from its beginning each time, so that nothing stops.
func TestAForgottenPlaceInTheListOfParents(t *testing.T) {
	t.Parallel()
	forgotten := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		after := r.URL.Query().Get("after")
		switch {
		case strings.HasPrefix(r.URL.Path, "/of/"):
			_, _ = fmt.Fprintf(w, `{"data":[{"of":%q}]}`, r.URL.Path)
		case after == "":
			_, _ = fmt.Fprint(w, `{"data":[{"id":1}],"next":"x"}`)
		case forgotten < maxAnew:
			forgotten++
			w.WriteHeader(http.StatusGone)
		default:
			_, _ = fmt.Fprint(w, `{"data":[{"id":2}]}`)
		}
	}, func(c *Config) {
		c.Pagination, c.CursorPath, c.CursorParam, c.Records = paginationCursor, "next", "after", "data"
		c.ChildURL, c.ParentRecords = "/of/{id}", "data"
	})
	got, _ := drain(t, s, "")
	if want := []string{`{"of":"/of/1"}`, `{"of":"/of/2"}`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestADetailAfterAPageWithoutNews: where a limit ends the details of the second page of one Read, nothing is returned without
// its detail.
func TestADetailAfterAPageWithoutNews(t *testing.T) {
	t.Parallel()
	asked := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/detail/"):
			if asked++; asked == 1 {
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			_, _ = fmt.Fprint(w, `{"whole":true}`)
		case r.URL.Query().Get("after") == "":
			_, _ = fmt.Fprint(w, `{"data":[],"next":"x"}`)
		default:
			_, _ = fmt.Fprint(w, `{"data":[{"id":1}]}`)
		}
	}, func(c *Config) {
		c.Pagination, c.CursorPath, c.CursorParam, c.Records = paginationCursor, "next", "after", "data"
		c.DetailURL = "/detail/{id}"
	})
	got, _ := drain(t, s, "")
	if want := []string{`{"whole":true}`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
