package httpapi

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/internal/netaddr"
)

// maxHeaderBytes bounds the headers of an answer, all together.
const maxHeaderBytes = 64 << 10

// A connection on which nothing comes in for pingAfter is asked for a sign of life, and given up pingFor later.
const (
	pingAfter = 10 * time.Second
	pingFor   = 5 * time.Second
)

// A dialer opens the connections of one Source, and refuses those that a name has no business to lead to: this machine,
// the link, the metadata service. It judges the very address that is being connected to, after the name was looked up, so
// that no answer of a name server can slip in between (DNS rebinding).
type dialer struct {
	net.Dialer
	host  string // of the configured URL
	proxy string // host:port of the proxy that stands before it; "": none
}

// newTransport returns a Transport for requests to the origin of base, and its dialer.
func newTransport(base *url.URL) (*http.Transport, *dialer) {
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.MaxResponseHeaderBytes = maxHeaderBytes
	tr.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	// HTTP/2 has all requests on one connection, and one that times out leaves it as it is: on a dead one all would be lost.
	tr.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingFor}
	tr.DisableCompression = true // we ask for gzip ourselves, and read it with bounds of our own
	d := &dialer{Dialer: net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}, host: base.Hostname()}
	d.behind(tr.Proxy, base)
	tr.DialContext = d.dial
	return tr, d
}

// behind notes the proxy that requests to base go through.
func (d *dialer) behind(proxy func(*http.Request) (*url.URL, error), base *url.URL) {
	if u, err := proxy(&http.Request{URL: base}); err == nil && u != nil {
		d.proxy = hostPort(u)
	}
}

// hostPort is the address of a proxy as net/http dials it.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// dial connects to addr, a host and port. Where a proxy stands before the origin, it is the proxy that looks up the name
// and has to judge the address: ours is free to be on this machine.
func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if addr == d.proxy {
		return d.DialContext(ctx, network, addr)
	}
	checked := d.Dialer
	checked.Control = func(_, address string, _ syscall.RawConn) error { return d.check(address) }
	return checked.DialContext(ctx, network, addr)
}

// check refuses an address, IP and port, unless it is an ordinary one or what the user has written into the URL.
func (d *dialer) check(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return refusedAddress("%s leads to %s, which is no IP address", d.host, ingest.OneLine(address, 100))
	}
	kind := netaddr.Special(at.Addr())
	if kind == "" || kind == "loopback" && d.host == "localhost" {
		return nil
	}
	if literal, err := netip.ParseAddr(d.host); err == nil && literal.Unmap() == at.Addr().Unmap() {
		return nil
	}
	return refusedAddress("%s leads to %s, a %s address, where no name has to lead; mend the name, "+
		"or write the address itself into SLUICE_HTTP_URL if it is meant", d.host, at.Addr(), kind)
}

func refusedAddress(format string, args ...any) error {
	return &fault.Error{Class: fault.Blocked, Reason: "address_refused", Op: op, Err: fmt.Errorf(format, args...)}
}
