package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// A Player is a RoundTripper that answers from recorded exchanges, each once, those of the same request in their order.
type Player struct {
	mu      sync.Mutex
	list    []Exchange
	used    []bool
	asked   []string // requests since the last Asked
	missing string   // the first request that nobody has recorded
	secrets func(string) string
}

// NewPlayer plays exchanges. secrets replaces in a query what is secret there, so that requests are found whatever stands for
// their secrets.
func NewPlayer(exchanges []Exchange, secrets func(query string) string) *Player {
	return &Player{list: exchanges, used: make([]bool, len(exchanges)), secrets: secrets}
}

// ErrNotRecorded is what a request that nobody has recorded comes to.
var ErrNotRecorded = errors.New("this request was not recorded")

// RoundTrip answers. What it compares are method, path, query in any order, and the body.
func (p *Player) RoundTrip(req *http.Request) (*http.Response, error) {
	var sent []byte
	if req.Body != nil {
		var err error
		sent, err = io.ReadAll(req.Body)
		_ = req.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	want := p.canonical(Exchange{Method: req.Method, URL: req.URL, Sent: sent})
	p.asked = append(p.asked, p.Line(Exchange{Method: req.Method, URL: req.URL}))
	for i, x := range p.list {
		if p.used[i] || p.canonical(x) != want {
			continue
		}
		p.used[i] = true
		return &http.Response{
			Status: fmt.Sprintf("%d %s", x.Status, http.StatusText(x.Status)), StatusCode: x.Status,
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: x.Header.Clone(),
			Body: io.NopCloser(bytes.NewReader(x.Body)), ContentLength: int64(len(x.Body)), Request: req,
		}, nil
	}
	if p.missing == "" {
		p.missing = p.Line(Exchange{Method: req.Method, URL: req.URL})
	}
	return nil, ErrNotRecorded
}

// marks are what stands for secrets.
var marks = regexp.MustCompile(`REDACTED-[0-9]+|\*\*\*`)

// canonical is what two requests have in common that ask for the same.
func (p *Player) canonical(x Exchange) string {
	query := p.secrets(x.URL.RawQuery)
	if values, err := url.ParseQuery(query); err == nil {
		query = values.Encode()
	}
	text := strings.Join([]string{x.Method, x.URL.EscapedPath(), query, p.secrets(string(x.Sent))}, "\n")
	text = strings.ReplaceAll(text, url.QueryEscape("***"), "***")
	return marks.ReplaceAllString(text, "***")
}

// Line is a request for people: method, path and query without secrets, and without the host, which says where something was
// recorded.
func (p *Player) Line(x Exchange) string {
	line := x.Method + " " + x.URL.EscapedPath()
	if x.URL.RawQuery != "" {
		line += "?" + marks.ReplaceAllString(p.secrets(x.URL.RawQuery), "***")
	}
	return line
}

// Asked returns the requests since the last call of Asked.
func (p *Player) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := p.asked
	p.asked = nil
	return asked
}

// Missing returns the first request that nobody has recorded, or "".
func (p *Player) Missing() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.missing
}

// Left returns the places of the exchanges that nobody has asked for.
func (p *Player) Left() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var left []int
	for i, used := range p.used {
		if !used {
			left = append(left, i)
		}
	}
	return left
}
