package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"sluice/ingest"
)

// TestGrownPageUnderACap: a page that is read again because it has grown holds older records than the newest one, in an API
// that sorts by the value and ends after so many pages.
func TestGrownPageUnderACap(t *testing.T) {
	t.Parallel()
	const size = 3
	there := 5
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		since, _ := strconv.Atoi(r.URL.Query().Get("since"))
		items := []map[string]int{}
		for i := since + (page-1)*size; i < min(there, since+page*size); i++ {
			items = append(items, map[string]int{"id": i})
		}
		if page == 2 && there == 5 {
			there = 12
		}
		_ = json.NewEncoder(w).Encode(items)
	}))
	defer srv.Close()
	c := Default()
	c.URL, c.Pagination, c.MaxPages = srv.URL, paginationPage, 3
	c.SinceParam, c.SincePath, c.SinceType = "since", "id", sinceNumber
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	got, cursor := map[string]int{}, ingest.Cursor("")
	for range 30 {
		b, err := s.Read(t.Context(), cursor)
		if err != nil {
			t.Fatalf("at %s: %v", cursor, err)
		}
		for _, item := range b.Items {
			got[string(item)]++
		}
		cursor = b.Next
	}
	if len(got) != 12 {
		t.Errorf("got %d of 12 records: %v", len(got), got)
	}
}
