package awslocal

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"sluice/internal/awslocal/faults"
)

// otherCalls stands for calls that have no name or came when there were names enough.
const otherCalls = "other"

// maxCallNames bounds the table: paths are the client's to choose.
const maxCallNames = 256

// callName names a request as scripts of faults and Calls do: the action of SQS or STS, or method and path without the
// stage. An action is only taken for one if it looks like one.
func (s *Server) callName(service string, r *http.Request, body []byte) string {
	if service == "execute-api" {
		path := strings.TrimPrefix(r.URL.Path, "/"+s.options.Stage)
		if path == "" {
			path = "/"
		}
		return r.Method + " " + path
	}
	action, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	if !ok {
		text := r.URL.RawQuery
		if r.Method == http.MethodPost {
			text = string(body)
		}
		if form, err := url.ParseQuery(text); err == nil {
			action = form.Get("Action")
		}
	}
	if action == "" || len(action) > 64 || strings.ContainsFunc(action, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return otherCalls
	}
	return action
}

// scriptName is how scripts of faults call a service.
func scriptName(service string) string {
	if service == "execute-api" {
		return faults.APIGateway
	}
	return service
}

// callCounter counts requests by their names.
type callCounter struct {
	mu    sync.Mutex
	count map[string]int
}

func (c *callCounter) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil {
		c.count = map[string]int{}
	}
	if _, known := c.count[name]; !known && len(c.count) >= maxCallNames {
		name = otherCalls
	}
	c.count[name]++
}

// Calls returns how many requests have come since the start, by their names, such as SendMessageBatch or POST /records:
// all of them, those that were refused and those that a fault took away too.
func (s *Server) Calls() map[string]int {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return maps.Clone(s.calls.count)
}
