package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/proof"
)

// TestOneBadRecordInAGoodPage sets it aside, and lets the others pass without waiting.
func TestOneBadRecordInAGoodPage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ fault, reason, bad string }{
		{"a record without the value that names it", "no_id", `{"other":1}`},
		{"a record whose name is an object", "no_id", `{"id":{"a":1}}`},
		{"a record longer than allowed", "item_too_large", `{"id":5,"x":"` + strings.Repeat("x", 2000) + `"}`},
		{"a record nested more than 64 levels deep", "too_deep", `{"id":5,"x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				items := []string{`{"id":1}`, `{"id":2}`, tc.bad, `{"id":3}`}
				c := Default()
				c.URL, c.MaxRecordBytes = worldURL, 1000
				w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "[%s]", strings.Join(items, ",")) }), c)
				w.parse = ingest.Naming{Stream: "matrix", ID: "id", MaxBytes: 1000}.Parser()
				w.run(30 * time.Second) // less than one backoff away from where it would have to wait
				if !slices.Equal(w.dead, []string{tc.bad}) || !slices.Equal(w.why, []string{tc.reason}) {
					t.Errorf("set aside %.100q for %q, want the bad record for %s", w.dead, w.why, tc.reason)
				}
				if len(w.asked) != 1 || len(w.codes()) > 0 || len(w.saves) != 1 {
					t.Errorf("%d requests, reasons %q, %d saves; want one page, read once, and the cursor behind it", len(w.asked), w.codes(), len(w.saves))
				}
				w.settled(items, 0)
				proof.Fault(t, "source_bad_record", 1)
				proof.Row{Area: "source", Fault: tc.fault, Action: proof.Dead, Reason: tc.reason, Promises: "P16"}.Report(t)
			})
		})
	}
}

// TestPagesInACircle lets an origin lead in a circle for ten minutes, by its addresses or only by what it sends.
func TestPagesInACircle(t *testing.T) {
	t.Parallel()
	const lead = 2
	for _, tc := range []struct {
		fault  string
		mode   string
		period int
		fresh  bool // a new address each time
		most   int  // requests until the pause
	}{
		{"a page that leads to itself", paginationCursor, 1, false, 3 * (lead + 1)},
		{"two pages that lead to each other", paginationNext, 2, false, 3 * (lead + 2)},
		{"five pages in a circle", paginationLink, 5, false, 3 * (lead + 5)},
		{"the same page under ever new addresses", paginationCursor, 1, true, lead + 8},
		{"three pages in a circle under ever new addresses", paginationNext, 3, true, 12 * (lead + 3)},
		{"a page number that the origin does not heed", paginationPage, 1, false, lead + 5}, // two of them tell how much a full page holds
	} {
		t.Run(tc.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, served, before := time.Now(), 0, 0
				w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					at := atPage(r) // as it stands in the address; the circle is made of it
					page, next := at, at+1
					if page >= lead {
						page = lead + (page-lead)%tc.period
					}
					switch {
					case time.Since(began) > tenMinutes && page >= lead: // mended: nothing follows any more
						next = 0
					case !tc.fresh && next >= lead+tc.period:
						next = lead
					}
					if tc.mode == paginationPage && page > lead {
						page = lead
					}
					if served++; served > 1000 {
						<-r.Context().Done() // nobody stops it: let the time of the run pass
						return
					}
					if time.Since(began) < time.Second {
						before++
					}
					writePage(w, tc.mode, page, next, tc.mode == paginationPage && time.Since(began) > tenMinutes && at > lead)
				}), circleConfig(tc.mode))
				w.run(20 * time.Minute)
				if before > tc.most {
					t.Errorf("%d requests until the pause, want at most %d", before, tc.most)
				}
				if n := w.count(time.Second, tenMinutes); n > 10 {
					t.Errorf("%d requests in ten minutes of pause, want at most one a minute", n)
				}
				if got := w.codes(); !slices.Equal(got, blocked("page_loop")) {
					t.Errorf("reasons %q, want %q", got, blocked("page_loop"))
				}
				var items []string
				for i := range lead + tc.period {
					items = append(items, fmt.Sprintf(`{"page":%d}`, i))
				}
				w.settled(items, served)
				proof.Fault(t, "source_circle", 1)
				proof.Row{Area: "source", Fault: tc.fault, Action: proof.Pause, Reason: "page_loop", Promises: "P11 P12"}.Report(t)
			})
		})
	}
}

// count is the number of requests made between two moments.
func (w *world) count(from, to time.Duration) (n int) {
	for _, r := range w.asked {
		if r.at >= from && r.at < to {
			n++
		}
	}
	return n
}

func circleConfig(mode string) Config {
	c := Default()
	c.URL, c.Records, c.Pagination, c.NextPath, c.CursorPath, c.CursorParam, c.PageParam, c.PageStart = worldURL, "r", mode, "n", "n", "p", "p", 0
	return c
}

// atPage is the number of the page that is asked for, whatever it is called.
func atPage(r *http.Request) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Query().Get("p"), "t"))
	return n
}

// writePage writes a page of one record that leads to the next; 0: none follows.
func writePage(w http.ResponseWriter, mode string, page, next int, empty bool) {
	where := "null"
	switch {
	case next == 0:
	case mode == paginationLink:
		w.Header().Set("Link", fmt.Sprintf(`<?p=%d>; rel=next`, next))
	case mode == paginationNext:
		where = fmt.Sprintf(`"?p=%d"`, next)
	case mode == paginationCursor:
		where = fmt.Sprintf(`"t%d"`, next)
	}
	record := fmt.Sprintf(`{"page":%d}`, page)
	if empty {
		record = ""
	}
	fmt.Fprintf(w, `{"r":[%s],"n":%s}`, record, where)
}

func TestPagesThatOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pages := []string{`{"r":[0,1,2],"n":"?p=1"}`, `{"r":[0,1,2],"n":"?p=2"}`, `{"r":[2,3,4],"n":"?p=3"}`, `{"r":[4,5],"n":null}`}
		w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, pages[atPage(r)]) }), circleConfig(paginationNext))
		w.run(time.Minute - time.Second)
		ids := map[string]string{}
		for _, r := range w.to.Records() {
			if id, again := ids[string(r.Body)]; again && id != r.ID {
				t.Errorf("the copies of %s have the IDs %s and %s, want one: destinations drop copies by it", r.Body, id, r.ID)
			}
			ids[string(r.Body)] = r.ID
		}
		w.settled([]string{"0", "1", "2", "3", "4", "5"}, 5)
		if len(w.codes()) > 0 {
			t.Errorf("reasons %q, want none", w.codes())
		}
		proof.Fault(t, "source_overlap", 2)
		proof.Row{Area: "source", Fault: "a page that comes twice, and pages that overlap", Action: proof.None, Promises: "P5"}.Report(t)
	})
}
