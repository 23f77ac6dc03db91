package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"sluice/ingest"
)

// listed serves records in numbered pages of two. grow is called before page 2 is served.
type listed struct {
	records []string
	grow    func(*listed)
	asked   []string
	cut     func(http.ResponseWriter) // tells more than the records
}

func (l *listed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var page int
	_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
	l.asked = append(l.asked, fmt.Sprint(page))
	if page == 2 && l.grow != nil {
		grow := l.grow
		l.grow = nil
		grow(l)
	}
	if l.cut != nil {
		l.cut(w)
	}
	var since int64
	_, _ = fmt.Sscan(r.URL.Query().Get("since"), &since)
	var asked []string
	for _, record := range l.records {
		if gjson.Get(record, "at").Int() >= since {
			asked = append(asked, record)
		}
	}
	from, to := min(2*page-2, len(asked)), min(2*page, len(asked))
	_, _ = io.WriteString(w, "["+strings.Join(asked[from:to], ",")+"]")
}

// TestAPageThatGrowsBeforeTheNextIsRead: what lands on it is found, whether the sweeps go on by a value or not.
func TestAPageThatGrowsBeforeTheNextIsRead(t *testing.T) {
	t.Parallel()
	for _, since := range []bool{false, true} {
		for _, part := range []int{1 << 20, 20} {
			l := &listed{records: []string{`{"at":1}`}}
			l.grow = func(l *listed) { l.records = append(l.records, `{"at":2}`, `{"at":3}`) }
			s := serve(t, l.ServeHTTP, func(c *Config) {
				c.Pagination, c.MaxPageBytes = paginationPage, part
				if since {
					c.SinceParam, c.SincePath, c.SinceType = "since", "at", sinceNumber
				}
			})
			got, c := drain(t, s, "")
			if !slices.Equal(got, l.records) {
				t.Errorf("since %v, part %d: %q, want %q, each once; asked for %q", since, part, got, l.records, l.asked)
			}
			// From now on it is known what a full page holds, and nothing is read twice.
			l.asked = nil
			if again, _ := drain(t, s, c); len(again) > 0 || len(l.asked) > 3 {
				t.Errorf("since %v, part %d: %q again, by the pages %q", since, part, again, l.asked)
			}
		}
	}
}

// TestEqualRecordsOnAPageThatGrows: records that are alike to the byte are counted, also on a page that is read twice.
func TestEqualRecordsOnAPageThatGrows(t *testing.T) {
	t.Parallel()
	const x, y = `{"at":1}`, `{"at":1,"y":0}`
	for name, change := range map[string]func(*Config){
		"since":          func(c *Config) {},
		"with look-back": func(c *Config) { c.SinceType, c.SinceFormat, c.SinceLookback = sinceUnix, sinceSame, 5 },
	} {
		l := &listed{records: []string{x}}
		l.grow = func(l *listed) { l.records = append(l.records, x, y) }
		s := serve(t, l.ServeHTTP, func(c *Config) {
			c.Pagination, c.SinceParam, c.SincePath, c.SinceType = paginationPage, "since", "at", sinceNumber
			change(c)
		})
		got, c := drain(t, s, "")
		for range 2 {
			l.records = append(l.records, x)
			var more []string
			more, c = drain(t, s, c)
			got = append(got, more...)
		}
		if !slices.Equal(got, l.records) {
			t.Errorf("%s: %q, want %q", name, got, l.records)
		}
	}
}

// TestPagesThatSayMoreFollowAreReadOnce: where the API tells, a page that said so was full.
func TestPagesThatSayMoreFollowAreReadOnce(t *testing.T) {
	t.Parallel()
	l := &listed{cut: func(w http.ResponseWriter) { w.Header().Set("X-Pages", "3") }}
	for i := range 6 {
		l.records = append(l.records, fmt.Sprintf(`{"at":%d}`, i))
	}
	s := serve(t, l.ServeHTTP, func(c *Config) { c.Pagination, c.TotalHeader = paginationPage, "X-Pages" })
	if got, _ := drain(t, s, ingest.Cursor("")); len(got) != 6 || !slices.Equal(l.asked, []string{"1", "2", "3"}) {
		t.Errorf("%d records by the pages %q, want 6 by 1, 2, 3", len(got), l.asked)
	}
}
