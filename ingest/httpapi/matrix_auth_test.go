package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/proof"
	"sluice/internal/secret"
)

// TestTheLoopStopsBeforeTheLimit reads nine records with three requests in five minutes.
func TestTheLoopStopsBeforeTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, items := nineRecords(paginationOffset)
		a.size = 1
		var end time.Time
		used, over := 0, 0
		w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !time.Now().Before(end) {
				end, used = time.Now().Add(5*time.Minute), 0
			}
			used++
			w.Header().Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%d`, max(0, 3-used), int(time.Until(end)/time.Second)+1))
			if used > 3 {
				over++
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			a.ServeHTTP(w, r)
		}), a.config(worldURL, 0, false))
		w.run(hour)
		if over > 0 {
			t.Errorf("%d requests beyond the limit, want none", over)
		}
		if got := w.codes(); len(got) < 2 || slices.ContainsFunc(got, func(c string) bool { return c != "rate_limited_by_source/throttled" && c != "well" }) {
			t.Errorf("reasons %q, want rate_limited_by_source and well again", got)
		}
		w.settled(items, 0)
		proof.Row{Area: "source", Fault: "says in its headers that no request is left in the period", Action: proof.Retry,
			Reason: "rate_limited_by_source", Promises: "P10 P11 P12"}.Report(t)
	})
}

// TestTheLoopGoesOnWithTheOtherToken when one of two is refused for ever.
func TestTheLoopGoesOnWithTheOtherToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, items := nineRecords(paginationOffset)
		refused := 0
		c := a.config("https://example.com", 0, false)
		c.Tokens = secret.New("canary-a,canary-b")
		w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer canary-b" {
				refused++
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			a.ServeHTTP(w, r)
		}), c)
		w.run(hour)
		if refused != 1 {
			t.Errorf("%d requests with the token that is refused, want one", refused)
		}
		if got, want := w.codes(), []string{"unauthorized/transient", "well"}; !slices.Equal(got, want) {
			t.Errorf("reasons %q, want %q", got, want)
		}
		w.settled(items, 0)
		proof.Row{Area: "source", Fault: "answers 401 to one of two tokens", Action: proof.Retry, Reason: "unauthorized", Promises: "P10 P12 P13"}.Report(t)
	})
}
