package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/proof"
)

// TestWindowsOverHours reads two days of history and six hours of the present by windows, while records appear up to fifty
// minutes late, and stops every hour. Pages overlap with nothing, and each record is delivered once.
func TestWindowsOverHours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		const every, before, after = 7 * time.Minute, 48 * time.Hour, 6 * time.Hour
		type record struct {
			at, shown time.Time
			text      string
		}
		var all []record
		for at := began.Add(-before); at.Before(began.Add(after)); at = at.Add(every) {
			n := len(all)
			all = append(all, record{at, at.Add(time.Duration(n*n%51) * time.Minute), fmt.Sprintf(`{"id":%d}`, n)})
		}
		c := Default()
		c.URL, c.Pagination, c.PageStart = worldURL, paginationPage, 0
		c.WindowStart, c.WindowStartParam, c.WindowEndParam = began.Add(-before).UTC().Format(time.RFC3339), "from", "to"
		c.WindowStep, c.WindowLookback = 6*time.Hour, time.Hour
		w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			from, err := time.Parse(time.RFC3339, q.Get("from"))
			to, err2 := time.Parse(time.RFC3339, q.Get("to"))
			if err != nil || err2 != nil || !from.Before(to) || to.After(time.Now()) {
				http.Error(w, "no window", http.StatusBadRequest)
				return
			}
			page, out := 0, []string{}
			_, _ = fmt.Sscan(q.Get("page"), &page)
			for _, rec := range all {
				if !rec.at.Before(from) && rec.at.Before(to) && !rec.shown.After(time.Now()) {
					out = append(out, rec.text)
				}
			}
			const size = 9
			out = out[min(page*size, len(out)):min((page+1)*size, len(out))]
			fmt.Fprintf(w, "[%s]", strings.Join(out, ","))
		}), c)
		for range 8 { // the last records show themselves up to fifty minutes after the six hours
			w.run(time.Hour + 30*time.Second) // between two polls, so that every Read is delivered
		}
		var want []string
		for _, rec := range all {
			want = append(want, rec.text)
		}
		w.settled(want, 0)
		if codes := w.codes(); len(codes) > 0 {
			t.Errorf("reasons %q, want none: %v", codes, w.reasons[0])
		}
		proof.Count(t, proof.Stops, 8)
		proof.Row{Area: "source", Fault: "records that appear late, within the look-back of time windows, and stops", Action: proof.None, Promises: "P1 P5"}.Report(t)
	})
}
