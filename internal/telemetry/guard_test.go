package telemetry

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/internal/secret"
)

const canary = "c4n4ry-of-the-admin-port"

func TestWhoMayAskTheAdminPort(t *testing.T) {
	t.Parallel()
	set := secret.New(canary)
	for _, tc := range []struct {
		name   string
		local  bool
		token  secret.Value
		host   string
		header func(*http.Request)
		want   map[string]int // by path
	}{
		{"here, no token", true, secret.Value{}, "localhost:9090", nil, map[string]int{"/": 200, "/metrics": 200, "/healthz": 200}},
		{"here, by another name", true, secret.Value{}, "rebound.example:9090", nil, map[string]int{"/": 403, "/metrics": 403, "/healthz": 403}},
		{"elsewhere, no token set", false, secret.Value{}, "10.0.0.1", nil, map[string]int{"/": 401, "/metrics": 401, "/api/status": 401, "/healthz": 200}},
		{"elsewhere, none shown", false, set, "10.0.0.1", nil, map[string]int{"/": 401, "/metrics": 401, "/readyz": 401, "/none": 401, "/healthz": 200}},
		{"elsewhere, a wrong one", false, set, "10.0.0.1", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+canary+"x") }, map[string]int{"/metrics": 401}},
		{"elsewhere, a part", false, set, "10.0.0.1", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+canary[:5]) }, map[string]int{"/metrics": 401}},
		{"elsewhere, an empty one", false, set, "10.0.0.1", func(r *http.Request) { r.SetBasicAuth("", "") }, map[string]int{"/metrics": 401}},
		{"elsewhere, an empty one where none is set", false, secret.New(""), "10.0.0.1", func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") }, map[string]int{"/metrics": 401}},
		{"elsewhere, as the user", false, set, "10.0.0.1", func(r *http.Request) { r.SetBasicAuth(canary, "") }, map[string]int{"/metrics": 401}},
		{"elsewhere, as bearer", false, set, "any.example", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+canary) }, map[string]int{"/metrics": 200, "/": 200, "/none": 404}},
		{"elsewhere, as password", false, set, "10.0.0.1", func(r *http.Request) { r.SetBasicAuth("anybody", canary) }, map[string]int{"/metrics": 200, "/": 200}},
		{"here, none shown", true, set, "localhost", nil, map[string]int{"/metrics": 401, "/healthz": 200}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for path, want := range tc.want {
				r := httptest.NewRequest("GET", "http://"+tc.host+path, nil)
				if tc.header != nil {
					tc.header(r)
				}
				w := httptest.NewRecorder()
				New(Options{Token: tc.token}).Handler(tc.local).ServeHTTP(w, r)
				if w.Code != want {
					t.Errorf("%s: %d, want %d", path, w.Code, want)
				}
				if strings.Contains(w.Body.String(), canary[:6]) {
					t.Errorf("%s shows the token: %s", path, w.Body)
				}
			}
		})
	}
}

func TestHealthCheckShowsTheToken(t *testing.T) {
	m := New(Options{Token: secret.New(canary)})
	m.Observer().Read(0, 0, 0, nil)
	addr, stop := serve(t, m)
	defer func() { _ = stop() }()
	if err := HealthCheck(t.Context(), addr, "/readyz", secret.New(canary)); err != nil {
		t.Errorf("with the token: %v, want nil", err)
	}
	if err := HealthCheck(t.Context(), addr, "/readyz", secret.Value{}); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without: %v, want 401", err)
	}
	if err := HealthCheck(t.Context(), addr, "/healthz", secret.Value{}); err != nil {
		t.Errorf("/healthz without: %v, want nil: a probe knows no secrets", err)
	}
}

func TestOnlyWhatIsListedIsServed(t *testing.T) {
	t.Parallel()
	m := New(Options{})
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/config", "/api/config", "/api/status/", "/api/tap", "/api/tap/", "/env", "//", "/../etc/passwd", "/metrics/x"} {
		if w := ask(m, "GET", "localhost", path); w.Code == http.StatusOK {
			t.Errorf("%s: 200, want nothing there", path)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"} {
		for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/api/status", "/api/tap"} {
			if w := ask(m, method, "localhost", path); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d, want 405", method, path, w.Code)
			}
		}
	}
}

