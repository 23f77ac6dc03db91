package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

// TestAForgottenPlaceBeginsTheSweepAnew: as often as maxAnew, with a word each time, and only where nothing else can be meant.
func TestAForgottenPlaceBeginsTheSweepAnew(t *testing.T) {
	t.Parallel()
	since := func(c *Config) { c.SinceParam, c.SincePath, c.SinceType = "since", "at", sinceNumber }
	for _, tc := range []struct {
		name   string
		status int
		change func(*Config)
		anew   int
		says   string
	}{
		{"gone", http.StatusGone, since, maxAnew, "has begun anew 3 times"},
		{"bad request", http.StatusBadRequest, since, maxAnew, "larger pages (SLUICE_HTTP_LIMIT)"},
		{"not found", http.StatusNotFound, since, maxAnew, "has begun anew 3 times"},
		{"unprocessable", http.StatusUnprocessableEntity, since, maxAnew, "has begun anew 3 times"},
		{"windows", http.StatusGone, func(c *Config) { *c = (&api{n: 10}).windows(*c); c.WindowStep = 24 * time.Hour }, maxAnew, "SLUICE_HTTP_WINDOW_STEP"},
		{"forbidden", http.StatusForbidden, since, 0, "have access granted"},
		{"without since, gone", http.StatusGone, func(*Config) {}, 0, "start over with sluice checkpoint reset"},
		{"without since, bad request", http.StatusBadRequest, func(*Config) {}, 0, "if the API has forgotten this place, start over with sluice checkpoint reset"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := &api{mode: paginationCursor, size: 4, n: 10}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("after") == "t8" {
					w.WriteHeader(tc.status)
					return
				}
				a.ServeHTTP(w, r)
			}))
			t.Cleanup(srv.Close)
			c := a.config(srv.URL, 0, false)
			var warned []string
			c.Warn = func(message string) { warned = append(warned, message) }
			tc.change(&c)
			s := open(t, c)
			times := map[string]int{}
			var err error
			for at := ingest.Cursor(""); err == nil; {
				var b ingest.Batch
				if b, err = s.Read(t.Context(), at); err != nil {
					break
				}
				for _, item := range b.Items {
					times[string(item)]++
				}
				if at = b.Next; b.CaughtUp {
					t.Fatal("caught up without the last page")
				}
			}
			if !fault.Is(err, fault.Blocked) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("in the end %v, want a Blocked fault that says %q", err, tc.says)
			}
			if len(warned) != tc.anew {
				t.Errorf("%d warnings, want %d: %q", len(warned), tc.anew, warned)
			}
			for i, w := range warned {
				if want := fmt.Sprintf("(%d of %d times)", i+1, maxAnew); !strings.Contains(w, want) || strings.Contains(w, "t8") {
					t.Errorf("warning %q, want %q and no token", w, want)
				}
			}
			for i := range 8 {
				if n := times[string(a.item(i))]; n < 1 || n > 1+tc.anew {
					t.Errorf("record %d came %d times, want 1 to %d", i, n, 1+tc.anew)
				}
			}
		})
	}
}

// TestEachSweepMayBeginAnew: the count is that of one sweep.
func TestEachSweepMayBeginAnew(t *testing.T) {
	t.Parallel()
	a := &api{mode: paginationNext, size: 1, n: 2}
	s := start(t, a, 0, true)
	a.renews(s.cfg)
	var at ingest.Cursor
	got := map[string]bool{}
	for range 3 * maxAnew {
		for seen := false; ; { // a sweep, in the middle of which its places are forgotten
			b, err := s.Read(t.Context(), at)
			if err != nil {
				t.Fatalf("at %s: %v", at, err)
			}
			for _, item := range b.Items {
				got[string(item)] = true
			}
			if at = b.Next; b.CaughtUp {
				break
			}
			if !seen {
				a.forget()
				seen = true
			}
		}
		a.add(2)
	}
	if len(got) != a.n-2 {
		t.Errorf("%d records, want %d", len(got), a.n-2)
	}
}

// TestASweepAnewRepeatsLittle: what has to be remembered for the next sweep is left out.
func TestASweepAnewRepeatsLittle(t *testing.T) {
	t.Parallel()
	a := &api{mode: paginationCursor, size: 2, n: 7}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	c := a.config(srv.URL, 0, true)
	c.SinceType, c.SinceLookback = sinceUnix, time.Hour
	a.renews(c)
	s := open(t, c)
	b, err := s.Read(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	a.forget()
	rest, _ := drain(t, s, b.Next)
	if got := len(b.Items) + len(rest); got != a.n {
		t.Errorf("%d records of a look-back, want the %d once each", got, a.n)
	}
}

// TestFewRecordsUnderACap: an API that has no page behind the cap is not asked for one, once a larger page has been seen.
func TestFewRecordsUnderACap(t *testing.T) {
	t.Parallel()
	n, values := 3, 1
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		since, _ := strconv.Atoi(q.Get("since"))
		if q.Get("page") != "1" {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		var items []string
		for i := 1; i <= n; i++ {
			if at := i * values; at >= since && len(items) < 7 {
				items = append(items, fmt.Sprintf(`{"id":%d,"at":%d}`, i, at))
			}
		}
		_, _ = fmt.Fprintf(w, "[%s]", strings.Join(items, ","))
	}))
	t.Cleanup(srv.Close)
	c := Default()
	c.URL, c.Pagination, c.Limit, c.MaxPages = srv.URL, paginationPage, 7, 1
	c.SinceParam, c.SincePath, c.SinceType = "since", "at", sinceNumber
	s := open(t, c)
	got, at := drain(t, s, "")
	if n = 20; len(got) != 3 {
		t.Errorf("%d records, want 3", len(got))
	}
	if got, _ = drain(t, s, at); len(got) != 17 {
		t.Errorf("%d records more, want 17", len(got))
	}
	n, values = 3, 0 // all of one value: nothing tells whether there are more
	var err error
	for at, b := ingest.Cursor(""), (ingest.Batch{}); err == nil && !b.CaughtUp; at = b.Next {
		b, err = s.Read(t.Context(), at)
	}
	if f, ok := errors.AsType[*fault.Error](err); !ok || f.Class != fault.Blocked || !strings.Contains(f.Error(), "one more than SLUICE_HTTP_MAX_PAGES") {
		t.Errorf("records of one value: %v, want a Blocked fault that names SLUICE_HTTP_MAX_PAGES", err)
	}
}
