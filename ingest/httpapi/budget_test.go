package httpapi

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

// Where the handlers of inside listen: an address of this machine may be given secrets over plain http.
const (
	apiHost    = "127.0.0.1:8001"
	issuerHost = "127.0.0.1:8002"
)

// inside serves handlers by host and port, without a network and in the time of a bubble.
func inside(t testing.TB, hosts map[string]http.Handler) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	listeners := map[string]chan net.Conn{}
	for host, h := range hosts {
		conns := make(chan net.Conn)
		listeners[host] = conns
		srv := httptest.NewUnstartedServer(h)
		_ = srv.Listener.Close()
		srv.Listener = &pipes{conns: conns}
		srv.Start()
		t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	}
	return func(ctx context.Context, _, addr string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case listeners[addr] <- far:
			return near, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// budgeted makes a source of pages that are counted, each of one record, in the time of a bubble.
func budgeted(t testing.TB, h http.Handler, change func(*Config)) *Source {
	t.Helper()
	c := Default()
	c.URL, c.Pagination, c.Limit = "http://"+apiHost+"/items", paginationPage, 1 // a page is full
	c.Dial = inside(t, map[string]http.Handler{apiHost: h})
	if change != nil {
		change(&c)
	}
	return open(t, c)
}

// obey reads n batches and waits as it is told, by the fault and not a moment longer. It returns the faults.
func obey(t testing.TB, s *Source, n int) []*fault.Error {
	t.Helper()
	var faults []*fault.Error
	var after ingest.Cursor
	for tries := 0; n > 0; tries++ {
		b, err := s.Read(t.Context(), after)
		if err == nil {
			after, n = b.Next, n-1
			continue
		}
		f := fault.From(err)
		if faults = append(faults, f); f.Class != fault.Throttled || f.RetryAfter <= 0 || tries > 5000 {
			t.Fatalf("Read = %v (%v, again after %v), want a Throttled fault with a wait", err, f.Class, f.RetryAfter)
		}
		time.Sleep(f.RetryAfter)
	}
	return faults
}

// A quotaServer allows so many requests in each window, and says so in headers. It is kept by the clock of its server, which is
// skew ahead of ours.
type quotaServer struct {
	limit  int
	window time.Duration
	skew   time.Duration
	tell   func(h http.Header, limit, left int, end time.Time, toGo time.Duration)
	status int // of a request beyond the limit

	mu       sync.Mutex
	end      map[string]time.Time
	used     map[string]int
	least    int // left, ever
	over     int // requests beyond the limit
	requests []time.Time
}

func (m *quotaServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, who := time.Now().Add(m.skew), r.Header.Get("Authorization")
	if m.end == nil {
		m.end, m.used, m.least = map[string]time.Time{}, map[string]int{}, m.limit
	}
	if !now.Before(m.end[who]) {
		m.end[who], m.used[who] = now.Add(m.window), 0
	}
	m.requests = append(m.requests, time.Now())
	m.used[who]++
	left := m.limit - m.used[who]
	m.least = min(m.least, left)
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	m.tell(w.Header(), m.limit, max(left, 0), m.end[who], m.end[who].Sub(now))
	if left < 0 {
		m.over++
		w.WriteHeader(m.status)
		return
	}
	fmt.Fprintf(w, `[{"page":%q}]`, r.URL.Query().Get("page"))
}

func tellGitHub(h http.Header, limit, left int, end time.Time, _ time.Duration) {
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(end.Add(time.Second-1).Unix(), 10))
}

