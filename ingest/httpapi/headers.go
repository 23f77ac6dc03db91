package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"sluice/internal/secret"
)

// Headers are request headers of the user's own. Their values may be secrets and are never printed.
type Headers struct {
	list []header
	bad  []error
}

type header struct {
	name  string // canonical
	value secret.Value
}

// ownHeaders are set by this package or by net/http; a second opinion would break framing, caching or decompression.
var ownHeaders = []string{
	"Host", "Content-Length", "Transfer-Encoding", "Connection", "Te", "Trailer", "Upgrade", "Expect",
	"Accept-Encoding", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range", "Range",
}

// Decode takes headers from an environment variable: "Name: value", one per line. The two characters \n stand for a
// line break as well, since most places for environment variables hold only one line. What is wrong is kept for Validate:
// the error of a Decode would print the value.
func (h *Headers) Decode(s string) error {
	*h = Headers{}
	for i, line := range strings.Split(strings.ReplaceAll(s, `\n`, "\n"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, found := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case !found:
			h.bad = append(h.bad, fmt.Errorf("HEADERS, line %d: no colon; want Name: value", i+1))
		case !httpguts.ValidHeaderFieldName(name):
			h.bad = append(h.bad, fmt.Errorf("HEADERS, line %d: what stands before the colon is no header name", i+1))
		case !httpguts.ValidHeaderFieldValue(value):
			h.bad = append(h.bad, fmt.Errorf("HEADERS, line %d: the value of %s has a character that no header may have", i+1, name))
		case slices.Contains(ownHeaders, http.CanonicalHeaderKey(name)):
			h.bad = append(h.bad, fmt.Errorf("HEADERS, line %d: %s cannot be set; it is part of how requests are made", i+1, name))
		case h.has(name):
			h.bad = append(h.bad, fmt.Errorf("HEADERS, line %d: %s is there twice", i+1, name))
		default:
			h.list = append(h.list, header{http.CanonicalHeaderKey(name), secret.New(value)})
		}
	}
	return nil
}

// problems is what Decode found wrong.
func (h Headers) problems() []error { return slices.Clone(h.bad) }

// has reports whether there is a header of that name.
func (h Headers) has(name string) bool {
	return slices.ContainsFunc(h.list, func(x header) bool { return x.name == http.CanonicalHeaderKey(name) })
}

// apply sets the headers.
func (h Headers) apply(to http.Header) {
	for _, x := range h.list {
		to[x.name] = []string{x.value.Reveal()}
	}
}

// String shows the names, and *** for every value.
func (h Headers) String() string {
	var parts []string
	for _, x := range h.list {
		parts = append(parts, x.name+": "+x.value.String())
	}
	return strings.Join(parts, `\n`)
}

// Format prints String for every verb.
func (h Headers) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(h.String())) }

// MarshalText writes String.
func (h Headers) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// ParseHeaders is Decode for code: it returns what is wrong.
func ParseHeaders(s string) (Headers, error) {
	var h Headers
	_ = h.Decode(s)
	return h, errors.Join(h.bad...)
}
