package awscreds

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// A connection is kept while the peer answers, and through a single error; a streak of errors ends it each time.
func TestConnectionsAreGivenUpInAStreakOfErrors(t *testing.T) {
	t.Parallel()
	var opened, status atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	client := newAWS(t, "http://127.0.0.1:1", static("K"), Config{}).HTTPClient()
	defer client.CloseIdleConnections()
	for _, step := range []struct {
		what   string
		status int64
		calls  int
		opened int64 // in all
	}{
		{"answers", 200, 5, 1},
		{"refusals are answers", 403, 5, 1},
		{"a few errors", 503, movedAfter, 1},
		{"more of them", 503, 4, 5},
		{"an answer, over a last new connection", 200, 1, 6},
		{"all is well", 200, 5, 6},
		{"a few errors again", 500, movedAfter, 6},
	} {
		status.Store(step.status)
		for range step.calls {
			resp, err := client.Get(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		if got := opened.Load(); got != step.opened {
			t.Errorf("%s: %d connections so far, want %d", step.what, got, step.opened)
		}
	}
}
