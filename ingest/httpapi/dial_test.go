package httpapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"sluice/internal/fault"
	"sluice/internal/proof"
)

// names answers every question for an address with the nth of its answers, the last one for ever.
type names struct {
	answers []string
	asked   atomic.Int32
	conn    net.PacketConn
}

func startNames(t *testing.T, answers ...string) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{answers: answers, conn: conn}
	done := make(chan struct{})
	go func() { defer close(done); n.serve() }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return n
}

func (n *names) serve() {
	buf := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:size]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		m.Response, m.Authoritative, m.Additionals = true, true, nil
		head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
		if ip := netip.MustParseAddr(n.answers[min(int(n.asked.Load())/2, len(n.answers)-1)]); ip.Is4() && q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: ip.As4()}}}
		} else if ip.Is6() && q.Type == dnsmessage.TypeAAAA {
			m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}}}
		}
		n.asked.Add(1) // A and AAAA are asked for, each once
		if out, err := m.Pack(); err == nil {
			_, _ = n.conn.WriteTo(out, from)
		}
	}
}

// resolver asks n, and nobody else.
func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}

// named reads from host, which is looked up in n, at the port of srv.
func named(t *testing.T, host string, n *names, srv *httptest.Server) *Source {
	t.Helper()
	c := Default()
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.URL = "http://" + net.JoinHostPort(host, port) + "/"
	s := open(t, c)
	if n != nil {
		s.dialer.Resolver = n.resolver()
	}
	return s
}

// TestNamesThatLeadWhereNoNameHasTo looks at a server on this machine that must not be asked.
func TestNamesThatLeadWhereNoNameHasTo(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); _, _ = io.WriteString(w, "[]") }))
	t.Cleanup(srv.Close)
	for _, tc := range []struct {
		fault, answer string
	}{
		{"a name that leads to this machine", "127.0.0.1"},
		{"a name that leads to the metadata service", "169.254.169.254"},
		{"a name that leads to the credentials of a task", "169.254.170.2"},
		{"a name that leads to 0.0.0.0", "0.0.0.0"},
		{"a name that leads to this machine over IPv6", "::1"},
		{"a name that leads to an IPv6 link-local address", "fe80::1"},
		{"a name that leads to the metadata service over IPv6", "fd00:ec2::254"},
		{"a name that leads to this machine as a mapped address", "::ffff:127.0.0.1"},
		{"a name that leads to the metadata service through NAT64", "64:ff9b::a9fe:a9fe"},
		{"a name that leads to a multicast address", "224.0.0.1"},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			n := startNames(t, tc.answer)
			err := readErr(t, named(t, "feed.example", n, srv))
			if f := fault.From(err); f.Class != fault.Blocked || f.Code() != "address_refused" {
				t.Errorf("error = %v (%v, %s), want Blocked address_refused", err, f.Class, f.Code())
			}
			if n.asked.Load() == 0 {
				t.Error("the name was not looked up")
			}
			proof.Fault(t, "source_address", 1)
			proof.Row{Area: "source", Fault: tc.fault, Action: proof.Pause, Reason: "address_refused", Promises: "P12 P13"}.Report(t)
		})
	}
	if asked.Load() > 0 {
		t.Errorf("the server on this machine was asked %d times, want 0", asked.Load())
	}
}

// TestANameThatFlips gives an address that is refused by nobody to the first look-up, and this machine to the second, as an
// attacker does who passes a check that looks up for itself.
func TestANameThatFlips(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(srv.Close)
	n := startNames(t, "192.0.2.1", "127.0.0.1")
	if _, err := n.resolver().LookupNetIP(t.Context(), "ip", "feed.example"); err != nil { // somebody's check
		t.Fatal(err)
	}
	if err := readErr(t, named(t, "feed.example", n, srv)); fault.From(err).Code() != "address_refused" || asked.Load() > 0 {
		t.Errorf("error = %v after %d requests to this machine, want address_refused and none", err, asked.Load())
	}
	proof.Row{Area: "source", Fault: "a name that changes its address between two look-ups", Action: proof.Pause, Reason: "address_refused", Promises: "P12 P13"}.Report(t)
}

