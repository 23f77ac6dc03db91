package apigateway

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"sluice/internal/awslocal/sigv4"
)

var uuids = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

// requestID is the client's own x-amzn-RequestId if that is a UUID, or what the server has set, or a new one.
func requestID(w http.ResponseWriter, r *http.Request) string {
	if id := r.Header.Get("X-Amzn-Requestid"); uuids.MatchString(id) {
		return id
	}
	if id := w.Header().Get("X-Amzn-Requestid"); id != "" {
		return id
	}
	return NewRequestID()
}

// NewRequestID returns a random UUID.
func NewRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func newAPIID() string { return strings.ToLower(sigv4.RandomID(10)) }

func traceID(at time.Time) string {
	var b [12]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("Root=1-%08x-%s", at.Unix(), hex.EncodeToString(b[:]))
}
