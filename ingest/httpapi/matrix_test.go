package httpapi

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/proof"
)

// A trouble of the origin: all that is asked for behind the first page fails for a while, and then it does not.
type trouble struct {
	fault    string
	action   proof.Action
	reason   string
	promises string
	answer   http.HandlerFunc
	lasts    time.Duration
	requests [2]int   // least and most while it lasts
	codes    []string // as world.codes tells them
	change   func(*Config)
}

const (
	tenMinutes = 10 * time.Minute
	hour       = time.Hour
)

// blocked is what a pause looks like, and paused how often it knocks in ten minutes: once, and once a minute.
func blocked(code string) []string { return []string{code + "/blocked", "well"} }

func passing(code string) []string { return []string{code + "/transient", "well"} }

var paused = [2]int{9, 11}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "no")
	}
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { raw(w, text) }
}

func hang(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

const half = `{"meta":{"next":null}, "data" : [{ "id": 3, "at":3, "big":90071`

func TestTroublesOfTheOrigin(t *testing.T) {
	t.Parallel()
	turns := 0
	for _, tc := range []trouble{
		{"no headers ever come", proof.Retry, "timeout", "P10 P11", hang, hour, [2]int{70, 130}, passing("timeout"), nil},
		{"a page that comes at one byte a second", proof.Retry, "timeout", "P10 P11", drip, hour, [2]int{70, 130}, passing("timeout"), nil},
		{"answers 500, 502, 503 and 504 for an hour", proof.Retry, "server_error", "P10 P11", func(w http.ResponseWriter, _ *http.Request) {
			turns++
			w.WriteHeader([]int{500, 502, 503, 504}[turns%4])
		}, hour, [2]int{230, 260}, passing("server_error"), nil},
		{"answers 408", proof.Retry, "server_error", "P10 P11", status(408), tenMinutes, [2]int{35, 55}, passing("server_error"), nil},
		{"a connection closed without an answer", proof.Retry, "network", "P10 P11", says(""), tenMinutes, [2]int{35, 80}, passing("network"), nil},
		{"an answer that is not HTTP", proof.Retry, "network", "P10 P11", says("SSH-2.0-OpenSSH_9.6\r\n"), tenMinutes, [2]int{35, 55}, passing("network"), nil},
		{"an answer 304 that nobody asked for", proof.Retry, "bad_page", "P10 P11", status(304), tenMinutes, [2]int{35, 55}, passing("bad_page"), nil},
		{"more than 64 KiB of headers", proof.Retry, "network", "P8 P10", status(200, "X-Long", strings.Repeat("x", 65<<10)), tenMinutes, [2]int{35, 55}, passing("network"), nil},
		{"a page in an encoding that nobody asked for", proof.Retry, "network", "P10", status(200, "Content-Encoding", "br"), tenMinutes, [2]int{35, 55}, passing("network"), nil},

		{"a page cut off before its Content-Length", proof.Retry, "truncated", "P2 P10", says("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + half), tenMinutes, [2]int{35, 55}, passing("truncated"), nil},
		{"a chunked page cut off", proof.Retry, "truncated", "P2 P10", says(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(half), half)), tenMinutes, [2]int{35, 55}, passing("truncated"), nil},
		{"a compressed page cut off", proof.Retry, "truncated", "P2 P10", says("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + zipped(half)[:40]), tenMinutes, [2]int{35, 55}, passing("truncated"), nil},
		{"a page cut off whose end is the end of the connection", proof.Retry, "bad_page", "P2 P10", says("HTTP/1.1 200 OK\r\n\r\n" + half), tenMinutes, [2]int{10, 13}, []string{"bad_page/transient", "bad_page/blocked", "well"}, nil},
		{"a page that is not JSON, again and again", proof.Retry, "bad_page", "P10 P12", says("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n[1, 2,}"), tenMinutes, [2]int{10, 13}, []string{"bad_page/transient", "bad_page/blocked", "well"}, nil},
		{"an HTML page of a proxy, once", proof.Retry, "bad_page", "P10", says("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"), time.Millisecond, [2]int{1, 1}, passing("bad_page"), nil},
		{"a page nested deeper than JSON readers go", proof.Retry, "bad_page", "P8 P12", says("HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("[", 20_000)), tenMinutes, [2]int{10, 13}, []string{"bad_page/transient", "bad_page/blocked", "well"}, nil},
		{"a page that is a gzip file, cut off", proof.Retry, "bad_page", "P2 P10 P12", says("HTTP/1.1 200 OK\r\n\r\n" + zipped(half)[:40]), tenMinutes, [2]int{10, 13}, []string{"bad_page/transient", "bad_page/blocked", "well"}, nil},
		{"an error in a page whose status is 200", proof.Retry, "error_in_page", "P11 P12", says("HTTP/1.1 200 OK\r\n\r\n{\"data\":[],\"errors\":[{}, 1]}"), tenMinutes, [2]int{10, 13}, []string{"error_in_page/transient", "error_in_page/blocked", "well"}, func(c *Config) { c.ErrorPath = "errors" }},

		{"answers 401 for good", proof.Pause, "unauthorized", "P11 P12", status(401), tenMinutes, paused, blocked("unauthorized"), nil},
		{"answers 403 for good", proof.Pause, "forbidden", "P11 P12", status(403), tenMinutes, paused, blocked("forbidden"), nil},
		{"answers 404", proof.Pause, "not_found", "P11 P12", status(404), tenMinutes, paused, blocked("not_found"), nil},
		{"answers 400", proof.Pause, "bad_request", "P11 P12", status(400), tenMinutes, paused, blocked("bad_request"), nil},
		{"answers 410: the place is forgotten", proof.Pause, "cursor_gone", "P3 P12", status(410), tenMinutes, paused, blocked("cursor_gone"), nil},
		{"no records where they should be", proof.Pause, "no_records", "P12", says("HTTP/1.1 200 OK\r\n\r\n{\"error\":\"soon\"}"), tenMinutes, paused, blocked("no_records"), nil},

		{"a record without an end", proof.Pause, "page_too_large", "P8 P12", endlessRecord, tenMinutes, paused, blocked("page_too_large"), func(c *Config) { c.MaxPageBytes = 1 << 20 }},
		{"a page longer than allowed that says so, and has to be held whole", proof.Pause, "page_too_large", "P8 P12", says("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n["), tenMinutes, paused, blocked("page_too_large"), func(c *Config) { c.ErrorPath = "data.#.error" }},
		{"a page that grows 1,000 times by decompression", proof.Pause, "page_bomb", "P8 P12", bomb, tenMinutes, paused, blocked("page_bomb"), nil},

		{"a redirect to another origin", proof.Pause, "foreign_redirect", "P12 P13", status(302, "Location", "https://evil.example/x"), tenMinutes, paused, blocked("foreign_redirect"), nil},
		{"a redirect to the metadata service", proof.Pause, "foreign_redirect", "P12 P13", status(307, "Location", "http://169.254.169.254/latest/meta-data/iam/"), tenMinutes, paused, blocked("foreign_redirect"), nil},
		{"a redirect to another port of the same host", proof.Pause, "foreign_redirect", "P12 P13", status(307, "Location", "http://example.com:8080/"), tenMinutes, paused, blocked("foreign_redirect"), nil},
		{"a redirect that leads back to itself", proof.Pause, "redirect_loop", "P11 P12", status(302, "Location", "/items?x"), tenMinutes, [2]int{6 * 9, 6 * 11}, blocked("redirect_loop"), nil},
		{"a next link to another origin", proof.Pause, "foreign_next_link", "P12 P13", says("HTTP/1.1 200 OK\r\n\r\n{\"data\":[{\"id\":77}],\"meta\":{\"next\":\"http://169.254.170.2/v2/\"}}"), tenMinutes, paused, blocked("foreign_next_link"), nil},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tc.run(t) })
		})
	}
}

func (tc trouble) run(t *testing.T) {
	a, items := nineRecords(paginationNext)
	var since time.Time
	struck := 0
	c := a.config(worldURL, 0, false)
	addr := "example.com:80"
	if strings.Contains(tc.promises, "P13") { // a key travels
		_ = c.Headers.Decode("X-Api-Key: canary-header")
		c.URL, addr = strings.Replace(c.URL, "http:", "https:", 1), "example.com:443"
	}
	if tc.change != nil {
		tc.change(&c)
	}
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "fixed=1" {
			a.ServeHTTP(w, r)
			return
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) < tc.lasts {
			struck++
			tc.answer(w, r)
			return
		}
		a.ServeHTTP(w, r)
	}), c)
	w.run(tc.lasts + 5*time.Minute)

	if struck < tc.requests[0] || struck > tc.requests[1] {
		t.Errorf("asked %d times in %v of trouble, want %d to %d", struck, tc.lasts, tc.requests[0], tc.requests[1])
	}
	if got := w.codes(); !slices.Equal(got, tc.codes) {
		t.Errorf("reasons %q, want %q: %v", got, tc.codes, w.reasons[:min(3, len(w.reasons))])
	}
	if tc.action == proof.Pause && (len(w.reasons) == 0 || w.reasons[0].at > 10*time.Second) {
		t.Errorf("reasons %v, want the first within 10 s", w.reasons)
	}
	w.sameAgain()
	w.settled(items, 0)
	if len(w.dead) > 0 {
		t.Errorf("set aside: %q; no record was at fault", w.dead)
	}
	for _, dialed := range w.dialed {
		if dialed != addr {
			t.Errorf("connected to %s, want no address but %s", dialed, addr)
		}
	}
	for _, r := range w.reasons {
		if strings.Contains(r.text, "canary") || strings.ContainsAny(r.text, "\r\n\x1b") {
			t.Errorf("the reason shows a secret or is no line: %q", r.text)
		}
	}
	proof.Fault(t, "source_"+tc.reason, struck)
	proof.Row{Area: "source", Fault: tc.fault, Action: tc.action, Reason: tc.reason, Promises: tc.promises}.Report(t)
}

