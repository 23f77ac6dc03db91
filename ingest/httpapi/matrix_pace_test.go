package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/proof"
	"sluice/internal/secret"
)

// TestRetryAfterIsObeyed has the origin ask for a pause three times in a row.
func TestRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	const most = 20 * time.Second // of a backoff, here
	for _, tc := range []struct {
		fault       string
		status      int
		text        func() string
		least, upTo time.Duration
	}{
		{"answers 429 with Retry-After in seconds", 429, func() string { return "40" }, 40 * time.Second, 44 * time.Second},
		{"answers 503 with Retry-After in seconds", 503, func() string { return "40" }, 40 * time.Second, 44 * time.Second},
		{"answers 429 with Retry-After as a date", 429, func() string { return time.Now().Add(40 * time.Second).UTC().Format(http.TimeFormat) }, 40 * time.Second, 44 * time.Second},
		{"answers 429 with a Retry-After that is garbage", 429, func() string { return "soon; 40" }, 0, most},
		{"answers 429 with a negative Retry-After", 429, func() string { return "-40" }, 0, most},
		{"answers 429 with a Retry-After of a billion seconds", 429, func() string { return "1000000000" }, 15 * time.Minute, 990 * time.Second},
		{"answers 429 without Retry-After", 429, func() string { return "" }, 0, most},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, items := nineRecords(paginationOffset)
				left := 3
				c := a.config(worldURL, 0, false)
				c.MaxWait = 15 * time.Minute
				w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if left > 0 && r.URL.Query().Get("offset") == "3" {
						left--
						w.Header().Set("Retry-After", tc.text())
						w.WriteHeader(tc.status)
						return
					}
					a.ServeHTTP(w, r)
				}), c)
				w.run(hour)
				if len(w.asked) < 5 {
					t.Fatalf("%d requests in an hour, want at least 5: no pause is longer than 15 minutes", len(w.asked))
				}
				for i := 2; i < 5; i++ { // the second request was the first to be refused
					gap := w.asked[i].at - w.asked[i-1].at
					if gap < tc.least || gap > tc.upTo || w.asked[i].uri != w.asked[1].uri {
						t.Errorf("request %d, %s, %v after the one before, want the same page after %v to %v", i, w.asked[i].uri, gap, tc.least, tc.upTo)
					}
				}
				if got, want := w.codes(), []string{"throttled/throttled", "well"}; !slices.Equal(got, want) {
					t.Errorf("reasons %q, want %q", got, want)
				}
				w.settled(items, 0)
				proof.Fault(t, "source_throttled", 3)
				proof.Row{Area: "source", Fault: tc.fault, Action: proof.Retry, Reason: "throttled", Promises: "P10 P11"}.Report(t)
			})
		})
	}
}

// TestARotatedTokenIsReadAgain replaces the token behind the daemon's back.
func TestARotatedTokenIsReadAgain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fault   string
		status  int
		rotated time.Duration // after which the file holds the token that is valid
		action  proof.Action
		refused int // requests, until then
		codes   []string
	}{
		{"answers 401, and the file of the token holds a new one", 401, 0, proof.Retry, 1, passing("unauthorized")},
		{"answers 403, and the file of the token holds a new one", 403, 0, proof.Retry, 1, passing("forbidden")},
		{"answers 401 until the file of the token is replaced", 401, 5*time.Minute + time.Second, proof.Pause, 7, []string{"unauthorized/blocked", "unauthorized/transient", "well"}},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, items := nineRecords(paginationPage)
				began, refused := time.Now(), 0
				var reads atomic.Int32
				c := a.config("https://example.com", 3, false)
				c.Token = secret.From("canary-old", func() (string, error) {
					reads.Add(1)
					if time.Since(began) < tc.rotated {
						return "canary-old", nil
					}
					return "canary-new", nil
				})
				w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Authorization") != "Bearer canary-new" {
						refused++
						http.Error(w, "not with "+r.Header.Get("Authorization"), tc.status)
						return
					}
					a.ServeHTTP(w, r)
				}), c)
				w.run(hour)
				if refused != tc.refused || int(reads.Load()) != tc.refused {
					t.Errorf("%d requests refused and the file read %d times, want %d each", refused, reads.Load(), tc.refused)
				}
				if got := w.codes(); !slices.Equal(got, tc.codes) {
					t.Errorf("reasons %q, want %q", got, tc.codes)
				}
				for _, r := range w.reasons {
					if strings.Contains(r.text, "canary") {
						t.Errorf("the reason shows a token: %s", r.text)
					}
				}
				w.settled(items, 0)
				proof.Fault(t, "source_token_refused", refused)
				code, _, _ := strings.Cut(tc.codes[0], "/")
				proof.Row{Area: "source", Fault: tc.fault, Action: tc.action, Reason: code, Promises: "P10 P12 P13"}.Report(t)
			})
		})
	}
}

// TestTheClockOfTheOriginDoesNotMatter compares three runs, byte for byte and moment for moment.
func TestTheClockOfTheOriginDoesNotMatter(t *testing.T) {
	t.Parallel()
	var asked, saved []string
	for _, skew := range []time.Duration{0, hour, -hour} {
		synctest.Test(t, func(t *testing.T) {
			a, items := nineRecords(paginationCursor)
			refused := false
			w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				now := time.Now().Add(skew).UTC()
				w.Header().Set("Date", now.Format(http.TimeFormat))
				if r.URL.Query().Get("after") == "t3" && !refused {
					refused = true
					w.Header().Set("Retry-After", now.Add(40*time.Second).Format(http.TimeFormat))
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				a.ServeHTTP(w, r)
			}), a.config(worldURL, 0, true))
			w.run(tenMinutes)
			w.settled(items, 0)
			var log strings.Builder
			for i, r := range w.asked {
				fmt.Fprintln(&log, r.uri)
				if i > 0 && r.uri == w.asked[i-1].uri {
					if waited := r.at - w.asked[i-1].at; waited < 39*time.Second || waited > 44*time.Second { // a date has no fractions
						t.Errorf("skew %v: asked again after %v, want 40 s and a tenth more at most", skew, waited)
					}
					break // polls follow
				}
			}
			asked, saved = append(asked, log.String()), append(saved, fmt.Sprint(w.saves[len(w.saves)-1:]))
		})
	}
	for i := range asked {
		if asked[i] != asked[0] || saved[i] != saved[0] {
			t.Errorf("run %d: requests\n%s\ncursors %s\nwant, as with equal clocks,\n%s\n%s", i, asked[i], saved[i], asked[0], saved[0])
		}
	}
	proof.Row{Area: "source", Fault: "the clock of the origin is an hour ahead or behind", Action: proof.None, Promises: "P3 P10"}.Report(t)
}
