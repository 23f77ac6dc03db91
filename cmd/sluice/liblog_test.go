package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A server that answers more than it was asked for has net/http print what it says. None of it may be seen.
func TestWhatWasNotAskedForIsNotShown(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, out, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		// In one write, so that the surplus is there when the answer has been read.
		_, _ = out.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]" + `{"password":"` + canaryToken + `"}` + "\r\n")
		_ = out.Flush()
		if asked.Add(1) == 1 {
			return
		}
		<-ctx.Done()
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { stop(); _ = srv.Close() })
	w := "http://" + l.Addr().String()
	vars := map[string]string{"SLUICE_HTTP_URL": w, "SLUICE_HTTP_INTERVAL": "10ms", "SLUICE_TRANSPORT": "memory", "SLUICE_LOG_LEVEL": "debug",
		"SLUICE_ADMIN_ADDR": "off", "SLUICE_STATE_DIR": t.TempDir(), "SLUICE_LOG_FORMAT": "text"}

	p := start(t, vars, "run")
	eventually(t, "the surplus is noticed", func() bool { return strings.Contains(p.said(), "a library says") })
	if said := p.said(); strings.Contains(said, canaryToken) || !strings.Contains(said, "Unsolicited response") {
		t.Errorf("the daemon said %q, want that there was a surplus, without the surplus", said)
	}
	if code, said := finish(t, vars, "fetch", "--pages", "3"); code != 0 || strings.Contains(said, canaryToken) {
		t.Errorf("fetch ended with %d and said %q, want 0 and nothing of the surplus", code, said)
	}
}