// sameAgain checks that no page was skipped: after the first page, the second was asked for until it came, and the cursor
// that was saved stayed the one behind the first.
func (w *world) sameAgain() {
	w.t.Helper()
	second := ""
	for _, r := range w.asked[1:] {
		if strings.HasSuffix(r.uri, "?x") {
			continue // where a redirect led
		}
		if second == "" {
			second = r.uri
		}
		if r.uri != second {
			break
		}
	}
	for _, uri := range []string{"/items?after=3&fixed=1", "/items?after=6&fixed=1"} {
		if !slices.ContainsFunc(w.asked, func(r request) bool { return r.uri == uri }) {
			w.t.Errorf("%s was never asked for", uri)
		}
	}
	if second != "/items?after=3&fixed=1" {
		w.t.Errorf("after the first page %s was asked for, want the second page", second)
	}
}

// endlessRecord writes until nobody reads on.
func endlessRecord(w http.ResponseWriter, _ *http.Request) {
	chunk := []byte(strings.Repeat(`{"id":1},`, 1000))
	_, err := io.WriteString(w, `{"data":[[`)
	for err == nil {
		_, err = w.Write(chunk)
	}
}

// drip writes a byte a second.
func drip(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		_, _ = io.WriteString(w, " ")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-time.After(time.Second):
		}
	}
	panic(http.ErrAbortHandler) // or the end of the page might still get through
}

