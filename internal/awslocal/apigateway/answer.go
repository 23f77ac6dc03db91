package apigateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// An answer is an integration's response, ready for the client.
type answer struct {
	status  int
	headers http.Header
	body    []byte
}

var errMalformed = errors.New("malformed Lambda proxy response")

// parse reads an integration's response by the rules of the service: every member is optional, an unknown one is an
// error, a status may be a string of digits, a header may be a number or a boolean.
func (a *API) parse(c *call, response []byte) (*answer, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(response, &members); err != nil || members == nil {
		return nil, errMalformed
	}
	out := &answer{status: http.StatusOK, headers: http.Header{}}
	var body *string
	var single map[string]json.RawMessage
	var multi map[string][]json.RawMessage
	var encoded *bool
	for name, raw := range members {
		var err error
		switch name {
		case "statusCode":
			out.status, err = status(raw)
		case "headers":
			err = json.Unmarshal(raw, &single)
		case "multiValueHeaders":
			err = json.Unmarshal(raw, &multi)
		case "body":
			err = json.Unmarshal(raw, &body)
		case "isBase64Encoded":
			err = json.Unmarshal(raw, &encoded)
		default:
			err = fmt.Errorf("unknown member %q", name)
		}
		if err != nil {
			return nil, errMalformed
		}
	}
	if err := out.setHeaders(single, multi); err != nil {
		return nil, err
	}
	if body != nil {
		out.body = []byte(*body)
	}
	if encoded != nil && *encoded && a.wantsBinary(c.r.Header) {
		plain, err := base64.StdEncoding.DecodeString(string(out.body))
		if err != nil {
			return nil, errMalformed
		}
		out.body = plain
	}
	return out, nil
}

func status(raw json.RawMessage) (int, error) {
	text := strings.Trim(string(raw), `"`)
	if text == "null" {
		return http.StatusOK, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 200 || n > 599 {
		return 0, errMalformed
	}
	return n, nil
}

// setHeaders takes the values of the list first and the single one after them.
func (o *answer) setHeaders(single map[string]json.RawMessage, multi map[string][]json.RawMessage) error {
	for name, values := range multi {
		for _, raw := range values {
			if err := o.addHeader(name, raw); err != nil {
				return err
			}
		}
	}
	for name, raw := range single {
		if err := o.addHeader(name, raw); err != nil {
			return err
		}
	}
	return nil
}

func (o *answer) addHeader(name string, raw json.RawMessage) error {
	raw = bytes.TrimSpace(raw)
	var text string
	switch raw[0] {
	case '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			return errMalformed
		}
	case '{', '[':
		return errMalformed
	case 'n': // null: as if the header were not there
		return nil
	default:
		text = string(raw)
	}
	switch name = http.CanonicalHeaderKey(name); name {
	case "Transfer-Encoding", "Trailer", "Te", "Upgrade": // end at the gateway
		return nil
	case "Authorization", "Connection", "Content-Length", "Content-Md5", "Date", "Expect", "Host", "Max-Forwards",
		"Proxy-Authenticate", "Server", "User-Agent", "Www-Authenticate": // the gateway's own, so renamed
		name = "X-Amzn-Remapped-" + name
	}
	o.headers.Add(name, text)
	return nil
}

// wantsBinary reports whether the first media type that the client accepts is one of the binary ones.
func (a *API) wantsBinary(h http.Header) bool {
	first, _, _ := strings.Cut(h.Get("Accept"), ",")
	media, _, err := mime.ParseMediaType(first)
	if err != nil {
		media = "*/*"
	}
	return a.isBinary(media)
}

func (o *answer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, values := range o.headers {
		h[name] = values
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	w.WriteHeader(o.status)
	if r.Method != http.MethodHead && o.status != http.StatusNoContent && o.status != http.StatusNotModified {
		_, _ = w.Write(o.body)
	}
}
