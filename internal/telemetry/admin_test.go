package telemetry

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/transport"
)

// ask sends a request to the handler of a Monitor that is bound to loopback.
func ask(m *Monitor, method, host, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	m.Handler(true).ServeHTTP(w, r)
	return w
}

func TestPaths(t *testing.T) {
	m := New(Options{Source: "http", Transport: "sqs"})
	check := func(path string, status int, kind, part string) {
		t.Helper()
		w := ask(m, "GET", "localhost:9090", path)
		if w.Code != status || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) || !strings.Contains(w.Body.String(), part) {
			t.Errorf("%s: %d %s %q, want %d %s and %q in it", path, w.Code, w.Header().Get("Content-Type"), w.Body, status, kind, part)
		}
	}
	check("/healthz", 200, "text/plain", "ok")
	check("/readyz", 503, "application/json", `{"ready":false,"reasons":[{"part":"source","reason":"starting","since":"`)
	check("/metrics", 200, "text/plain", `sluice_records_read_total{source="http"} 0`)
	check("/", 200, "text/html", "not ready")
	check("/api/status", 200, "application/json", `"kind":"sqs"`)
	check("/debug/pprof/", 404, "text/plain", "")
	check("/index.html", 404, "text/plain", "")
	m.Observer().Read(1, 1, time.Second, nil)
	check("/readyz", 200, "application/json", `{"ready":true}`)
	check("/healthz", 200, "text/plain", "ok")
	check("/", 200, "text/html", `<span class="state good">ready</span>`)
	m.Report(failure(fault.Blocked, "queue_missing", "no queue"))
	check("/readyz", 503, "application/json", `"part":"destination","reason":"queue_missing"`)
	check("/healthz", 200, "text/plain", "ok") // a restart does not make a queue
	m.Report(nil)
	m.Drain()
	check("/readyz", 503, "application/json", `"reason":"draining"`)
}

func TestOnlyReadersOfThisMachineAreAnswered(t *testing.T) {
	m := New(Options{})
	for _, tt := range []struct {
		method, host string
		want         int
	}{
		{"GET", "localhost", 200}, {"GET", "localhost:9090", 200}, {"GET", "127.0.0.1:9090", 200}, {"GET", "127.8.9.1", 200},
		{"GET", "[::1]:9090", 200}, {"GET", "[::1]", 200}, {"HEAD", "localhost", 200},
		{"GET", "rebound.example:9090", 403}, {"GET", "localhost.example", 403}, {"GET", "127.0.0.1.example", 403}, {"GET", "10.0.0.1", 403},
		{"GET", "", 403}, {"POST", "rebound.example", 403},
		{"POST", "localhost", 405}, {"PUT", "localhost", 405}, {"DELETE", "localhost", 405}, {"OPTIONS", "localhost", 405}, {"BREW", "localhost", 405},
	} {
		for _, path := range []string{"/healthz", "/metrics", "/", "/api/status"} {
			if w := ask(m, tt.method, tt.host, path); w.Code != tt.want {
				t.Errorf("%s %s with host %q: %d, want %d", tt.method, path, tt.host, w.Code, tt.want)
			}
		}
	}
	w := httptest.NewRecorder()
	m.Handler(false).ServeHTTP(w, httptest.NewRequest("GET", "http://10.0.0.1:9090/healthz", nil)) // a probe from elsewhere
	if w.Code != 200 {
		t.Errorf("not on loopback: %d, want 200", w.Code)
	}
}

func TestEveryAnswerHasTheHeadersOfCaution(t *testing.T) {
	m := New(Options{})
	for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/api/status", "/none"} {
		h := ask(m, "GET", "localhost", path).Header()
		if p := h.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none';") || strings.Contains(p, "unsafe") || strings.Contains(p, "script") {
			t.Errorf("%s: policy %q, want default-src 'none' and nothing unsafe", path, p)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v, want nosniff and no-store", path, h)
		}
	}
}

