package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestASettingThatPointsToNothingIsTold: a misspelt path ends reading after one page, without any error.
func TestASettingThatPointsToNothingIsTold(t *testing.T) {
	t.Parallel()
	const page = `{"data":[{"id":1}],"next":null,"paging":{"more":false}}`
	next := func(path string) func(*Config) {
		return func(c *Config) { c.Records, c.Pagination, c.NextPath = "data", paginationNext, path }
	}
	token := func(path, more string) func(*Config) {
		return func(c *Config) {
			c.Records, c.Pagination, c.CursorPath, c.CursorParam, c.MorePath = "data", paginationCursor, path, "c", more
		}
	}
	for name, tt := range map[string]struct {
		change func(*Config)
		page   string
		want   string // in the one warning; "": there is none
	}{
		"NEXT_PATH misspelt":              {next("nxt"), page, "SLUICE_HTTP_NEXT_PATH (nxt) on the first page"},
		"with the names that there are":   {next("nxt"), page, "the names data, next, paging;"},
		"CURSOR_PATH misspelt":            {token("paging.next", ""), page, "SLUICE_HTTP_CURSOR_PATH (paging.next) on the first page"},
		"MORE_PATH misspelt":              {token("next", "has_more"), page, "SLUICE_HTTP_MORE_PATH (has_more) on the first page"},
		"null is something":               {next("next"), page, ""},
		"false is something":              {token("next", "paging.more"), page, ""},
		"an API without any records yet":  {next("nxt"), `{"data":[]}`, ""},
		"a path that is not in use":       {func(c *Config) { c.Records, c.NextPath = "data", "nxt" }, page, ""},
		"a page that has no names at all": {func(c *Config) { c.Pagination, c.NextPath = paginationNext, "nxt" }, `[{"id":1}]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said []string
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, tt.page) }, func(c *Config) {
				tt.change(c)
				c.Warn = func(text string) { said = append(said, text) }
			})
			for range 2 {
				if _, err := s.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Read(t.Context(), ""); err != nil {
					t.Fatal(err)
				}
			}
			switch {
			case tt.want == "" && len(said) > 0:
				t.Errorf("warned of %q, want nothing", said)
			case tt.want != "" && (len(said) != 1 || !strings.Contains(said[0], tt.want)):
				t.Errorf("warned of %q, want once of %q", said, tt.want)
			}
		})
	}
}

// TestALaterPageMayLackWhatLeadsOn: that is how many APIs say that it is the last.
func TestALaterPageMayLackWhatLeadsOn(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("p") {
			fmt.Fprint(w, `{"data":[2]}`)
			return
		}
		fmt.Fprint(w, `{"data":[1],"next":"?p=2"}`)
	}, func(c *Config) {
		c.Records, c.Pagination, c.NextPath = "data", paginationNext, "next"
		c.Warn = func(text string) { t.Errorf("warned of %q, want nothing", text) }
	})
	b, err := s.Read(t.Context(), "")
	if err != nil || b.CaughtUp {
		t.Fatalf("the first page: %v, caught up %v", err, b.CaughtUp)
	}
	if b, err = s.Read(t.Context(), b.Next); err != nil || !b.CaughtUp {
		t.Fatalf("the last page: %v, caught up %v", err, b.CaughtUp)
	}
}
