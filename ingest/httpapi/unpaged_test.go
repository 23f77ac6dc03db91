package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"sluice/internal/fault"
)

// TestParentsWithoutPages: the pages of the children are counted, and the list of parents comes whole, whatever page is asked for.
func TestParentsWithoutPages(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{paginationPage, paginationOffset} {
		for _, part := range []int{0, 50} {
			t.Run(fmt.Sprintf("%s part %d", mode, part), func(t *testing.T) {
				t.Parallel()
				var circle bool
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					q := r.URL.Query()
					at := q.Get("page") + q.Get("offset")
					switch {
					case r.URL.Path != "/items" && (at == "0" || mode == paginationPage && at == "1"):
						fmt.Fprintf(w, `[{"of":%q}]`, r.URL.Path)
					case r.URL.Path != "/items":
						_, _ = io.WriteString(w, "[]")
					case circle && (at == "2" || at == "20"):
						_, _ = io.WriteString(w, manyParents(10))
					default:
						_, _ = io.WriteString(w, manyParents(20))
					}
				}, func(c *Config) {
					c.Pagination, c.ChildURL = mode, "/of/{id}"
					if part > 0 {
						c.MaxPageBytes, c.MaxRecordBytes = part, part
					}
				})
				var want []string
				for i := range 20 {
					want = append(want, fmt.Sprintf(`{"of":"/of/%d"}`, i+10))
				}
				for range 2 {
					if got, _ := drain(t, s, ""); !slices.Equal(got, want) {
						t.Errorf("records %q, want %q", got, want)
					}
				}
				circle = true // the third page is the first
				if _, err := s.Read(t.Context(), ""); err == nil || fault.From(err).Code() != "page_loop" {
					t.Errorf("error %v, want page_loop", err)
				}
			})
		}
	}
}