// bomb writes 16 MiB of JSON in 16 KiB.
func bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = io.WriteString(z, `{"data":["`)
	for range 16 {
		_, _ = io.WriteString(z, strings.Repeat("x", 1<<20))
	}
	_, _ = io.WriteString(z, `"]}`)
	_ = z.Close()
}

// TestConnectionsThatDoNotCome lets connecting, or the handshake, take for ever.
func TestConnectionsThatDoNotCome(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fault, reason string
		dial          func(context.Context) (net.Conn, error)
		each          time.Duration // of a try
	}{
		{"a connection that is never opened", "timeout", func(ctx context.Context) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }, 30 * time.Second},
		{"a TLS handshake that is never answered", "network", func(context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, far) }()
			return near, nil
		}, 10 * time.Second},
		{"a connection that is refused", "network", func(context.Context) (net.Conn, error) { return nil, io.ErrClosedPipe }, 0},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, items := nineRecords(paginationCursor)
				w := newWorld(t, a, a.config("https://example.com", 0, false))
				w.dial = func(ctx context.Context) (net.Conn, error) {
					if time.Since(w.began) < hour {
						return tc.dial(ctx)
					}
					return w.connect()
				}
				w.run(hour + 5*time.Minute)
				least, most := int(hour/(tc.each+15*time.Second))-5, int(hour/(tc.each+15*time.Second))+25
				if n := len(w.dialed); n < least || n > most {
					t.Errorf("%d connections tried in an hour, want %d to %d: one per backoff", n, least, most)
				}
				if len(w.saves) == 0 || w.asked[0].uri != "/items?fixed=1" || w.asked[0].at < hour {
					t.Errorf("first request %+v, want the beginning after the hour", w.asked[0])
				}
				if got := w.codes(); !slices.Equal(got, passing(tc.reason)) {
					t.Errorf("reasons %q, want %q", got, passing(tc.reason))
				}
				w.settled(items, 0)
				proof.Fault(t, "source_no_connection", len(w.dialed))
				proof.Row{Area: "source", Fault: tc.fault, Action: proof.Retry, Reason: tc.reason, Promises: "P10 P11"}.Report(t)
			})
		})
	}
}
