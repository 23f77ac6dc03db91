package awscreds

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"sluice/internal/fault"
)

// idleFor is how long an idle connection is kept. It has to be shorter than what the far side allows, or requests are
// lost on connections that it has just closed; front ends of AWS have been seen to close after about 20 seconds.
const idleFor = 15 * time.Second

// HTTP/2 carries all requests on one connection, and a request that times out does not end it. A connection that has been
// silent for pingAfter is asked for a sign of life, and given up pingFor later.
const (
	pingAfter = 5 * time.Second
	pingFor   = 5 * time.Second
)

// newHTTPClient returns a client with connections of its own, made like those of base, so that AWS_CA_BUNDLE and the
// proxy variables count. It keeps as many idle connections as there have been requests in flight, follows no redirect,
// and sets no time limit.
func newHTTPClient(base *awshttp.BuildableClient) *http.Client {
	tr := base.GetTransport()
	tr.MaxIdleConns = 0              // no limit
	tr.MaxIdleConnsPerHost = 1 << 20 // zero would mean two
	tr.MaxConnsPerHost = 0           // the Deliverer bounds the requests in flight
	tr.IdleConnTimeout = idleFor
	tr.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingFor}
	tr.MaxResponseHeaderBytes = 64 << 10 // a service needs a tenth of it
	if tr.TLSClientConfig == nil {
		tr.TLSClientConfig = &tls.Config{}
	}
	tr.TLSClientConfig.MinVersion = max(tr.TLSClientConfig.MinVersion, tls.VersionTLS12)
	return &http.Client{
		Transport: plainBodies{&mover{base: tr}},
		// A redirected POST is sent again without its body or, worse, elsewhere with its secrets.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// tapped returns base, or one that hands its connections to tap.
func tapped(base *awshttp.BuildableClient, tap func(net.Conn) net.Conn) *awshttp.BuildableClient {
	if tap == nil {
		return base
	}
	return base.WithTransportOptions(func(tr *http.Transport) {
		dial := tr.DialContext
		tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return tap(conn), nil
		}
	})
}

// plainBodies hides from net/http what the SDK's request bodies can do beside Read and Close. The SDK closes the body of a
// request as soon as the answer begins. A body with WriteTo is then still being copied; the copy fails, net/http drops the
// connection, and the rest of a long answer is lost with it.
type plainBodies struct{ base *mover }

func (p plainBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if w, ok := r.Context().Value(wireKey{}).(*Wire); ok {
		w.host.Store(&r.URL.Host)
	}
	if r.Body != nil && r.Body != http.NoBody {
		plain := *r // a RoundTripper must not change the request
		plain.Body = struct{ io.ReadCloser }{r.Body}
		r = &plain
	}
	return p.base.RoundTrip(r)
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (p plainBodies) CloseIdleConnections() { p.base.CloseIdleConnections() }

// A Wire knows whether a request may have reached its peer, who that was to be, and what ended its ctx.
type Wire struct {
	reached atomic.Bool
	host    atomic.Pointer[string]
	cause   func() error // context.Cause of the request's ctx
}

// wireKey is where a ctx holds its Wire.
type wireKey struct{}

// Watch returns a ctx for one request, and the Wire that watches it.
func Watch(ctx context.Context) (context.Context, *Wire) {
	w := &Wire{cause: func() error { return context.Cause(ctx) }}
	return httptrace.WithClientTrace(context.WithValue(ctx, wireKey{}, w), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { w.reached.Store(true) },
	}), w
}

// Reached reports whether the request got a connection: from then on nobody knows what the peer has seen. Before that
// (no such host, refused, no TLS) it has seen nothing.
func (w *Wire) Reached() bool { return w.reached.Load() }

// Host is the host, with the port if there is one, that the last request through HTTPClient went to, a proxy aside; empty
// if there was none.
func (w *Wire) Host() string {
	if host := w.host.Load(); host != nil {
		return *host
	}
	return ""
}

// Fault returns the verdict on an err that is not an answer of the peer. Its text is short and plain; it has no address
// with a query, which may hold a secret, and names the limit of Limit if that was reached.
func (w *Wire) Fault(op string, err error) *fault.Error {
	e := &fault.Error{Reason: "network", Op: op, Ambiguous: w.Reached(), Err: plain(err)}
	var cert *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.As(err, &cert):
		e.Class, e.Reason = fault.Blocked, "tls_untrusted"
		e.Err = fmt.Errorf("%w; check the address, or name the authority's certificates in AWS_CA_BUNDLE", e.Err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Reason = "timeout"
		if reached := (*limit)(nil); errors.As(w.cause(), &reached) {
			e.Err = shown{reached.Error(), err}
		}
	case errors.Is(err, context.Canceled):
		e.Reason = "cancelled"
	}
	return e
}

// endOf is the verdict on having waited for credentials until ctx ended: nothing has been sent.
func endOf(ctx context.Context) error {
	reason := "cancelled"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		reason = "timeout"
	}
	return &fault.Error{Reason: reason, Op: "awscreds", Err: fmt.Errorf("waiting for credentials: %w", plain(context.Cause(ctx)))}
}
