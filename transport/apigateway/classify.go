package apigateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"sluice/internal/awscreds"
	"sluice/internal/fault"
)

const (
	throttleWait = time.Second     // API Gateway names no time; its bucket fills every second
	quotaWait    = 5 * time.Minute // a quota lasts a day, a week or a month; it may be raised at any time
)

// classify gives the verdict on an answer, nil if the record is accepted.
func (t *Transport) classify(a answer) *fault.Error {
	if a.status < 300 && t.accepted(a) {
		return nil
	}
	said := message(a.body)
	r := rules[judge(findingOf(a, said))]
	e := &fault.Error{Class: r.class, Reason: r.reason, Op: opPost, Ambiguous: r.doubt, Err: t.explain(r.verdict, a, said)}
	if r.class == fault.Transient || r.class == fault.Throttled {
		e.RetryAfter = awscreds.RetryAfter(a.header)
	}
	switch r.reason {
	case throttled.reason:
		e.RetryAfter = max(e.RetryAfter, throttleWait)
	case quota.reason:
		e.RetryAfter = max(e.RetryAfter, quotaWait)
	}
	return e
}

// findingOf is what the rules look at in a.
func findingOf(a answer, said string) finding {
	skew, dated := behind(a.header, a.signedAt)
	return finding{
		status: a.status, kind: errorType(a.header), said: said,
		json: isJSON(a.header.Get("Content-Type")), failed: hasErrorMessage(a.body), ours: fromGateway(a.header),
		waf: bytes.Contains(a.body, []byte(wafResponse)), skewed: dated && skew.Abs() > tolerance,
	}
}

// accepted reports whether a success is the answer we expect. Anything else may come from a captive portal, another
// server, or a function that failed.
func (t *Transport) accepted(a answer) bool {
	contentType := a.header.Get("Content-Type")
	switch a.status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted:
	case http.StatusNoContent:
		return t.cfg.Success == successStatus
	default:
		return false
	}
	if t.cfg.Success == successStatus {
		media, _, _ := mime.ParseMediaType(contentType)
		return media != "text/html" && media != "application/xhtml+xml"
	}
	return isJSON(contentType) && len(a.body) <= maxAnswer && isObject(a.body) && !hasErrorMessage(a.body)
}

func isObject(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) && json.Valid(body)
}

// hasErrorMessage reports whether body is an object with "errorMessage": what Lambda returns for a function that failed.
func hasErrorMessage(body []byte) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return false
	}
	_, failed := fields["errorMessage"]
	return failed
}

// errorType returns x-amzn-ErrorType without what servers put around it.
func errorType(h http.Header) string {
	kind, _, _ := strings.Cut(h.Get("X-Amzn-Errortype"), ":")
	if _, after, ok := strings.Cut(kind, "#"); ok {
		kind = after
	}
	return strings.TrimSuffix(kind, "Exception")
}

// fromGateway reports whether the answer bears a mark of API Gateway or is at least JSON.
func fromGateway(h http.Header) bool {
	return h.Get("X-Amzn-Requestid") != "" || h.Get("X-Amz-Apigw-Id") != "" || h.Get("X-Amzn-Errortype") != "" || isJSON(h.Get("Content-Type"))
}

// message returns the text of an answer: "message", or "Message" as refusals by policy spell it, or "errorMessage".
func message(body []byte) string {
	var fields map[string]any
	if json.Unmarshal(body, &fields) != nil {
		return ""
	}
	for _, name := range []string{"message", "Message", "errorMessage"} {
		if s, ok := fields[name].(string); ok {
			return s
		}
	}
	return ""
}

// explain is what an operator reads. Of the text of the answer it keeps the first line: after it API Gateway repeats our
// request, session token and API key included.
func (t *Transport) explain(v verdict, a answer, said string) error {
	for _, s := range []string{a.creds.SessionToken, a.creds.SecretAccessKey, t.cfg.APIKey.Reveal()} {
		if s != "" {
			said = strings.ReplaceAll(said, s, "***")
		}
	}
	said = awscreds.FirstLine(said) // last: a secret that has been cut short would not be found
	text := fmt.Sprintf("%s%s answered %d", t.url.Host, t.url.EscapedPath(), a.status)
	switch {
	case said != "":
		text += ": " + said
	case a.status < 300:
		text += fmt.Sprintf(" with %d bytes of %q, which is not the expected answer", len(a.body), a.header.Get("Content-Type"))
	}
	if v.todo != "" {
		text += "; " + v.todo
	}
	return errors.New(text)
}
