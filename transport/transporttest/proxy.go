package transporttest

import (
	"net"
	"sync"
	"testing"
)

// A Proxy stands on loopback between a driver and a server that speaks over TCP, and makes trouble on the wire. It passes
// bytes on until it is told otherwise.
type Proxy struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	changed *sync.Cond
	trouble trouble
	conns   map[net.Conn]bool
	closed  bool
	wg      sync.WaitGroup
}

type trouble int

const (
	none     trouble = iota
	mute             // replies are swallowed
	stall            // requests are not read
	cutReply         // the next reply is swallowed, and the connection it came on closed; then none
)

// NewProxy starts a Proxy to the server at target, host:port, that ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, conns: map[net.Conn]bool{}}
	p.changed = sync.NewCond(&p.mu)
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Address is where the driver connects to, host:port.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Pass ends all trouble.
func (p *Proxy) Pass() { p.set(none) }

// Mute swallows what the server says from now on.
func (p *Proxy) Mute() { p.set(mute) }

// Stall takes nothing from the driver from now on, so that its writes get stuck when the buffers are full.
func (p *Proxy) Stall() { p.set(stall) }

// CutReply swallows the next thing the server says, and closes the connection.
func (p *Proxy) CutReply() { p.set(cutReply) }

// Cut closes all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *Proxy) set(t trouble) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble = t
	p.changed.Broadcast()
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.changed.Broadcast()
	p.mu.Unlock()
	p.Cut()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			_, _ = client.Close(), server.Close()
			return
		}
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		p.wg.Go(func() { p.pump(server, client, p.request) })
		p.wg.Go(func() { p.pump(client, server, p.reply) })
	}
}

// pump carries bytes from one connection to the other, as far as allowed, until either ends; then it closes both.
func (p *Proxy) pump(to, from net.Conn, allowed func() (pass, cut bool)) {
	defer func() {
		_, _ = to.Close(), from.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, from)
		delete(p.conns, to)
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		pass, cut := allowed()
		if cut {
			return
		}
		if !pass {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// request waits while the proxy is stalled.
func (p *Proxy) request() (pass, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.trouble == stall && !p.closed {
		p.changed.Wait()
	}
	return true, p.closed
}

func (p *Proxy) reply() (pass, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trouble == cutReply {
		p.trouble = none
		return false, true
	}
	return p.trouble != mute, false
}
