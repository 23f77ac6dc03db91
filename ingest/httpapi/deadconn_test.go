package httpapi

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/proof"
)

// frozen is a connection that can stop to carry bytes without being closed, as a router does that has forgotten it.
type frozen struct {
	net.Conn
	dead *atomic.Bool
}

func (f frozen) Write(p []byte) (int, error) {
	if f.dead.Load() {
		return len(p), nil
	}
	return f.Conn.Write(p)
}

// TestADeadHTTP2ConnectionIsGivenUp freezes the one connection after the first page. Without pings every request would be
// sent into it, until the kernel gives it up a quarter of an hour later.
func TestADeadHTTP2ConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, items := nineRecords(paginationCursor)
		w := newWorld(t, a, a.config("https://example.com", 0, false))
		var protos []string
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { protos = append(protos, r.Proto); w.serve(rw, r) }))
		_ = srv.Listener.Close()
		l := &pipes{conns: make(chan net.Conn)}
		srv.Listener, srv.EnableHTTP2 = l, true
		srv.StartTLS()
		t.Cleanup(func() { w.src.transport.CloseIdleConnections(); srv.CloseClientConnections(); srv.Close() })
		w.src.transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		w.src.transport.TLSClientConfig.RootCAs.AddCert(srv.Certificate())
		var dead atomic.Bool
		w.dial = func(context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			l.conns <- far
			if len(w.dialed) > 1 {
				return near, nil
			}
			return frozen{near, &dead}, nil
		}
		first := w.api
		w.api = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			first.ServeHTTP(rw, r)
			if r.URL.Query().Get("after") == "" {
				dead.Store(true)
			}
		})
		w.run(5 * time.Minute)
		if len(protos) == 0 || slices.ContainsFunc(protos, func(p string) bool { return p != "HTTP/2.0" }) {
			t.Errorf("spoke %q, want HTTP/2.0", protos)
		}
		if len(w.dialed) != 2 {
			t.Errorf("%d connections, want the dead one and one more", len(w.dialed))
		}
		var second time.Duration
		for _, r := range w.asked {
			if r.uri == "/items?fixed=1&after=t3" {
				second = r.at
			}
		}
		if most := pingAfter + pingFor + 30*time.Second; second == 0 || second > most {
			t.Errorf("the second page came after %v, want it within %v", second, most)
		}
		if got := w.codes(); !slices.Equal(got, passing("network")) {
			t.Errorf("reasons %q, want %q", got, passing("network"))
		}
		w.settled(items, 0)
		proof.Fault(t, "source_dead_connection", 1)
		proof.Row{Area: "source", Fault: "an HTTP/2 connection that died without a word", Action: proof.Retry, Reason: "network", Promises: "P10"}.Report(t)
	})
}
