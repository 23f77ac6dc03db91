package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault"
	"sluice/internal/secret"
)

// TestTheTokenWithTheMostLeftIsUsed reads with three tokens, one of which somebody else uses too.
func TestTheTokenWithTheMostLeftIsUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &quotaServer{limit: 10, window: time.Minute, tell: tellGitHub, status: 429}
		for range 7 { // by somebody else
			r, _ := http.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer canary-c")
			m.ServeHTTP(discard{http.Header{}}, r)
		}
		s := budgeted(t, m, func(c *Config) { c.Tokens = secret.New("canary-a, canary-b\ncanary-c") })
		if faults := obey(t, s, 10); len(faults) > 0 {
			t.Fatalf("faults %v, want none: 23 requests are left", faults)
		}
		if a, b, c := m.used["Bearer canary-a"], m.used["Bearer canary-b"], m.used["Bearer canary-c"]; a+b != 9 || a-b > 1 || b-a > 1 || c != 8 {
			t.Errorf("requests %d, %d, %d; want the first two evenly and the third once, to learn what it has", a, b, c)
		}
		faults := obey(t, s, 26) // 13 are left in this window
		if len(faults) != 1 || faults[0].Code() != "rate_limited_by_source" || m.over > 0 {
			t.Errorf("faults %v and %d requests beyond a limit, want one wait for the next window", faults, m.over)
		}
		q := s.Quota()
		for _, want := range []string{"token 1 of 3: ", "token 2 of 3: ", "token 3 of 3: ", "of 10 requests left until "} {
			if !strings.Contains(q, want) || strings.Contains(q, "canary") {
				t.Errorf("Quota = %q, want it to say %q and no token", q, want)
			}
		}
	})
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// TestARefusedTokenIsLeftOut: the source goes on with the others, until the secret changes.
func TestARefusedTokenIsLeftOut(t *testing.T) {
	t.Parallel()
	var text atomic.Value
	text.Store("canary-bad,canary-good")
	tokens := secret.From("canary-bad,canary-good", func() (string, error) { return text.Load().(string), nil })
	var seen, warnings []string
	good := "canary-good"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if seen = append(seen, token); token != good {
			http.Error(w, "not with "+token, http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `[1]`)
	}, func(c *Config) { c.Tokens = tokens; c.Warn = func(m string) { warnings = append(warnings, m) } })

	err := readErr(t, s)
	if f := fault.From(err); f.Class != fault.Transient || f.Code() != "unauthorized" || strings.Contains(err.Error(), "canary") {
		t.Fatalf("with the bad token: %v (%v), want unauthorized, passing, without a token", err, f.Class)
	}
	for range 3 {
		if _, err := s.Read(t.Context(), ""); err != nil {
			t.Fatalf("with the other token: %v", err)
		}
	}
	if got := strings.Join(seen, " "); got != "canary-bad canary-good canary-good canary-good" {
		t.Errorf("tokens %q, want the bad one once", got)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "token 1 of 2") || strings.Contains(warnings[0], "canary") {
		t.Errorf("warnings %q, want one about token 1 of 2", warnings)
	}
	if q := s.Quota(); !strings.Contains(q, "token 1 of 2: refused") {
		t.Errorf("Quota = %q, want it to tell of the refusal", q)
	}

	good = "canary-new"
	if f := fault.From(readErr(t, s)); f.Class != fault.Blocked || f.Code() != "unauthorized" {
		t.Errorf("all refused: %v %s, want Blocked unauthorized", f.Class, f.Code())
	}
	seen = nil
	for range 2 { // the probes of the loop
		if f := fault.From(readErr(t, s)); f.Class != fault.Blocked {
			t.Errorf("all refused, asked again: %v, want Blocked", f.Class)
		}
	}
	if got := strings.Join(seen, " "); got != "canary-bad canary-good" || len(warnings) != 2 {
		t.Errorf("tokens %q and %d warnings, want each tried again in turn and told of once", got, len(warnings))
	}
	text.Store("canary-bad,canary-new")
	if f := fault.From(readErr(t, s)); f.Class != fault.Transient {
		t.Errorf("all refused, and the file has others: %v, want passing", f.Class)
	}
	for range 2 { // whether the one that stayed comes first is nobody's business
		if _, err := s.Read(t.Context(), ""); err == nil {
			return
		}
	}
	t.Errorf("the new token is not used: %q", seen)
}

func TestALimitOfOneTokenDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limited := 0
		s := budgeted(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "Bearer a" {
				limited++
				w.Header().Set("Retry-After", "3600")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			fmt.Fprint(w, `[1]`)
		}), func(c *Config) { c.Tokens = secret.New("a,b"); c.Pagination = paginationNone })
		began := time.Now()
		f := fault.From(readErr(t, s))
		if f.Class != fault.Throttled || f.RetryAfter != 0 {
			t.Errorf("%v after %v, want Throttled and no wait: another token is ready", f.Class, f.RetryAfter)
		}
		for range 5 {
			if _, err := s.Read(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
		}
		if limited != 1 || time.Since(began) > time.Minute {
			t.Errorf("%d requests with the limited token, in %v; want 1, and no waiting", limited, time.Since(began))
		}
	})
}
