package jetstream

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	api "github.com/nats-io/nats.go/jetstream"

	"sluice/internal/fault"
	"sluice/transport"
)

const (
	keyHeader = "Sluice-Key"

	// NATS: headers are a line that names the version, a line each, and an empty line; they count like the data.
	firstLine = "NATS/1.0\r\n"
	lineEnd   = "\r\n"

	maxHeaders = 64<<10 - 1 // JetStream: the headers of a message have less than 64 KiB
)

// message makes the message of r. The error is a Rejected fault: NATS would refuse r, or worse, alter it.
func (t *Transport) message(r transport.Record) (*nats.Msg, error) {
	m := &nats.Msg{Subject: t.cfg.Subject, Data: r.Body, Header: make(nats.Header, 3+len(r.Headers))}
	for name, value := range r.Headers {
		if err := checkHeader(name, value); err != nil {
			return nil, err
		}
		m.Header[name] = []string{value}
	}
	for name, value := range map[string]string{api.MsgIDHeader: r.ID, keyHeader: r.Key, api.ExpectedStreamHeader: t.cfg.Stream} {
		if value == "" {
			continue
		}
		if !legalValue(value) {
			return nil, rejected("invalid_header", "the value of %s has a line break, or spaces around it, which NATS would change", name)
		}
		m.Header[name] = []string{value}
	}
	size := t.Size(r)
	if headers := size - len(r.Body); headers > maxHeaders {
		return nil, rejected("headers_too_large", "the headers take %d bytes, JetStream allows %d", headers, maxHeaders)
	}
	if most := t.caps.MaxRecordBytes; most > 0 && size > most {
		return nil, rejected("record_too_large", "the message takes %d bytes, the server and the stream allow %d", size, most)
	}
	return m, nil
}

// checkHeader says whether a header arrives as it is sent, and means nothing to the server.
func checkHeader(name, value string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }):
		return rejected("invalid_header", "the header name %.40q is not of printable ASCII characters without a colon", name)
	case strings.HasPrefix(lower, "nats-") || strings.HasPrefix(lower, "sluice-"):
		return rejected("invalid_header", "the header name %.40q begins with a prefix that has a meaning of its own", name)
	case !legalValue(value):
		return rejected("invalid_header", "the value of header %q has a line break, or spaces around it, which NATS would change", name)
	}
	return nil
}

// legalValue reports whether the client writes a value as it is: it trims spaces and tabs, and replaces line breaks.
func legalValue(s string) bool {
	return strings.Trim(s, " \t\r\n") == s && !strings.ContainsAny(s, "\r\n")
}

// Size counts as the server does: the headers, written out, and the body.
func (t *Transport) Size(r transport.Record) int {
	n := len(firstLine) + len(lineEnd) + len(r.Body)
	line := func(name, value string) {
		if value != "" {
			n += len(name) + len(": ") + len(value) + len(lineEnd)
		}
	}
	line(api.MsgIDHeader, r.ID)
	line(keyHeader, r.Key)
	line(api.ExpectedStreamHeader, t.cfg.Stream)
	for name, value := range r.Headers {
		n += len(name) + len(": ") + len(value) + len(lineEnd)
	}
	return n
}

// rejected is a verdict on a record before it is sent.
func rejected(reason, format string, args ...any) error {
	return &fault.Error{Class: fault.Rejected, Reason: reason, Op: opPublish, Err: fmt.Errorf(format, args...)}
}
