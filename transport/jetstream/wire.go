package jetstream

import (
	"context"
	"net"
	"sync"
	"time"
)

// A wire opens the connections of the client library, which has no context for that, and can break the one in use.
type wire struct {
	dial func(network, address string) (net.Conn, error)
	end  context.CancelFunc // of dial

	mu   sync.Mutex
	conn net.Conn
	over bool
}

func newWire(timeout time.Duration) *wire {
	ctx, cancel := context.WithCancel(context.Background())
	dialer := net.Dialer{Timeout: timeout}
	return &wire{end: cancel, dial: func(network, address string) (net.Conn, error) { return dialer.DialContext(ctx, network, address) }}
}

// Dial opens a connection.
func (w *wire) Dial(network, address string) (net.Conn, error) {
	conn, err := w.dial(network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	w.conn = conn
	return conn, nil
}

// release ends a write that the server does not take, which would hold up the Send behind it. The library then opens
// another connection.
func (w *wire) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil {
		_ = w.conn.SetWriteDeadline(time.Unix(1, 0))
	}
}

// shut breaks the connection, be it up or being opened, for good.
func (w *wire) shut() {
	w.end()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.conn != nil {
		_ = w.conn.Close()
	}
}
