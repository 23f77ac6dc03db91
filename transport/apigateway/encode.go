package apigateway

import (
	"fmt"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"sluice/internal/fault"
	"sluice/transport"
)

const (
	idHeader     = "X-Sluice-Record-Id"
	keyHeader    = "X-Sluice-Record-Key"
	headerPrefix = "X-Sluice-Header-"
)

// header makes the header of the request for r, without what signing adds. The error is a Rejected fault.
func (t *Transport) header(r transport.Record) (http.Header, error) {
	if size := t.Size(r); size > t.caps.MaxRecordBytes {
		return nil, rejected("record_too_large", "the record takes %d bytes, SLUICE_APIGATEWAY_MAX_RECORD_BYTES allows %d", size, t.caps.MaxRecordBytes)
	}
	if t.text && !utf8.Valid(r.Body) {
		return nil, rejected("invalid_characters", "the body is not UTF-8, which its content type %s needs", t.cfg.ContentType)
	}
	if r.ID == "" || !plain(r.ID) {
		return nil, rejected("invalid_header", "the ID %.80q cannot be sent as a header", r.ID)
	}
	if !utf8.ValidString(r.Key) {
		return nil, rejected("invalid_header", "the key is not UTF-8")
	}
	h := make(http.Header, len(r.Headers)+8)
	h.Set("Content-Type", t.cfg.ContentType)
	h.Set("User-Agent", "sluice")
	h.Set(idHeader, r.ID)
	if r.Key != "" {
		h.Set(keyHeader, encode(r.Key))
	}
	if key := t.cfg.APIKey.Reveal(); key != "" {
		h.Set("X-Api-Key", key)
	}
	for name, value := range r.Headers {
		if name == "" || !httpguts.ValidHeaderFieldName(name) {
			return nil, rejected("invalid_header", "the header name %.80q is not one of HTTP", name)
		}
		if !utf8.ValidString(value) || strings.ContainsFunc(value, control) {
			return nil, rejected("invalid_header", "the value of header %q is not UTF-8 or has a control character", name)
		}
		full := http.CanonicalHeaderKey(headerPrefix + name)
		if _, twice := h[full]; twice {
			return nil, rejected("invalid_header", "the header %q comes twice, in upper and lower case", name)
		}
		h[full] = []string{encode(value)}
	}
	return h, nil
}

func control(r rune) bool { return r < ' ' || r >= 0x7F && r < 0xA0 }

// plain reports whether s survives HTTP as it is, signing included, which folds spaces: printable ASCII without spaces
// at the ends or in a row.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			return false
		}
	}
	return true
}

// encode returns s if it survives HTTP and has no percent sign, and s percent-encoded otherwise.
func encode(s string) string {
	if plain(s) && !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Size is the length of the body and of the record's own headers, names and values.
func (t *Transport) Size(r transport.Record) int {
	n := len(r.Body) + len(idHeader) + len(r.ID)
	if r.Key != "" {
		n += len(keyHeader) + len(encode(r.Key))
	}
	for name, value := range r.Headers {
		n += len(headerPrefix) + len(name) + len(encode(value))
	}
	return n
}

// isText reports whether bodies of this content type have to be UTF-8.
func isText(contentType string) bool {
	media, params, _ := mime.ParseMediaType(contentType)
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return false
	}
	return strings.HasPrefix(media, "text/") || isJSON(contentType)
}

// isJSON reports whether this content type is JSON.
func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}

// rejected is a verdict on a record before it is sent.
func rejected(reason, format string, args ...any) error {
	return &fault.Error{Class: fault.Rejected, Reason: reason, Op: opPost, Err: fmt.Errorf(format, args...)}
}