func tellStandard(h http.Header, limit, left int, _ time.Time, toGo time.Duration) {
	h.Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%d`, left, int((toGo+time.Second-1)/time.Second)))
	h.Set("RateLimit-Policy", fmt.Sprintf(`"default";q=%d;w=60`, limit))
}

func tellLeftOnly(h http.Header, _, left int, _ time.Time, _ time.Duration) {
	h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
}

// TestStopsBeforeTheLimit reads more pages than a window allows. A request beyond the limit is one too many.
func TestStopsBeforeTheLimit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		tell    func(http.Header, int, int, time.Time, time.Duration)
		skew    time.Duration
		reserve float64
		least   int // requests that are left, ever
	}{
		{"seconds since 1970", tellGitHub, 0, 0, 0},
		{"seconds since 1970, by a clock an hour ahead", tellGitHub, time.Hour, 0, 0},
		{"seconds since 1970, by a clock an hour behind", tellGitHub, -time.Hour, 0, 0},
		{"the standard", tellStandard, 0, 0, 0},
		{"no end", tellLeftOnly, 0, 0, 0},
		{"a tenth for others", tellGitHub, 0, 0.1, 2},
		{"nine tenths for others", tellStandard, 0, 0.9, 18},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &quotaServer{limit: 20, window: time.Minute, skew: tc.skew, tell: tc.tell, status: 429}
				s := budgeted(t, m, func(c *Config) { c.RateLimitReserve = tc.reserve })
				faults := obey(t, s, 50)
				if m.over > 0 || m.least != tc.least {
					t.Errorf("%d requests beyond the limit and %d left at least, want none and %d", m.over, m.least, tc.least)
				}
				for _, f := range faults {
					if f.Code() != "rate_limited_by_source" || f.RetryAfter > 62*time.Second || !strings.Contains(f.Error(), time.Now().UTC().Format("2006-")) {
						t.Errorf("fault %v, %s, after %v; want rate_limited_by_source, until when, and at most the window", f, f.Code(), f.RetryAfter)
					}
				}
				if want := 50/(20-tc.least) - 1; len(faults) < want {
					t.Errorf("%d waits were told, want at least %d", len(faults), want)
				}
				if len(s.Quota()) == 0 {
					t.Error("Quota is empty after 50 pages")
				}
			})
		})
	}
}

// TestShortWaitsHappenInRead: what takes seconds is no trouble.
func TestShortWaitsHappenInRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &quotaServer{limit: 3, window: 5 * time.Second, tell: tellStandard, status: 429}
		s := budgeted(t, m, nil)
		if faults := obey(t, s, 10); len(faults) > 0 || m.over > 0 {
			t.Errorf("faults %v and %d requests beyond the limit, want none", faults, m.over)
		}
	})
}

// TestNothingLeftIsNeverAtOnce: an end in 0 seconds lies within the second that is running.
func TestNothingLeftIsNeverAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &quotaServer{limit: 1 << 30, tell: func(h http.Header, _, _ int, _ time.Time, _ time.Duration) {
			h.Set("RateLimit", "limit=1, remaining=0, reset=0")
		}}
		obey(t, budgeted(t, m, nil), 3)
		for i := 1; i < 3; i++ {
			if gap := m.requests[i].Sub(m.requests[i-1]); gap < time.Second {
				t.Errorf("request %d came %v after the one before, want a second", i, gap)
			}
		}
	})
}

func TestABogusEndIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &quotaServer{limit: 5, window: time.Minute, status: 429, tell: func(h http.Header, limit, left int, _ time.Time, _ time.Duration) {
			tellGitHub(h, limit, left, time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC), 0)
		}}
		s := budgeted(t, m, func(c *Config) { c.MaxWait = 10 * time.Minute })
		faults := obey(t, s, 6)
		if len(faults) != 1 || faults[0].RetryAfter != 10*time.Minute || !strings.Contains(faults[0].Error(), "SLUICE_HTTP_MAX_WAIT") {
			t.Errorf("faults %v, want one of ten minutes that names SLUICE_HTTP_MAX_WAIT", faults)
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := budgeted(t, &quotaServer{limit: 1, window: 8 * time.Second, tell: tellStandard, status: 429}, nil)
		obey(t, s, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := s.Read(ctx, ""); fault.From(err).Code() != "stopped" || time.Since(began) != time.Second {
			t.Errorf("Read = %v after %v, want stopped after a second", err, time.Since(began))
		}
	})
}

// TestOwnBudget counts requests in every stretch as long as the period.
func TestOwnBudget(t *testing.T) {
	t.Parallel()
	for _, r := range []Rate{{1, time.Minute}, {2, time.Second}, {10, time.Second}, {60, time.Hour}, {300, time.Hour}} {
		t.Run(r.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &quotaServer{limit: 1 << 30, window: time.Hour, tell: func(http.Header, int, int, time.Time, time.Duration) {}}
				s := budgeted(t, m, func(c *Config) { c.RequestsPer = r })
				n := 3*r.Requests + 2
				for _, f := range obey(t, s, n) {
					if f.Code() != "request_budget" || f.RetryAfter <= inRead {
						t.Errorf("fault %v (%s) after %v, want request_budget and more than %v", f, f.Code(), f.RetryAfter, inRead)
					}
				}
				for i := range m.requests {
					if j := i + r.Requests; j < len(m.requests) && m.requests[j].Sub(m.requests[i]) < r.Per-time.Millisecond { // the limiter rounds
						t.Fatalf("requests %d to %d in %v, want at most %v", i, j, m.requests[j].Sub(m.requests[i]), r)
					}
				}
				if took, most := m.requests[n-1].Sub(m.requests[0]), 4*r.Per; took > most {
					t.Errorf("%d requests took %v, want at most %v: the budget is not used", n, took, most)
				}
				if q := s.Quota(); !strings.Contains(q, "own budget "+r.String()) {
					t.Errorf("Quota = %q, want it to say the budget", q)
				}
			})
		})
	}
}

// TestALimitToldInWordsAlone, as GitHub's secondary limits are at times, is waited for longer and longer.
func TestALimitToldInWordsAlone(t *testing.T) {
	t.Parallel()
	const secondary = `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}`
	for name, tc := range map[string]struct {
		status int
		body   string
		waits  []time.Duration // nil: it is no such limit
		reason string
	}{
		"403 with the words":             {http.StatusForbidden, secondary, []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute}, "throttled"},
		"429 with the words":             {http.StatusTooManyRequests, secondary, []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute}, "throttled"},
		"403 of another API":             {http.StatusForbidden, "Rate Limit Exceeded", []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute}, "throttled"},
		"429 of another API":             {http.StatusTooManyRequests, "Rate Limit Exceeded", nil, "throttled"},
		"403 that is a refusal":          {http.StatusForbidden, `{"message":"Must have admin rights"}`, nil, "forbidden"},
		"404 that speaks of rate limits": {http.StatusNotFound, "no such rate limit", nil, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				s := budgeted(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					if requests++; requests == 4 { // one answer that is none begins anew
						fmt.Fprint(w, "[]")
						return
					}
					w.Header().Set("X-RateLimit-Remaining", "4000")
					w.WriteHeader(tc.status)
					fmt.Fprint(w, tc.body)
				}), nil)
				if tc.waits == nil {
					if f := fault.From(readErr(t, s)); f.Code() != tc.reason || f.RetryAfter != 0 {
						t.Errorf("%v, again after %v; want %s and no wait of its own", f, f.RetryAfter, tc.reason)
					}
					return
				}
				for _, want := range tc.waits {
					f := fault.From(readErr(t, s))
					if f.Class != fault.Throttled || f.Code() != tc.reason || f.RetryAfter != want {
						t.Errorf("%v (%v), again after %v; want %s, Throttled, after %v", f, f.Class, f.RetryAfter, tc.reason, want)
					}
					time.Sleep(f.RetryAfter)
				}
				if _, err := s.Read(t.Context(), ""); err != nil {
					t.Fatal(err)
				}
				if f := fault.From(readErr(t, s)); f.RetryAfter != time.Minute {
					t.Errorf("after an answer: again after %v, want a minute", f.RetryAfter)
				}
			})
		})
	}
}

// TestALimitIsNoRefusal: GitHub answers 403 to what is beyond its limits.
func TestALimitIsNoRefusal(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		headers map[string]string
		class   fault.Class
		after   time.Duration
	}{
		{"primary limit", map[string]string{"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800"}, fault.Throttled, 30 * time.Minute},
		{"secondary limit", map[string]string{"X-RateLimit-Remaining": "4000", "Retry-After": "60"}, fault.Throttled, time.Minute},
		{"no limit at all", map[string]string{"X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": "1800"}, fault.Blocked, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				s := budgeted(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					requests++
					for k, v := range tc.headers {
						w.Header().Set(k, v)
					}
					w.WriteHeader(http.StatusForbidden)
				}), nil)
				f := fault.From(readErr(t, s))
				if f.Class != tc.class || f.RetryAfter != tc.after {
					t.Errorf("%v, again after %v; want %v after %v", f.Class, f.RetryAfter, tc.class, tc.after)
				}
				if again := fault.From(readErr(t, s)); tc.after > 0 && (again.Code() != "rate_limited_by_source" || requests != 1) {
					t.Errorf("asked at once: %v, %d requests; want rate_limited_by_source and no second request", again, requests)
				}
			})
		})
	}
}

// TestAFewRequestsGetPastPagesWithoutNews: a Read that is stopped by the limit between such pages keeps its place.
func TestAFewRequestsGetPastPagesWithoutNews(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &quotaServer{limit: 2, window: time.Minute, tell: tellStandard, status: 429}
		page := 0
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			m.ServeHTTP(rec, r)
			for k, v := range rec.Header() {
				w.Header()[k] = v
			}
			page, _ = strconv.Atoi(strings.TrimPrefix(r.URL.Query().Get("at"), "p"))
			if page < 6 {
				fmt.Fprintf(w, `{"next":"p%d","items":[]}`, page+1)
				return
			}
			fmt.Fprint(w, `{"items":[1]}`)
		})
		s := budgeted(t, h, func(c *Config) {
			c.Pagination, c.CursorPath, c.CursorParam, c.Records = paginationCursor, "next", "at", "items"
		})
		var after ingest.Cursor
		for range 20 {
			b, err := s.Read(t.Context(), after)
			if f := fault.From(err); f != nil {
				time.Sleep(f.RetryAfter)
				continue
			}
			if after = b.Next; len(b.Items) == 1 {
				return
			}
		}
		t.Errorf("no item after 20 tries, the last page was %d", page)
	})
}
