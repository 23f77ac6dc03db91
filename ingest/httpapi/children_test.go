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

// TestAParentThatGoes: one that is deleted after the list was read holds nobody up; one that the list still names stops reading.
func TestAParentThatGoes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		status int
		listed bool
		says   string
	}{
		{"not found", http.StatusNotFound, false, ""},
		{"gone", http.StatusGone, false, ""},
		{"not found, and listed", http.StatusNotFound, true, "not_found"},
		{"forbidden", http.StatusForbidden, false, "forbidden"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			gone := false
			var warned []string
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/items" && gone && !tc.listed:
					_, _ = fmt.Fprint(w, `[{"id":1},{"id":3}]`)
				case r.URL.Path == "/items":
					_, _ = fmt.Fprint(w, `[{"id":1},{"id":2},{"id":3}]`)
				case r.URL.Path == "/of/2" && gone:
					w.WriteHeader(tc.status)
				default:
					_, _ = fmt.Fprintf(w, `[{"of":%q}]`, r.URL.Path)
				}
			}, func(c *Config) {
				c.ChildURL, c.Warn = "/of/{id}", func(text string) { warned = append(warned, text) }
			})
			var got []string
			var err error
			for at, b := ingest.Cursor(""), (ingest.Batch{}); err == nil && !b.CaughtUp; at = b.Next {
				b, err = s.Read(t.Context(), at)
				got = append(got, texts(b)...)
				gone = len(got) > 0
			}
			code := ""
			if err != nil {
				code = fault.From(err).Code()
			}
			if code != tc.says {
				t.Errorf("in the end %v, want the reason %q", err, tc.says)
			}
			want := []string{`{"of":"/of/1"}`, `{"of":"/of/3"}`}
			if tc.says != "" {
				want = want[:1]
			}
			if !slices.Equal(got, want) || len(warned) != len(want)-1 {
				t.Errorf("got %q and the warnings %q, want %q and %d of them", got, warned, want, len(want)-1)
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
