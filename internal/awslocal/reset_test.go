package awslocal

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/internal/awslocal/faults"
)

// TestResetOnTheWire: a client on a real connection reads a reset, not an end, whether or not its request was carried out.
func TestResetOnTheWire(t *testing.T) {
	t.Parallel()
	for do, stored := range map[faults.Action]int{faults.Reset: 0, faults.AcceptThenReset: 1} {
		s := start(t, Options{Faults: faults.Script{Rules: []faults.Rule{{Do: do, Calls: []string{"POST /records"}}}}})
		r := s.request(t, "/v1/records", "{}")
		s.sign(t, r, s.role(t), "execute-api", time.Time{})
		res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		if err == nil {
			res.Body.Close()
			t.Errorf("%s: got %s, want a reset", do, res.Status)
		} else if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: got %v, want a reset", do, err)
		}
		if got := s.receive(t); len(got) != stored {
			t.Errorf("%s: %d messages are there, want %d", do, len(got), stored)
		}
		if c := s.server.FaultCounts(); c[0].Fired != 1 {
			t.Errorf("%s: acted %d times, want 1", do, c[0].Fired)
		}
	}
}

// TestResetUnderTLS: TLS has no word for a reset, so the connection below it has to end like that.
func TestResetUnderTLS(t *testing.T) {
	t.Parallel()
	h := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { faults.ResetConnection(w) }))
	defer h.Close()
	res, err := h.Client().Post(h.URL, "application/json", strings.NewReader("{}"))
	if err == nil {
		res.Body.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
}

// TestHangUp: the answer to a request that is chosen for it is the last one on its connection, of whatever service.
func TestHangUp(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	s := start(t, Options{HangUp: func(r *http.Request) bool { return r.Header.Get("X-Last") != "" }})
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		connections.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}}
	defer client.CloseIdleConnections()
	for i, c := range []struct {
		path string
		last bool
		want int32 // connections so far
	}{{"/", false, 1}, {"/v1/records", false, 1}, {"/v1/records", true, 1}, {"/v1/records", false, 2}, {"/", true, 2}, {"/", false, 3}} {
		r := s.request(t, c.path, "{}")
		if c.last {
			r.Header.Set("X-Last", "yes")
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err != nil || res.Close != c.last || connections.Load() != c.want {
			t.Errorf("request %d: %v, closed %v after %d connections; want %v after %d", i, err, res.Close, connections.Load(), c.last, c.want)
		}
	}
}

// TestHangOnTheWire: no byte comes until the client gives up; the record is there.
func TestHangOnTheWire(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Faults: faults.Script{Rules: []faults.Rule{{Do: faults.AcceptThenHang, Calls: []string{"POST /records"}}}}})
	role := s.role(t)
	ctx, giveUp := context.WithCancel(t.Context())
	r := s.request(t, "/v1/records", "{}").WithContext(ctx)
	s.sign(t, r, role, "execute-api", time.Time{})
	failed := make(chan error, 1)
	go func() {
		res, err := http.DefaultClient.Do(r)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		failed <- err
	}()
	for len(s.receive(t)) == 0 { // until the record has been accepted
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-failed:
		t.Errorf("the client got %v before it gave up", err)
	default:
	}
	giveUp()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the client gave up", err)
	}
}

// TestServeEndsHangs: a stop does not wait for clients that wait.
func TestServeEndsHangs(t *testing.T) {
	t.Parallel()
	ln, err := ListenLoopback("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{BaseURL: "http://" + ln.Addr().String(), Faults: faults.Script{Rules: []faults.Rule{{Do: faults.AcceptThenHang}}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	answered := make(chan error, 1)
	go func() {
		res, err := http.Post("http://"+ln.Addr().String()+"/v1/records", "application/json", strings.NewReader("{}"))
		if err == nil {
			res.Body.Close()
		}
		answered <- err
	}()
	for s.FaultCounts()[0].Fired == 0 {
		select {
		case err := <-answered:
			t.Fatalf("the client got %v", err)
		default:
		}
	}
	began := time.Now()
	stop()
	if err := <-served; err != nil || time.Since(began) > 4*time.Second {
		t.Errorf("Serve: got %v after %v, want nil before its grace ends", err, time.Since(began))
	}
	if err := <-answered; err == nil {
		t.Error("the client got an answer")
	}
}
