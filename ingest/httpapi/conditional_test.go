package httpapi

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestConditionsWhereAHeaderLeadsOn reads an API whose ETag is that of the body alone, and whose headers say whether another
// page follows. While a page has room, "not modified" means that there is nothing new; a full page is read whole, for it may
// have got a next one. The pages are those of all records, or of the newest one on.
func TestConditionsWhereAHeaderLeadsOn(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		dated     bool
		set       func(c *Config)
		condition bool // when nothing changes
	}{
		{"Link, a full page", false, func(c *Config) { c.Pagination = paginationLink }, false},
		{"Link, a page with room", true, func(c *Config) { c.Pagination = paginationLink }, true},
		{"cursor in a header, a full page", false, func(c *Config) { c.Pagination, c.CursorHeader = paginationCursor, "X-Next" }, false},
		{"cursor in a header, a page with room", true, func(c *Config) { c.Pagination, c.CursorHeader = paginationCursor, "X-Next" }, true},
		{"number of pages in a header, a full page", false, func(c *Config) { c.Pagination, c.TotalHeader = paginationPage, "X-Pages" }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			const size = 4
			var records []string
			add := func() string {
				records = append(records, fmt.Sprintf(`{"n":%d}`, 10+len(records)))
				return records[len(records)-1]
			}
			var first []string
			for range size {
				first = append(first, add())
			}
			unchanged := 0
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				found := records
				if since, err := strconv.Atoi(q.Get("since")); err == nil {
					found = records[since-10:]
				}
				page, _ := strconv.Atoi(q.Get("p"))
				page = max(page, 1)
				from, to := min((page-1)*size, len(found)), min(page*size, len(found))
				w.Header().Set("X-Pages", strconv.Itoa((len(found)+size-1)/size))
				if to < len(found) {
					q.Set("p", strconv.Itoa(page+1))
					w.Header().Set("Link", "<?"+q.Encode()+">; rel=next")
					w.Header().Set("X-Next", strconv.Itoa(page+1))
				}
				body := "[" + strings.Join(found[from:to], ",") + "]"
				tag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(body)))
				w.Header().Set("ETag", tag)
				if r.Header.Get("If-None-Match") == tag {
					unchanged++
					w.WriteHeader(http.StatusNotModified)
					return
				}
				fmt.Fprint(w, body)
			}, func(c *Config) {
				c.CursorPath, c.CursorParam, c.PageParam = "", "p", "p"
				c.Records, c.SinceParam, c.SincePath, c.SinceType = "", "", "", sinceNumber
				if tc.dated {
					c.SinceParam, c.SincePath = "since", "n"
				}
				tc.set(c)
			})
			got, c := drain(t, s, "")
			if !slices.Equal(got, first) {
				t.Fatalf("first sweep: got %q, want %q", got, first)
			}
			for range 3 {
				if got, c = drain(t, s, c); len(got) != 0 {
					t.Errorf("nothing was added: got %q, want nothing", got)
				}
			}
			if (unchanged > 0) != tc.condition {
				t.Errorf("%d requests were answered 304, want some: %v", unchanged, tc.condition)
			}
			for round := range 2 * size {
				want := []string{add()}
				if got, c = drain(t, s, c); !slices.Equal(got, want) {
					t.Fatalf("round %d: got %q, want the record that was added, %q", round, got, want)
				}
				if got, c = drain(t, s, c); len(got) != 0 {
					t.Errorf("round %d: got %q again, want nothing", round, got)
				}
			}
		})
	}
}