func TestPageShowsEvilTextHarmlessly(t *testing.T) {
	for _, evil := range []string{"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</style><script>x</script>", "{{.}}", "javascript:alert(1)", "\x1b[2J\u202e<b>"} {
		m := New(Options{Source: "http", Transport: "sqs", Stream: evil})
		m.Report(&fault.Error{Class: fault.Blocked, Reason: evil, Err: errors.New(evil)})
		m.Observer().Trouble(ingest.PartCheckpoint, errors.New(evil))
		page := ask(m, "GET", "localhost", "/").Body.String()
		for _, bad := range []string{"<script", "<img", "<b>", "\x1b", "\u202e", "ZgotmplZ"} {
			if strings.Contains(page, bad) {
				t.Errorf("%q makes a page with %q in it", evil, bad)
			}
		}
	}
}

func TestPageMayUseItsOwnStyleSheet(t *testing.T) {
	w := ask(New(Options{}), "GET", "localhost", "/")
	_, rest, _ := strings.Cut(w.Body.String(), "<style>")
	style, _, found := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"
	if policy := w.Header().Get("Content-Security-Policy"); !found || !strings.Contains(policy, want) {
		t.Errorf("policy %q, want %q in it, the hash of the style sheet on the page", policy, want)
	}
}

func TestStatusIsWhatThePageShows(t *testing.T) {
	m := New(Options{Source: "http", Transport: "sqs", Stream: "https://feed.example/q", Build: Build{Version: "v1.2.3", Go: "go1.26"}})
	o := m.Observer()
	o.Read(1234567, 5<<20, time.Second, nil)
	m.Observe(transport.Attempt{Records: make([]transport.Record, 1), Results: make([]transport.Result, 1), Bytes: 2048})
	o.Settled(1234560, 7, 0)
	o.Saved("secret-cursor")
	var s Status
	body := ask(m, "GET", "localhost", "/api/status").Body.String()
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	if s.Version != "v1.2.3" || s.Source.Records != 1234567 || s.Transport.SetAside != 7 || s.Checkpoint.Saves != 1 || !s.Ready {
		t.Errorf("status = %s", body)
	}
	page := ask(m, "GET", "localhost", "/").Body.String()
	for _, want := range []string{"1\u202f234\u202f567", "1\u202f234\u202f560", "5.0 MiB", "2.0 KiB", "v1.2.3", "https://feed.example/q", `class="bad">7<`} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if strings.Contains(page+body, "secret-cursor") {
		t.Error("a cursor is shown; it may hold a token of the source")
	}
}

// serve starts the admin port of m and returns its address and a function that ends it and returns what Serve returned.
func serve(t *testing.T, m *Monitor) (addr string, stop func() error) {
	t.Helper()
	ln, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Serve(ctx, ln) }()
	return ln.Addr().String(), func() error { cancel(); return <-done }
}

func TestServeAndHealthCheck(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	m := New(Options{})
	addr, stop := serve(t, m)
	if err := HealthCheck(t.Context(), addr, "/healthz", secret.Value{}); err != nil {
		t.Errorf("/healthz: %v, want nil", err)
	}
	err := HealthCheck(t.Context(), addr, "/readyz", secret.Value{})
	if err == nil || !strings.HasPrefix(err.Error(), "not ready: source starting since ") {
		t.Errorf("/readyz at the start: %v, want the reason", err)
	}
	m.Observer().Read(0, 0, 0, nil)
	if err := HealthCheck(t.Context(), addr, "/readyz", secret.Value{}); err != nil {
		t.Errorf("/readyz: %v, want nil", err)
	}
	if err := HealthCheck(t.Context(), addr, "/none", secret.Value{}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("another path: %v, want 404", err)
	}
	_, port, _ := net.SplitHostPort(addr)
	for _, everywhere := range []string{":" + port, "0.0.0.0:" + port} {
		if err := HealthCheck(t.Context(), everywhere, "/healthz", secret.Value{}); err != nil {
			t.Errorf("%s: %v, want nil", everywhere, err)
		}
	}
	if _, err := Listen(addr); err == nil || !strings.Contains(err.Error(), "set SLUICE_ADMIN_ADDR") || !strings.Contains(err.Error(), addr) {
		t.Errorf("Listen on a port in use: %v, want an error that names it and says what to set", err)
	}
	if err := stop(); err != nil {
		t.Errorf("Serve = %v, want nil at the end of its context", err)
	}
	if err := HealthCheck(t.Context(), addr, "/healthz", secret.Value{}); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("after the end: %v, want refused", err)
	}
}

