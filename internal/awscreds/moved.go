package awscreds

import (
	"net/http"
	"sync/atomic"
)

// movedAfter is the number of answers 5xx in a row after which the connections are given up: the host behind the name may
// have moved, and a connection that is kept alive leads to the old one for as long as that answers at all.
const movedAfter = 3

// A mover gives up idle connections before each request of such a streak, so that the name is looked up again. A streak
// costs one connection a request, and the lane makes one request per backoff while it lasts.
type mover struct {
	base   *http.Transport
	streak atomic.Int32
}

// RoundTrip makes the request.
func (m *mover) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.streak.Load() >= movedAfter {
		m.base.CloseIdleConnections()
	}
	resp, err := m.base.RoundTrip(r)
	switch {
	case err != nil: // that connection is gone anyway
	case resp.StatusCode >= 500:
		m.streak.Add(1)
	default:
		m.streak.Store(0)
	}
	return resp, err
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (m *mover) CloseIdleConnections() { m.base.CloseIdleConnections() }
