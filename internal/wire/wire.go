// Package wire opens network connections for client libraries that take no context, and breaks them from outside.
package wire

import (
	"context"
	"net"
	"sync"
	"time"
)

// A Wire opens one connection after the other and can break the last. Safe for concurrent use.
type Wire struct {
	dial func(network, address string) (net.Conn, error)
	tap  func(net.Conn) net.Conn
	end  context.CancelFunc // of dial

	mu   sync.Mutex
	conn net.Conn
	over bool
}

// New returns a Wire that gives up opening a connection after the timeout. tap is handed every connection, and returns
// what is to be used in its place; nil: as it is.
func New(timeout time.Duration, tap func(net.Conn) net.Conn) *Wire {
	if tap == nil {
		tap = func(conn net.Conn) net.Conn { return conn }
	}
	ctx, cancel := context.WithCancel(context.Background())
	dialer := net.Dialer{Timeout: timeout}
	return &Wire{end: cancel, tap: tap, dial: func(network, address string) (net.Conn, error) { return dialer.DialContext(ctx, network, address) }}
}

// Dial opens a connection, as net.Dialer does. It ends with Shut.
func (w *Wire) Dial(network, address string) (net.Conn, error) {
	conn, err := w.dial(network, address)
	if err != nil {
		return nil, err
	}
	conn = w.tap(conn)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	w.conn = conn
	return conn, nil
}

// Release ends a write that is stuck because the peer reads nothing. The connection is of no use any more.
func (w *Wire) Release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil {
		_ = w.conn.SetWriteDeadline(time.Unix(1, 0))
	}
}

// Shut breaks the connection, be it up or being opened, for good.
func (w *Wire) Shut() {
	w.end()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.conn != nil {
		_ = w.conn.Close()
	}
}
