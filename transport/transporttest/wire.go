package transporttest

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A WireFault is something that goes wrong between an HTTP client and its server, below HTTP.
type WireFault struct {
	Name   string // for the fault matrix
	Reason string // that the client is to give
	Sent   bool   // the server has the request, whole: what it did may come to light as a duplicate
	wrap   func(*troubled)
}

// WireFaults lists them.
func WireFaults() []WireFault {
	return []WireFault{
		{"connection reset before the first byte", "network", false, func(c *troubled) { c.resetAfterRead = 0 }},
		{"connection reset within the request", "network", false, func(c *troubled) { c.resetAfterRead = 200 }},
		{"connection reset before the answer", "network", true, func(c *troubled) { c.resetAfterWrite = 0 }},
		{"connection reset within the answer", "network", true, func(c *troubled) { c.resetAfterWrite = 30 }},
		{"nothing is read from the connection, nothing said", "timeout", false, func(c *troubled) { c.deaf = true }},
		{"an answer of one byte now and then", "timeout", true, func(c *troubled) { c.slow = true }},
		{"100 Continue, and never the answer", "timeout", false, func(c *troubled) { c.deaf, c.greeting = true, "HTTP/1.1 100 Continue\r\n\r\n" }},
	}
}

// A TroubledListener gives the next connections of a server the faults that Arm asks for.
type TroubledListener struct {
	net.Listener
	mu    sync.Mutex
	fault *WireFault
	left  int
	fired atomic.Int64
}

// Arm makes the next n connections suffer from f.
func (l *TroubledListener) Arm(f WireFault, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault, l.left = &f, n
}

// Fired is how many connections have suffered.
func (l *TroubledListener) Fired() int { return int(l.fired.Load()) }

// Accept is for the server.
func (l *TroubledListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == 0 {
		return conn, nil
	}
	l.left--
	l.fired.Add(1)
	c := &troubled{Conn: conn, resetAfterRead: -1, resetAfterWrite: -1, closed: make(chan struct{})}
	l.fault.wrap(c)
	return c, nil
}

// A troubled connection is the server's end of one.
type troubled struct {
	net.Conn
	resetAfterRead, resetAfterWrite int // bytes; negative: never
	deaf, slow                      bool
	greeting                        string
	once                            sync.Once
	closed                          chan struct{}
}

func (c *troubled) Read(p []byte) (int, error) {
	if c.greeting != "" {
		// Before a request has begun, an answer would break the connection: nobody has asked for it.
		if _, err := c.Conn.Read(make([]byte, 1)); err != nil {
			return 0, err
		}
		if _, err := c.Conn.Write([]byte(c.greeting)); err != nil {
			return 0, err
		}
		c.greeting = ""
	}
	if c.deaf {
		<-c.closed
		return 0, net.ErrClosed
	}
	if c.resetAfterRead == 0 {
		return 0, c.reset()
	}
	if c.resetAfterRead > 0 {
		n, err := c.Conn.Read(p[:min(len(p), c.resetAfterRead)])
		c.resetAfterRead -= n
		return n, err
	}
	return c.Conn.Read(p)
}

func (c *troubled) Write(p []byte) (int, error) {
	switch {
	case c.resetAfterWrite >= 0:
		n, err := c.Conn.Write(p[:min(len(p), c.resetAfterWrite)])
		if err == nil {
			err = c.reset()
		}
		return n, err
	case c.slow:
		for i := range p {
			select {
			case <-c.closed:
				return i, net.ErrClosed
			case <-time.After(50 * time.Millisecond):
			}
			if _, err := c.Conn.Write(p[i : i+1]); err != nil {
				return i, err
			}
		}
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// reset ends the connection with a RST.
func (c *troubled) reset() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
	return net.ErrClosed
}

func (c *troubled) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
