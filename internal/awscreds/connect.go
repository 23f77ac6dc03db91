package awscreds

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"sluice/internal/fault"
)

// ports are those that an address without a port means.
var ports = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// Connect opens a connection to the host of u as HTTPClient would, TLS included, and closes it again without having sent
// a request. Where a proxy stands before the host, it connects to the proxy. Errors carry a verdict.
func (a *AWS) Connect(ctx context.Context, op string, u *url.URL) error {
	tr := a.http.GetTransport()
	target := u
	if tr.Proxy != nil {
		proxy, err := tr.Proxy(&http.Request{URL: u})
		if err != nil {
			return &fault.Error{Class: fault.Blocked, Reason: "proxy_refused", Op: op,
				Err: errors.New("the proxy of the environment has no address that can be read; correct HTTPS_PROXY")}
		}
		if proxy != nil {
			target = proxy
		}
	}
	port := target.Port()
	if port == "" {
		port = ports[target.Scheme]
	}
	conn, err := a.http.GetDialer().DialContext(ctx, "tcp", net.JoinHostPort(target.Hostname(), port))
	if err == nil {
		defer conn.Close()
		if target.Scheme == "https" {
			settings := tr.TLSClientConfig.Clone()
			if settings == nil {
				settings = &tls.Config{}
			}
			settings.ServerName = target.Hostname()
			err = tls.Client(conn, settings).HandshakeContext(ctx)
		}
	}
	if err != nil {
		_, nothing := Watch(ctx) // no request was made
		e := nothing.Fault(op, err)
		e.Err = fmt.Errorf("connect to %s: %w", target.Host, e.Err)
		return e
	}
	return nil
}
