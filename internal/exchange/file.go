package exchange

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sluice/internal/redact"
)

// An Exchange is one request and its answer.
type Exchange struct {
	Method string
	URL    *url.URL
	Asked  http.Header // of the request
	Sent   []byte      // body of the request
	Status int
	Header http.Header // of the answer
	Body   []byte      // of the answer
}

// kept are the headers of requests and answers that matter to a source, beside those of rate limits. The others are noise in a
// file that people read.
var (
	keptOfRequests = []string{"Accept", "Authorization", "Content-Type", "If-None-Match", "If-Modified-Since"}
	keptOfAnswers  = []string{"Content-Encoding", "Content-Type", "Date", "Etag", "Last-Modified", "Link", "Location", "Retry-After"}
)

// keptAnswer reports whether a header of an answer is kept: also those of rate limits, and those that say where the next page is.
func keptAnswer(name string) bool {
	low := strings.ToLower(name)
	return slices.Contains(keptOfAnswers, name) || strings.Contains(low, "ratelimit") || strings.Contains(low, "rate-limit") ||
		strings.Contains(low, "total") || strings.Contains(low, "page") || strings.Contains(low, "cursor") || strings.Contains(low, "next")
}

// Marshal writes an exchange, as it is, as the content of a file.
func (x Exchange) Marshal() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s %s HTTP/1.1\n", x.Method, x.URL)
	header(&out, x.Asked)
	if len(x.Sent) > 0 {
		fmt.Fprintf(&out, "Content-Length: %d\n", len(x.Sent))
	}
	out.WriteByte('\n')
	out.Write(x.Sent)
	if len(x.Sent) > 0 {
		out.WriteByte('\n')
	}
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\n", x.Status, http.StatusText(x.Status))
	header(&out, x.Header)
	out.WriteByte('\n')
	out.Write(x.Body)
	return out.Bytes()
}

func header(out *bytes.Buffer, h http.Header) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			fmt.Fprintf(out, "%s: %s\n", name, value)
		}
	}
}

// Unmarshal reads the content of a file. The error says in which half of it something is wrong.
func Unmarshal(data []byte) (Exchange, error) {
	in := bufio.NewReader(bytes.NewReader(data))
	req, err := http.ReadRequest(in)
	if err != nil {
		return Exchange{}, fmt.Errorf("the request cannot be read: %w; want GET https://host/path?query HTTP/1.1, headers, an empty line", err)
	}
	x := Exchange{Method: req.Method, URL: req.URL, Asked: req.Header}
	x.Asked.Del("Content-Length")
	if !req.URL.IsAbs() {
		return Exchange{}, errors.New("the request names no host; want a whole URL, such as GET https://host/path?query HTTP/1.1")
	}
	if x.Sent, err = io.ReadAll(req.Body); err != nil {
		return Exchange{}, fmt.Errorf("the body of the request is shorter than its Content-Length: %w", err)
	}
	for { // the line end behind a body, and empty lines of the author
		next, err := in.Peek(1)
		if err != nil {
			return Exchange{}, errors.New("there is no answer behind the request; want HTTP/1.1 200 OK, headers, an empty line, the body")
		}
		if next[0] != '\n' && next[0] != '\r' {
			break
		}
		_, _ = in.ReadByte()
	}
	resp, err := http.ReadResponse(in, req)
	if err != nil {
		return Exchange{}, fmt.Errorf("the answer cannot be read: %w; want HTTP/1.1 200 OK, headers, an empty line, the body", err)
	}
	x.Status, x.Header = resp.StatusCode, resp.Header
	if x.Body, err = io.ReadAll(resp.Body); err != nil {
		return Exchange{}, fmt.Errorf("the body of the answer cannot be read: %w; leave out Content-Length and Transfer-Encoding, it reaches to the end of the file", err)
	}
	return x, nil
}

// Redacted returns the exchange without secrets and without the headers that tell nothing.
func (x Exchange) Redacted(r *redact.Redactor) (Exchange, error) {
	for _, headers := range []http.Header{x.Asked, x.Header} { // first, so that what a body repeats of them is known
		for _, name := range slices.Sorted(maps.Keys(headers)) {
			for _, value := range headers[name] {
				r.Header(name, value)
			}
		}
	}
	address, err := url.Parse(r.URL(x.URL))
	if err != nil {
		return Exchange{}, errors.New("the address of a request is none without its secrets")
	}
	return Exchange{
		Method: x.Method, URL: address, Status: x.Status,
		Asked:  redacted(r, x.Asked, func(name string) bool { return slices.Contains(keptOfRequests, name) }),
		Sent:   r.Body(x.Asked.Get("Content-Type"), x.Sent),
		Header: redacted(r, x.Header, keptAnswer),
		Body:   r.Body(x.Header.Get("Content-Type"), x.Body),
	}, nil
}

func redacted(r *redact.Redactor, from http.Header, keep func(string) bool) http.Header {
	to := http.Header{}
	for name, values := range from {
		if !keep(name) {
			continue
		}
		for _, value := range values {
			to.Add(name, r.Header(name, value))
		}
	}
	return to
}
