package awslocal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// ListenLoopback listens on an address like 127.0.0.1:4599 or [::1]:0. It refuses every host that is not written as a
// loopback address, names included: a name can come to mean another address.
func ListenLoopback(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", addr, err)
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("listen on %q: the stand-in is for this machine only; use a loopback address such as 127.0.0.1:4599", addr)
	}
	return net.Listen("tcp", addr)
}

// isLoopbackHost reports whether a Host header names this machine: localhost, a name below it, which RFC 6761 keeps for the
// machine itself so that nobody else can own it, 127.0.0.0/8 or ::1, with any port.
func isLoopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if name := strings.ToLower(host); name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil && ip.IsLoopback()
}

// Serve answers requests on ln until ctx ends, then lets those in flight finish for at most five seconds, closes the
// server and returns nil. It returns an error if ln fails.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    64 << 10, // the gateway's own limit is lower and has an answer of its own
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		s.wake() // or those who wait would be waited for
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close()
		}
		err = <-failed
	}
	s.Close()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
