package awscreds

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestClientTrustsTheAuthoritiesOfAWSCABundle(t *testing.T) {
	isolate(t)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	get := func() error {
		a, err := Load(t.Context(), Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		resp, err := a.HTTPClient().Get(srv.URL)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	if get() == nil {
		t.Error("a certificate that nobody vouches for is trusted")
	}
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	if err := get(); err != nil {
		t.Errorf("with AWS_CA_BUNDLE: %v", err)
	}
}

func TestClientKeepsAsManyConnectionsAsItHadRequestsInFlight(t *testing.T) {
	const inFlight = 40
	var opened atomic.Int32
	var mu sync.Mutex
	waiting, gate := 0, make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock() // each answer waits until all requests of the round have arrived
		waiting++
		mine := gate
		if waiting == inFlight {
			waiting, gate = 0, make(chan struct{})
			close(mine)
		}
		mu.Unlock()
		<-mine
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	a := newAWS(t, srv.URL, static("K"), Config{})
	client := a.HTTPClient()
	defer client.CloseIdleConnections()
	for range 5 {
		var wg sync.WaitGroup
		for range inFlight {
			wg.Go(func() {
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			})
		}
		wg.Wait()
	}
	// A connection comes back a moment after its answer has been read, so a request may open one more than it needs.
	if got := opened.Load(); got < inFlight || got > 2*inFlight {
		t.Errorf("%d connections for 5 rounds of %d requests, want about %d", got, inFlight, inFlight)
	}
}

func TestClientDropsIdleConnectionsInTimeAndUsesTheProxy(t *testing.T) {
	bodies, ok := newAWS(t, "http://127.0.0.1:1", static("K"), Config{}).HTTPClient().Transport.(plainBodies)
	if tr := bodies.base.base; !ok || tr.IdleConnTimeout != 15*time.Second || tr.Proxy == nil || tr.TLSClientConfig.MinVersion < 0x0303 {
		t.Errorf("got %+v, want idle connections dropped after 15 s, the proxy of the environment, TLS 1.2 at least", tr)
	}
}
