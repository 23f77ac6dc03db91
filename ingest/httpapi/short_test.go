package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"sluice/ingest"
)

// TestAShortPageIsNotTheLast: an API that fills most of its pages and leaves out of some what the reader may not see.
func TestAShortPageIsNotTheLast(t *testing.T) {
	t.Parallel()
	const limit = 5
	places := make([]int, 43)
	for i := range places {
		places[i] = i
	}
	seen := func(i int) bool { return i%7 != 6 } // on the second page one is missing, the first is full
	for _, mode := range []string{paginationPage, paginationOffset} {
		for _, since := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s since %v", mode, since), func(t *testing.T) {
				t.Parallel()
				there := 12 // the page of the last one is short
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					q := r.URL.Query()
					from := 0
					if mode == paginationPage {
						page, _ := strconv.Atoi(q.Get("page"))
						from = (page - 1) * limit
					} else {
						from, _ = strconv.Atoi(q.Get("offset"))
					}
					asked, _ := strconv.Atoi(q.Get("since"))
					list := places[min(asked, there):there]
					items := []map[string]int{}
					for _, i := range list[min(from, len(list)):min(from+limit, len(list))] {
						if seen(i) {
							items = append(items, map[string]int{"id": i})
						}
					}
					_ = json.NewEncoder(w).Encode(items)
				}))
				defer srv.Close()
				c := Default()
				c.URL, c.Pagination, c.Limit = srv.URL, mode, limit
				if since {
					c.SinceParam, c.SincePath, c.SinceType = "since", "id", sinceNumber
				}
				s, err := New(c)
				if err != nil {
					t.Fatal(err)
				}
				got, cursor := map[string]bool{}, ingest.Cursor("")
				for _, there = range []int{12, 13, 14, 15, 16, 30, 43} {
					for quiet := 0; quiet < 2; {
						b, err := s.Read(t.Context(), cursor)
						if err != nil {
							t.Fatal(err)
						}
						for _, item := range b.Items {
							got[string(item)] = true
						}
						if cursor = b.Next; len(b.Items) > 0 {
							quiet = 0
						} else if b.CaughtUp {
							quiet++
						}
					}
				}
				var lost []int
				for _, i := range places {
					if seen(i) && !got[fmt.Sprintf(`{"id":%d}`, i)] {
						lost = append(lost, i)
					}
				}
				if len(lost) > 0 {
					t.Errorf("%d records are lost: %v", len(lost), lost)
				}
			})
		}
	}
}
