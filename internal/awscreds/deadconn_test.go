package awscreds

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// freezer is a TCP proxy that can stop to carry bytes on the connections it has, without closing them, as a router does
// that has forgotten them.
type freezer struct {
	target string
	frozen atomic.Int64 // connections up to this number are dead
	count  atomic.Int64
}

func (f *freezer) serve(ln net.Listener) {
	for {
		in, err := ln.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", f.target)
		if err != nil {
			_ = in.Close()
			return
		}
		n := f.count.Add(1)
		carry := func(to, from net.Conn) {
			defer to.Close()
			buf := make([]byte, 32<<10)
			for {
				k, err := from.Read(buf)
				if err != nil {
					return
				}
				if f.frozen.Load() < n {
					_, _ = to.Write(buf[:k])
				}
			}
		}
		go carry(in, out)
		go carry(out, in)
	}
}

// TestDeadHTTP2ConnectionIsGivenUp: HTTP/2 has all requests on one connection, and a request that times out leaves the
// connection as it is, so that without a ping each next one would be lost on it too.
func TestDeadHTTP2ConnectionIsGivenUp(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	proxy := &freezer{target: srv.Listener.Addr().String()}
	go proxy.serve(ln)

	client := newAWS(t, "http://127.0.0.1:1", static("K"), Config{}).HTTPClient()
	defer client.CloseIdleConnections()
	tr := client.Transport.(plainBodies).base.base
	tr.TLSClientConfig.RootCAs = srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	tr.TLSClientConfig.ServerName = "example.com"
	if c := tr.HTTP2; c == nil || c.SendPingTimeout <= 0 || c.SendPingTimeout+c.PingTimeout > idleFor {
		t.Fatalf("HTTP2 = %+v, want pings, and a dead connection given up within %v", c, idleFor)
	}
	tr.HTTP2.SendPingTimeout, tr.HTTP2.PingTimeout = 50*time.Millisecond, 50*time.Millisecond // the test has less time
	get := func() (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+ln.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return string(body), err
	}
	for range 20 { // a first handshake may take longer than a request
		if proto, err := get(); err == nil && proto != "HTTP/2.0" {
			t.Fatalf("spoke %s, want HTTP/2.0", proto)
		} else if err == nil {
			break
		}
	}
	proxy.frozen.Store(proxy.count.Load())
	for range 10 {
		if _, err = get(); err == nil {
			return
		}
	}
	t.Errorf("ten requests were lost on a dead connection, the last with %v", err)
}
