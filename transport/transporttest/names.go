package transporttest

import (
	"context"
	"net"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A NameServer answers for all names with one address, or with an error.
type NameServer struct {
	conn net.PacketConn
	done chan struct{}

	mu   sync.Mutex
	ip   [4]byte
	code dnsmessage.RCode
}

// NewNameServer starts a name server on loopback that ends with the test.
func NewNameServer(t testing.TB) *NameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &NameServer{conn: conn, done: make(chan struct{})}
	go s.serve()
	t.Cleanup(func() {
		_ = conn.Close()
		<-s.done
	})
	return s
}

// Resolver asks this server.
func (s *NameServer) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
}

// Point makes all names lead to this address.
func (s *NameServer) Point(ip [4]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ip, s.code = ip, dnsmessage.RCodeSuccess
}

// NoSuchName makes the server know no name (NXDOMAIN).
func (s *NameServer) NoSuchName() { s.fail(dnsmessage.RCodeNameError) }

// Broken makes the server fail (SERVFAIL).
func (s *NameServer) Broken() { s.fail(dnsmessage.RCodeServerFailure) }

func (s *NameServer) fail(code dnsmessage.RCode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code = code
}

func (s *NameServer) serve() {
	defer close(s.done)
	buf := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		if out, err := s.answer(m); err == nil {
			_, _ = s.conn.WriteTo(out, from)
		}
	}
}

func (s *NameServer) answer(m dnsmessage.Message) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := m.Questions[0]
	m.Header.Response, m.Header.RecursionAvailable, m.Header.RCode = true, true, s.code
	m.Additionals, m.Answers = nil, nil
	if s.code == dnsmessage.RCodeSuccess && q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1},
			Body:   &dnsmessage.AResource{A: s.ip},
		}}
	}
	return m.Pack()
}
