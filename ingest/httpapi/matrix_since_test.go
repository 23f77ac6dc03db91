package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/proof"
)

// TestTiesLargerThanAPage stops and crashes in the midst of records with one value, and adds more of them.
func TestTiesLargerThanAPage(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		t.Run(map[bool]string{false: "stop", true: "crash"}[crash], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &api{mode: paginationCursor, size: 7, ties: 1000, n: 30}
				stuck := true
				w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if stuck && r.URL.Query().Get("after") == "t21" {
						hang(w, r)
						return
					}
					a.ServeHTTP(w, r)
				}), a.config(worldURL, 0, true))
				w.oneByOne = true
				w.run(10 * time.Second)
				if len(w.saves) != 3 {
					t.Fatalf("%d saves before the stop, want 3, in the midst of the tie", len(w.saves))
				}
				again := 0
				if crash { // what was delivered behind the first save had not been noted
					w.cursor, again = w.saves[0], 14
				}
				stuck = false
				w.run(5 * time.Minute)
				a.add(9) // at the same value
				w.run(5 * time.Minute)
				w.settled(a.items(39), again)
				if crash {
					proof.Count(t, proof.Crashes, 1)
					return
				}
				proof.Count(t, proof.Stops, 2)
				proof.Row{Area: "source", Fault: "more equal timestamps than a page holds, a stop in their midst", Action: proof.None, Promises: "P1 P5"}.Report(t)
			})
		})
	}
}

// sinceWorld reads an origin of records with "at", one page, which heeds since if it is told to.
func sinceWorld(t *testing.T, heeds bool, records *[]string) *world {
	c := Default()
	c.URL, c.SinceParam, c.SincePath, c.SinceType = worldURL, "since", "at", sinceNumber
	return newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var out []string
		for _, rec := range *records {
			at, since := 0, -1
			_, _ = fmt.Sscanf(rec, `{"at":%d`, &at)
			_, _ = fmt.Sscanf(r.URL.Query().Get("since"), "%d", &since)
			if !heeds || at >= since {
				out = append(out, rec)
			}
		}
		fmt.Fprintf(w, "[%s]", strings.Join(out, ","))
	}), c)
}

// sinces lists the values asked for, each once in a row.
func (w *world) sinces() []string {
	var out []string
	for _, r := range w.asked {
		_, value, _ := strings.Cut(r.uri, "since=")
		out = append(out, value)
	}
	return slices.Compact(out)
}

func TestAnOriginThatGoesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records := []string{`{"at":5,"id":1}`, `{"at":6,"id":2}`}
		w := sinceWorld(t, false, &records)
		w.run(30 * time.Second)
		records = []string{`{"at":1,"id":3}`, `{"at":2,"id":4}`} // restored from a backup, say
		w.run(30 * time.Second)
		w.run(5 * time.Minute)
		records = append(records, `{"at":7,"id":5}`)
		w.run(5 * time.Minute)
		if got, want := w.sinces(), []string{"", "6", "7"}; !slices.Equal(got, want) {
			t.Errorf("asked for values since %q, want %q: never one that is older than the one before", got, want)
		}
		w.settled([]string{`{"at":5,"id":1}`, `{"at":6,"id":2}`, `{"at":1,"id":3}`, `{"at":2,"id":4}`, `{"at":7,"id":5}`}, 0)
		proof.Row{Area: "source", Fault: "an origin that goes back to older values", Action: proof.None, Promises: "P3 P5"}.Report(t)
	})
}

// TestRecordsThatComeLate holds a limit that the documentation names: what appears behind the newest value seen is asked for
// by nobody.
func TestRecordsThatComeLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records := []string{`{"at":5,"id":1}`, `{"at":6,"id":2}`}
		w := sinceWorld(t, true, &records)
		w.run(30 * time.Second)
		atTheBound, behind := `{"at":6,"id":3}`, `{"at":4,"id":4}`
		records = append(records, atTheBound, behind)
		w.run(5 * time.Minute)
		w.settled([]string{`{"at":5,"id":1}`, `{"at":6,"id":2}`, atTheBound}, 0)
		proof.Row{Area: "source", Fault: "a record that appears behind the newest value seen: not found", Action: proof.None, Promises: "P1"}.Report(t)
	})
}