func TestServeReportsABrokenPort(t *testing.T) {
	ln, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := New(Options{}).Serve(t.Context(), ln); err == nil || !strings.Contains(err.Error(), "admin port") {
		t.Errorf("Serve on a closed port = %v, want an error", err)
	}
}

func TestServeEndsAlthoughSomebodyHoldsOn(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	addr, stop := serve(t, New(Options{}))
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ") // and nothing more
	if err := HealthCheck(t.Context(), addr, "/healthz", secret.Value{}); err != nil {
		t.Errorf("beside a slow request: %v, want nil", err)
	}
	start := time.Now()
	if err := stop(); err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
	if took := time.Since(start); took > 4*closeTimeout {
		t.Errorf("the end took %v, want about %v", took, closeTimeout)
	}
}

func TestConnectionsAndHeadersAreBounded(t *testing.T) {
	addr, stop := serve(t, New(Options{}))
	defer func() { _ = stop() }()
	for range maxConns {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil { // it is being served, so it counts
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := HealthCheck(ctx, addr, "/healthz", secret.Value{}); err == nil {
		t.Errorf("connection %d was answered, want it to wait", maxConns+1)
	}
}

func TestHeadersTooLarge(t *testing.T) {
	addr, stop := serve(t, New(Options{}))
	defer func() { _ = stop() }()
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+addr+"/healthz", nil)
	req.Header.Set("X-Large", strings.Repeat("x", 64<<10))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("64 KiB of headers: %s, want 431", resp.Status)
	}
}

// pipeListener accepts the far ends of the pipes that it is given.
type pipeListener struct{ conns chan net.Conn }

func (l pipeListener) Accept() (net.Conn, error) {
	conn, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (l pipeListener) Close() error   { close(l.conns); return nil }
func (l pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func TestSlowHeadersAreCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pipeListener{make(chan net.Conn)}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- New(Options{}).Serve(ctx, l) }()
		near, far := net.Pipe()
		l.conns <- far
		written := make(chan struct{})
		go func() {
			defer close(written)
			for _, err := io.WriteString(near, "GET / HTTP/1.1\r\nHost: localhost\r\n"); err == nil; _, err = io.WriteString(near, "X: y\r\n") {
				time.Sleep(time.Second) // virtual
			}
		}()
		start := time.Now()
		_, _ = io.Copy(io.Discard, near)
		if took := time.Since(start); took != headerTimeout {
			t.Errorf("a request that never ends was cut off after %v, want %v", took, headerTimeout)
		}
		<-written
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve = %v, want nil", err)
		}
	})
}

func TestWordsForNumbers(t *testing.T) {
	for got, want := range map[string]string{
		count(0): "0", count(999): "999", count(1000): "1\u202f000", count(1234567): "1\u202f234\u202f567",
		size(0): "0 B", size(1023): "1023 B", size(1536): "1.5 KiB", size(1 << 40): "1.0 TiB",
		perSecond(0): "0/s", perSecond(0.25): "0.2/s", perSecond(9.96): "10.0/s", perSecond(1234.5): "1\u202f235/s",
		spell(0): "0 s", spell(0.0042): "4.2 ms", spell(0.25): "250 ms", spell(2.34): "2.3 s", spell(59.9): "59 s",
		spell(61): "1 min 1 s", spell(3 * 3600): "3 h 0 min", spell(50 * 3600): "2 d 2 h",
		ago(time.Time{}, time.Now()): "never",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
