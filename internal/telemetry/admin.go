package telemetry

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"

	"sluice/internal/netaddr"
	"sluice/internal/secret"
)

const (
	maxConns       = 32       // connections to the admin port at once
	maxHeaderBytes = 16 << 10 // of one request
	headerTimeout  = 5 * time.Second
	closeTimeout   = 2 * time.Second // for requests that are being answered at the end
)

// Listen opens the admin port. The error says what to do.
func Listen(addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("admin port: %w; set SLUICE_ADMIN_ADDR to another address, or to off", err)
	}
	return ln, nil
}

// Serve answers on the admin port until ctx ends, finishes what is being answered, and closes ln. It returns nil then, and
// an error if the port broke before.
func (m *Monitor) Serve(ctx context.Context, ln net.Listener) error {
	server := &http.Server{
		Handler:           m.Handler(onLoopback(ln.Addr())),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       2 * headerTimeout,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(m.log.Handler(), slog.LevelDebug), // a port scan is no news
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		m.taps.end()
		if server.Shutdown(limited) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(netutil.LimitListener(ln, maxConns))
	if !stop() {
		<-closed
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("admin port: %w", err)
}

// onLoopback reports whether only this machine can reach addr.
func onLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// Handler answers the admin port: / (a page for people), /api/status, /api/tap, /healthz, /readyz, /metrics. With local, it answers
// only requests whose Host is this machine: a web page elsewhere may have its name point at 127.0.0.1 to have the browser
// of somebody here read us. Without, and without a token, it answers nothing but /healthz.
func (m *Monitor) Handler(local bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", m.servePage)
	mux.HandleFunc("/api/status", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, m.Status()) })
	mux.HandleFunc("/api/tap", m.serveTap)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		r := m.Readiness()
		status := http.StatusOK
		if !r.Ready {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, r)
	})
	mux.Handle("/metrics", promhttp.HandlerFor(m.metrics.registry, promhttp.HandlerOpts{Registry: m.metrics.registry, MaxRequestsInFlight: 4}))
	return guarded(mux, local, m.options.Token)
}

// admits reports whether who asks may have the answer: everybody /healthz, which says nothing; all else, who shows the token,
// as a bearer token or as the password of any user, or, where there is none, who is on this machine.
func admits(r *http.Request, local bool, token secret.Value) bool {
	if r.URL.Path == "/healthz" {
		return true
	}
	want := token.Reveal()
	if want == "" {
		return local
	}
	shown, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		_, shown, _ = r.BasicAuth()
	}
	a, b := sha256.Sum256([]byte(shown)), sha256.Sum256([]byte(want)) // so that the time tells not even the length
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// guarded refuses what no reader of this port needs, and sets the headers that keep browsers from misusing an answer.
func guarded(next http.Handler, local bool, token secret.Value) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		switch {
		case local && !loopbackHost(r.Host):
			http.Error(w, "this port answers requests to localhost only", http.StatusForbidden)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "this port can be read only", http.StatusMethodNotAllowed)
		case !admits(r, local, token):
			h.Set("WWW-Authenticate", `Basic realm="sluice", charset="UTF-8"`)
			http.Error(w, "show the token of this port (SLUICE_ADMIN_TOKEN), as bearer token or as password", http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// loopbackHost reports whether the Host header of a request names this machine.
func loopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if n := len(host); n > 1 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	return netaddr.Loopback(host)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}