// TestAddressesThatTheUserHasWritten may be anywhere.
func TestAddressesThatTheUserHasWritten(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[1]") }))
	t.Cleanup(srv.Close)
	for _, host := range []string{"127.0.0.1", "localhost", "::ffff:127.0.0.1"} {
		b, err := named(t, host, nil, srv).Read(t.Context(), "")
		if err != nil || len(b.Items) != 1 {
			t.Errorf("%s: %d items, %v; want the page", host, len(b.Items), err)
		}
	}
}

// TestOtherSpellingsOfLoopback are names to us, and no look-up of a name may lead there.
func TestOtherSpellingsOfLoopback(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("this machine was asked") }))
	t.Cleanup(srv.Close)
	for _, host := range []string{"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "localhost.", "x.localhost"} {
		s := named(t, host, startNames(t, "127.0.0.1"), srv) // what a resolver of C makes of them
		if err := readErr(t, s); fault.From(err).Code() != "address_refused" && fault.From(err).Code() != "network" {
			t.Errorf("%s: %v, want it refused", host, err)
		}
	}
}

func TestWhichAddressesAreChecked(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		host, address string
		want          bool
	}{
		{"feed.example", "203.0.113.5:443", true},
		{"feed.example", "10.1.2.3:443", true}, // an internal API is the normal case
		{"feed.example", "[fd12:3456::1]:443", true},
		{"feed.example", "127.0.0.53:443", false},
		{"feed.example", "[::]:443", false},
		{"feed.example", "[fe80::1%eth0]:443", false},
		{"feed.example", "[2002:7f00:1::]:443", false},
		{"localhost", "127.0.0.1:80", true},
		{"localhost", "[::1]:80", true},
		{"localhost", "169.254.169.254:80", false},
		{"169.254.7.7", "169.254.7.7:80", true},
		{"169.254.7.7", "169.254.169.254:80", false},
		{"fe80::1%eth0", "[fe80::1%eth0]:80", true},
		{"fe80::1%eth0", "[fe80::1%eth1]:80", false},
		{"127.0.0.1", "127.0.0.2:80", false},
		{"feed.example", "feed.example:80", false}, // never happens: a name where an address should be
	} {
		if err := (&dialer{host: tc.host}).check(tc.address); (err == nil) != tc.want {
			t.Errorf("%s at %s: %v, want allowed %v", tc.host, tc.address, err, tc.want)
		}
	}
}

// TestAProxyMayBeOnThisMachine: it is the proxy that looks up the name then.
func TestAProxyMayBeOnThisMachine(t *testing.T) {
	t.Parallel()
	var got atomic.Pointer[string]
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		uri := r.RequestURI
		got.Store(&uri)
		_, _ = io.WriteString(w, "[1]")
	}))
	t.Cleanup(proxy.Close)
	n := startNames(t, "127.0.0.1")
	s := named(t, "feed.example", n, proxy)
	where, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.transport.Proxy = http.ProxyURL(where)
	s.dialer.behind(s.transport.Proxy, s.base)
	if b, err := s.Read(t.Context(), ""); err != nil || len(b.Items) != 1 || !strings.HasPrefix(*got.Load(), "http://feed.example:") {
		t.Errorf("Read = %d items, %v; want the page that the proxy has fetched", len(b.Items), err)
	}
	if n.asked.Load() > 0 {
		t.Error("the name was looked up here too")
	}
	if err := s.dialer.check("127.0.0.1:1"); err == nil {
		t.Error("with a proxy, what is not the proxy is not checked any more")
	}
}

// TestTLS asks servers that a careful client does not talk to.
func TestTLS(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fault, want string
		most        uint16 // TLS version of the server
		trusted     bool
	}{
		{"a server that speaks TLS 1.1 at most", "protocol version", tls.VersionTLS11, true},
		{"a server that nobody vouches for", "certificate", 0, false},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent a request") }))
			srv.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tc.most}
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			srv.StartTLS()
			t.Cleanup(srv.Close)
			s := open(t, (&api{mode: paginationNone}).config(srv.URL, 0, false))
			if tc.trusted {
				s.transport.TLSClientConfig.RootCAs = x509.NewCertPool()
				s.transport.TLSClientConfig.RootCAs.AddCert(srv.Certificate())
			}
			err := readErr(t, s)
			if f := fault.From(err); f.Class != fault.Transient || f.Code() != "network" || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v (%v, %s), want a passing one about the %s", err, f.Class, f.Code(), tc.want)
			}
			proof.Row{Area: "source", Fault: tc.fault, Action: proof.Retry, Reason: "network", Promises: "P13"}.Report(t)
		})
	}
}
