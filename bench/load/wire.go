package load

import (
	"net"
	"sync/atomic"
)

// A Wire counts what goes over connections, below TLS. The zero value is ready to use. Safe for concurrent use.
type Wire struct{ opened, in, out atomic.Int64 }

// Count returns conn, counted.
func (w *Wire) Count(conn net.Conn) net.Conn {
	w.opened.Add(1)
	return counted{conn, w}
}

type counted struct {
	net.Conn
	wire *Wire
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.wire.in.Add(int64(n))
	return n, err
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.wire.out.Add(int64(n))
	return n, err
}
