package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	"sluice/ingest"
)

// TestMorePagesThanThereAre: an API whose total counts pages that hold nothing, to which records are added between requests
// and between sweeps.
func TestMorePagesThanThereAre(t *testing.T) {
	t.Parallel()
	const size = 3
	for _, vain := range []int{1, 2, 3} {
		for _, limit := range []int{0, size} {
			t.Run(strconv.Itoa(vain)+" in vain, limit "+strconv.Itoa(limit), func(t *testing.T) {
				t.Parallel()
				there, grow := 0, 0
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					page, _ := strconv.Atoi(r.URL.Query().Get("page"))
					from := (page - 1) * size
					items := []int{}
					for i := min(from, there); i < min(from+size, there); i++ {
						items = append(items, i)
					}
					total := (there+size-1)/size + vain
					there += grow // behind the page that is answered
					_ = json.NewEncoder(w).Encode(map[string]any{"items": items, "total": total})
				}))
				defer srv.Close()
				c := Default()
				c.URL, c.Records, c.Pagination, c.TotalPath, c.Limit = srv.URL, "items", paginationPage, "total", limit
				s, err := New(c)
				if err != nil {
					t.Fatal(err)
				}
				var got, want []string
				cursor := ingest.Cursor("")
				sweep := func() {
					for range 200 {
						b, err := s.Read(t.Context(), cursor)
						if err != nil {
							t.Fatalf("with %d records: %v", there, err)
						}
						for _, item := range b.Items {
							got = append(got, string(item))
						}
						if cursor = b.Next; b.CaughtUp {
							return
						}
					}
					t.Fatalf("with %d records: no end of the sweep", there)
				}
				sweep() // nothing there yet
				for _, grow = range []int{1, 0, 2, 0, 1, 1, 0, 0} {
					there++
					if grow > 0 {
						for range 5 {
							if b, err := s.Read(t.Context(), cursor); err != nil {
								t.Fatal(err)
							} else {
								for _, item := range b.Items {
									got = append(got, string(item))
								}
								cursor = b.Next
							}
						}
						grow = 0
					}
					sweep()
				}
				sweep()
				for i := range there {
					want = append(want, strconv.Itoa(i))
				}
				slices.SortFunc(got, func(a, b string) int { x, _ := strconv.Atoi(a); y, _ := strconv.Atoi(b); return x - y })
				if !slices.Equal(got, want) {
					t.Errorf("got %v, want each of %d records once", got, there)
				}
			})
		}
	}
}
