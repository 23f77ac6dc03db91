package apigateway

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"sluice/internal/awscreds"
	"sluice/internal/fault"
)

// fitting says, in other words than the driver, whether an answer is what a success looks like.
func fitting(status int, contentType string, body []byte) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || fields == nil || len(body) > maxAnswer {
		return false
	}
	_, failed := fields["errorMessage"]
	return status >= 200 && status <= 202 && strings.Contains(strings.ToLower(contentType), "json") && !failed
}

// Whatever a gateway, or something in its place, says: no panic, nothing accepted that does not fit, and a verdict that the
// catalogue knows.
func FuzzGatewayVerdict(f *testing.F) {
	for _, tc := range gatewayAnswers {
		f.Add(tc.status, tc.kind, "application/json", "", "", []byte(tc.body))
	}
	f.Add(200, "", "application/json", "", "", []byte(`{"ok":true}`))
	f.Add(200, "", "text/html", "", "", []byte(`<html>`))
	f.Add(403, "InvalidSignatureException:http://x", "application/json", "Mon, 02 Jan 2006 15:04:05 GMT", "7", []byte(said(textMismatch)))
	f.Add(503, "", "", "", "99999999999999999999", []byte("\xff\x00"))
	tr := openOn(f, "http://127.0.0.1:1/v1/records", nil)
	f.Fuzz(func(t *testing.T, status int, kind, contentType, date, wait string, body []byte) {
		if status < 100 || status > 999 { // net/http gives no others
			return
		}
		h := http.Header{}
		for name, value := range map[string]string{"X-Amzn-Errortype": kind, "Content-Type": contentType, "Date": date, "Retry-After": wait} {
			if value != "" {
				h.Set(name, value)
			}
		}
		e := tr.classify(answer{status: status, header: h, body: body, signedAt: time.Now()})
		if e == nil {
			if !fitting(status, contentType, body) {
				t.Fatalf("accepted: status %d, %q, %q", status, contentType, body)
			}
			return
		}
		r, known := fault.ReasonOf(e.Reason)
		if !known || !slices.Contains(r.Classes, e.Class) {
			t.Fatalf("verdict %v %q is not in the catalogue", e.Class, e.Reason)
		}
		if e.RetryAfter < 0 || e.RetryAfter > time.Hour {
			t.Errorf("RetryAfter = %v, want up to an hour", e.RetryAfter)
		}
		if e.Class == fault.Rejected && (status < 400 || status >= 500) {
			t.Errorf("status %d is blamed on the record", status)
		}
		if text := e.Error(); strings.ContainsFunc(text, unicode.IsControl) || len(text) > 4000 {
			t.Errorf("text of %d bytes: %q", len(text), text)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "7", "0", "-3", "soon", "1e9", "999999999999", "Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", " 5", "5s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if got := awscreds.RetryAfter(http.Header{"Retry-After": {value}}); got < 0 || got > time.Hour {
			t.Errorf("Retry-After %q: %v, want up to an hour", value, got)
		}
	})
}
