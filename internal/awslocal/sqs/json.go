package sqs

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// targetPrefix stands before the action in X-Amz-Target.
const targetPrefix = "AmazonSQS."

// serveJSON answers a request of the AWS JSON 1.0 protocol.
func (e *Engine) serveJSON(w http.ResponseWriter, r *http.Request, body []byte, c *call) {
	newRequestID(w)
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	if !ok {
		writeJSONError(w, failure(errUnknownOperation(r.Header.Get("X-Amz-Target"))))
		return
	}
	h, err := find(name)
	var out any
	if err == nil {
		out, err = h(e, c, func(into any) error { return decodeJSON(body, into) })
	}
	if err != nil {
		writeJSONError(w, failure(err))
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// decodeJSON reads the input of an action. It refuses what would be read as something else than was sent: bytes that are
// not UTF-8, halves of surrogate pairs, and anything after the document.
func decodeJSON(body []byte, into any) error {
	if len(body) == 0 {
		return nil // An action all of whose parameters are absent.
	}
	if !utf8.Valid(body) {
		return errMalformed("The request body is not valid UTF-8.")
	}
	if loneSurrogate(body) {
		return errMalformed("The request body has half of a surrogate pair.")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return errMalformed("The request body is not the expected JSON: %v", err)
	}
	return nil
}

// writeJSON sends a status and a document; nil is the empty document.
func writeJSON(w http.ResponseWriter, status int, out any) {
	if out == nil {
		out = struct{}{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		status, b = http.StatusInternalServerError, bytes.Buffer{}
		b.WriteString(`{"__type":"com.amazon.coral.service#InternalFailure"}`)
	}
	send(w, status, "application/x-amz-json-1.0", bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// writeJSONError sends an error with the header that lets a client tell the query protocol's code.
func writeJSONError(w http.ResponseWriter, f *apiError) {
	w.Header().Set("x-amzn-query-error", f.code+";"+f.fault())
	writeJSON(w, f.status, map[string]string{"__type": f.typ(), f.messageKey(): f.message})
}

// fault is who is to blame, as both protocols write it.
func (e *apiError) fault() string {
	if e.status >= 500 {
		return "Receiver"
	}
	return "Sender"
}

func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // A client that is gone has nobody to tell.
}