// hostile are texts that a source may choose: they end lines, begin markup, and steer terminals and the reading direction.
var hostile = []string{"a\r\nlevel=ERROR msg=forged", "\x1b]0;owned\x07\x1b[2J", "x\u2028y\u2029z", "\u009b31m", "\u202egpj.exe", "<script>alert(1)</script>",
	"\" onload=\"x", "'; DROP", "{{.}}", "\x00\x7f\xff", "sluice_ready 1\n# HELP"}

// TestTextsFromElsewhereStayInTheirLine puts hostile texts wherever the source or a destination can choose one.
func TestTextsFromElsewhereStayInTheirLine(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		for _, evil := range hostile {
			var out bytes.Buffer
			m := New(Options{Source: "http", Transport: "sqs", Log: NewLogger(&out, slog.LevelInfo, format)})
			f := &fault.Error{Class: fault.Blocked, Reason: evil, Op: evil, Err: errors.New(evil)}
			o := m.Observer()
			m.Report(f)
			o.Trouble(ingest.PartSource, f)
			o.SetAside(f)
			if lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"); len(lines) != 3 {
				t.Errorf("%s: %q makes %d lines of log, want 3:\n%s", format, evil, len(lines), out.String())
			}
			answers := map[string]string{"log": out.String()}
			for _, path := range []string{"/", "/readyz", "/api/status", "/metrics"} {
				answers[path] = ask(m, "GET", "localhost", path).Body.String()
			}
			for where, text := range answers {
				if i := strings.IndexFunc(text, func(r rune) bool {
					return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
				}); i >= 0 {
					t.Errorf("%s %s: %q gets through at byte %d: %q", format, where, evil, i, text[max(0, i-20):min(len(text), i+20)])
				}
			}
			if !json.Valid([]byte(answers["/readyz"])) || !json.Valid([]byte(answers["/api/status"])) {
				t.Errorf("%q breaks the JSON", evil)
			}
			if strings.Contains(answers["/metrics"], "forged") || strings.Count(answers["/metrics"], "\nsluice_ready ") != 1 || strings.Contains(answers["/"], "<script") {
				t.Errorf("%q forges a metric, or markup", evil)
			}
		}
	}
}

func FuzzAdminHTTP(f *testing.F) {
	for _, line := range []string{"GET\n/\nlocalhost\n", "GET\n/metrics?x\n127.0.0.1:9090\nBearer " + canary, "HEAD\n/api/../healthz\n[::1]\nBasic Og==", "GET\n/%2e%2e/%00\n\n", "POST\n*\n0\n"} {
		parts := strings.SplitN(line, "\n", 4)
		f.Add(parts[0], parts[1], parts[2], parts[3], true)
		f.Add(parts[0], parts[1], parts[2], parts[3], false)
	}
	m := New(Options{Token: secret.New(canary)})
	m.Report(&fault.Error{Class: fault.Blocked, Reason: hostile[0], Err: errors.New(hostile[5])})
	f.Fuzz(func(t *testing.T, method, target, host, authorization string, local bool) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\n\r\n", method, target, host, authorization))))
		if err != nil {
			return
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel() // or a tap would wait for records
		w := httptest.NewRecorder()
		m.Handler(local).ServeHTTP(w, r.WithContext(gone))
		_, password, _ := r.BasicAuth()
		knows := r.Header.Get("Authorization") == "Bearer "+canary || password == canary
		read := r.Method == http.MethodGet || r.Method == http.MethodHead
		if w.Code == http.StatusOK && (!read || !knows && r.URL.Path != "/healthz" || local && !loopbackHost(r.Host)) {
			t.Errorf("%s %q for host %q with %q: 200, want a refusal", method, target, host, authorization)
		}
		if w.Code >= 500 && w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), canary) || strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s %q: %d %.200q", method, target, w.Code, w.Body)
		}
		if !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s %q: no policy in %v", method, target, w.Header())
		}
	})
}
