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

// TestEmptyPageFillsUp: an API whose total is too large, where more than one page of records is added between two requests.
func TestEmptyPageFillsUp(t *testing.T) {
	t.Parallel()
	for _, first := range []int{0, 1, 2, 3} {
		for _, most := range []int{0, 7} {
			t.Run(strconv.Itoa(first)+" records, at most "+strconv.Itoa(most)+" pages", func(t *testing.T) {
				t.Parallel()
				there, asked, every := first, 0, min(3, 1+first)
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					page, _ := strconv.Atoi(r.URL.Query().Get("page"))
					since, _ := strconv.Atoi(r.URL.Query().Get("since"))
					items := []map[string]int{}
					if i := since + page - 1; i < there {
						items = append(items, map[string]int{"id": i})
					}
					total := there - since + 3
					if asked++; asked%every == 0 && there < 20 {
						there += 2
					}
					_ = json.NewEncoder(w).Encode(map[string]any{"items": items, "total": total})
				}))
				defer srv.Close()
				c := Default()
				c.URL, c.Records, c.Pagination, c.TotalPath, c.MaxPages = srv.URL, "items", paginationPage, "total", most
				c.SinceParam, c.SincePath, c.SinceType = "since", "id", sinceNumber
				s, err := New(c)
				if err != nil {
					t.Fatal(err)
				}
				got, cursor := map[string]bool{}, ingest.Cursor("")
				for range 150 {
					b, err := s.Read(t.Context(), cursor)
					if err != nil {
						t.Fatalf("at %s: %v", cursor, err)
					}
					for _, item := range b.Items {
						got[string(item)] = true
					}
					cursor = b.Next
				}
				if len(got) != there || there < 20 {
					t.Errorf("got %d of %d records: %v", len(got), there, got)
				}
			})
		}
	}
}

// TestPageOfNothingVisible: a page from which the API leaves out everything, among others, is no reason to read in circles.
func TestPageOfNothingVisible(t *testing.T) {
	t.Parallel()
	const pages = 9
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		items := []int{}
		if page, _ := strconv.Atoi(r.URL.Query().Get("page")); page%3 == 1 && page <= pages+1 {
			items = append(items, page)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"items": items, "total": pages + 1})
	}))
	defer srv.Close()
	c := Default()
	c.URL, c.Records, c.Pagination, c.TotalPath = srv.URL, "items", paginationPage, "total"
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	n, cursor := 0, ingest.Cursor("")
	for range 5 * pages {
		b, err := s.Read(t.Context(), cursor)
		if err != nil {
			t.Fatalf("at %s: %v", cursor, err)
		}
		n += len(b.Items)
		if cursor = b.Next; b.CaughtUp {
			break
		}
	}
	if n != 4 || asked > 3*pages {
		t.Errorf("got %d records by %d requests, want 4 by at most %d", n, asked, 3*pages)
	}
}
