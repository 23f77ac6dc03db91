package faults

import (
	"crypto/tls"
	"net"
	"net/http"
)

// ResetConnection ends the connection with a reset, so that the client reads no answer and no end either. Where the
// connection cannot be had, net/http ends it in its own way.
func ResetConnection(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if secure, ok := conn.(*tls.Conn); ok {
			conn = secure.NetConn() // TLS would say goodbye first
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // then Close sends a reset
		}
		_ = conn.Close()
		return
	}
	panic(http.ErrAbortHandler)
}

// Discard returns a writer for an answer that nobody is to get.
func Discard() http.ResponseWriter { return &silentWriter{header: http.Header{}} }

type silentWriter struct{ header http.Header }

func (w *silentWriter) Header() http.Header         { return w.header }
func (w *silentWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *silentWriter) WriteHeader(int)             {}
