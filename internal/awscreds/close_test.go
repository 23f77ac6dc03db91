package awscreds

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

func TestCloseLeavesNoConnectionToSTS(t *testing.T) {
	var mu sync.Mutex
	closed, opened := make(chan struct{}), 0
	s := httptest.NewUnstartedServer(grant("ROLEKEY"))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		switch state {
		case http.StateNew:
			opened++
		case http.StateClosed:
			if opened--; opened == 0 {
				close(closed)
			}
		}
	}
	s.Start()
	defer s.Close()
	a := newAWS(t, s.URL, static("BASEKEY"), Config{ARN: testRole})
	if _, err := a.Retrieve(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.Close()
	select {
	case <-closed:
	case <-time.After(idleFor / 3):
		t.Error("a connection to STS is left open by Close")
	}
}
