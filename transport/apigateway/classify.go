package apigateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/internal/awscreds"
	"sluice/internal/fault"
)

// A verdict is what an answer means, and what an operator is to do.
type verdict struct {
	class  fault.Class
	reason string
	todo   string
}

var (
	expired       = verdict{fault.Transient, "expired_token", ""}
	clockSkew     = verdict{fault.Transient, "clock_skew", "set the clock"}
	badSignature  = verdict{fault.Blocked, "bad_signature", "check the secret key that the AWS_* settings lead to, SLUICE_APIGATEWAY_REGION, and that no proxy changes the request"}
	keyUnknown    = verdict{fault.Blocked, "key_unknown", "renew or correct the credentials that the AWS_* settings lead to"}
	denied        = verdict{fault.Blocked, "access_denied", "allow the caller execute-api:Invoke on this method, in its policy and in the API's"}
	forbidden     = verdict{fault.Blocked, "api_key_refused", "check SLUICE_APIGATEWAY_API_KEY and its usage plan, the stage in SLUICE_APIGATEWAY_URL, and what stands before the API (firewall, VPC endpoint)"}
	wrongPath     = verdict{fault.Blocked, "wrong_path", "there is no such path or no POST on it; correct SLUICE_APIGATEWAY_URL, or deploy the stage"}
	badBody       = verdict{fault.Rejected, "invalid_body", ""}
	noParameter   = verdict{fault.Blocked, "parameter_missing", "the method demands what no record brings; drop that, or put query parameters into SLUICE_APIGATEWAY_URL"}
	throttled     = verdict{fault.Throttled, "throttled", ""}
	quota         = verdict{fault.Throttled, "quota_exhausted", "raise the quota of the usage plan or wait for its next period"}
	broken        = verdict{fault.Transient, "service_error", ""}
	unexpected    = verdict{fault.Blocked, "unexpected_answer", "check that SLUICE_APIGATEWAY_URL leads to the API, and SLUICE_APIGATEWAY_SUCCESS"}
	functionError = verdict{fault.Transient, "function_error", "look into the log of the function behind the API"}
)

// staleCredentials are the reasons to try once more with newer credentials.
var staleCredentials = map[string]bool{expired.reason: true, keyUnknown.reason: true}

const (
	throttleWait = time.Second     // API Gateway names no time; its bucket fills every second
	quotaWait    = 5 * time.Minute // a quota lasts a day, a week or a month; it may be raised at any time
)

// byStatus holds the statuses that say all. API Gateway lets its owner rewrite the rest of an answer.
var byStatus = map[int]verdict{
	http.StatusUnauthorized:                {fault.Blocked, "unauthorized", "the API wants something else than AWS_IAM; correct its authorization or SLUICE_APIGATEWAY_URL"},
	http.StatusNotFound:                    wrongPath,
	http.StatusMethodNotAllowed:            wrongPath,
	http.StatusProxyAuthRequired:           {fault.Blocked, "proxy_refused", "correct the user and password in HTTPS_PROXY"},
	http.StatusRequestTimeout:              {fault.Transient, "timeout", ""},
	http.StatusRequestEntityTooLarge:       {fault.Rejected, "record_too_large", ""},
	http.StatusRequestURITooLong:           {fault.Blocked, "url_too_long", "shorten SLUICE_APIGATEWAY_URL"},
	http.StatusUnsupportedMediaType:        {fault.Blocked, "unsupported_media_type", "correct SLUICE_APIGATEWAY_CONTENT_TYPE"},
	http.StatusRequestHeaderFieldsTooLarge: {fault.Blocked, "headers_too_large", "shorten the headers that all records have"},
}

// byType holds the meanings of x-amzn-ErrorType, without the suffix "Exception", in refusals of the caller.
var byType = map[string]verdict{
	"ExpiredToken":               expired,
	"InvalidClientTokenId":       keyUnknown,
	"UnrecognizedClient":         keyUnknown,
	"InvalidSignature":           badSignature,
	"SignatureDoesNotMatch":      badSignature,
	"IncompleteSignature":        badSignature,
	"MissingAuthenticationToken": wrongPath,
	"AccessDenied":               denied,
	"Forbidden":                  forbidden,
}

// byText holds the fixed texts of refusals of the caller. The type of some is not documented, and an owner may drop it;
// then there is nothing else to tell them by.
var byText = []struct {
	prefix string
	verdict
}{
	{"The security token included in the request is expired", expired},
	{"The security token included in the request is invalid", keyUnknown},
	{"The request signature we calculated does not match", badSignature},
	{"Signature expired", badSignature},
	{"Signature not yet current", badSignature},
	{"Credential should be scoped", badSignature},
	{"Missing Authentication Token", wrongPath},
	{"Forbidden", forbidden},
	{"User: ", denied},
}

// classify gives the verdict on an answer, nil if the record is accepted: the status first, then x-amzn-ErrorType, then
// the body.
func (t *Transport) classify(a answer) *fault.Error {
	if a.status < 300 && t.accepted(a) {
		return nil
	}
	kind, said := errorType(a.header), message(a.body)
	v := t.judge(a, kind, said)
	e := &fault.Error{Class: v.class, Reason: v.reason, Op: opPost, Err: t.explain(v, a, said)}
	// A function may have run, whatever went wrong after it.
	e.Ambiguous = a.status < 300 || a.status >= 500 || a.status == http.StatusRequestTimeout
	if v.class == fault.Transient || v.class == fault.Throttled {
		e.RetryAfter = retryAfter(a.header)
	}
	switch v.reason {
	case throttled.reason:
		e.RetryAfter = max(e.RetryAfter, throttleWait)
	case quota.reason:
		e.RetryAfter = max(e.RetryAfter, quotaWait)
	}
	return e
}

// judge finds the verdict on an answer that is no success.
func (t *Transport) judge(a answer, kind, said string) verdict {
	switch {
	case a.status < 300 && isJSON(a.header.Get("Content-Type")) && hasErrorMessage(a.body):
		return functionError
	case a.status < 300:
		return unexpected
	case a.status < 400:
		return verdict{fault.Blocked, "redirected", "set the address that it is redirected to; redirects are not followed"}
	case a.status >= 500:
		return broken
	case a.status == http.StatusTooManyRequests && (kind == "LimitExceeded" || kind == "" && said == "Limit Exceeded"):
		return quota
	case a.status == http.StatusTooManyRequests:
		return throttled
	case a.status == http.StatusForbidden, a.status == http.StatusBadRequest && byType[kind].reason != "":
		return refused(a, kind, said)
	case a.status == http.StatusBadRequest, a.status == http.StatusUnprocessableEntity:
		if !fromGateway(a.header) {
			return unexpected // I4: somebody on the way does not understand the request; that is not the record's fault
		}
		if strings.HasPrefix(said, missingParameters) && !strings.Contains(strings.ToLower(said), ownHeaders) {
			return noParameter // I4: all records are alike in what they do not bring
		}
		return badBody
	}
	if v, ok := byStatus[a.status]; ok {
		return v
	}
	return verdict{fault.Transient, unexpected.reason, ""}
}

const (
	missingParameters = "Missing required request parameters" // how API Gateway begins; the names follow
	ownHeaders        = "x-sluice-"                           // the headers that records differ in
)

// refused finds the verdict on a refusal of the caller.
func refused(a answer, kind, said string) verdict {
	v, known := byType[kind]
	if !known || v == badSignature {
		for _, t := range byText {
			if strings.HasPrefix(said, t.prefix) {
				v, known = t.verdict, true
				break
			}
		}
	}
	if v == badSignature {
		// The same type stands for a wrong key and a wrong clock.
		if skew, ok := behind(a.header, a.signedAt); ok && skew.Abs() > tolerance {
			return clockSkew
		}
	}
	if !known {
		return verdict{fault.Blocked, denied.reason, "check what stands before the API (proxy, firewall), and its policy"}
	}
	return v
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

// notRefreshed is the verdict where the gateway refused the credentials and there are no newer ones.
func notRefreshed(refused *fault.Error, err error) error {
	e := *fault.From(err)
	if e.Class == fault.Blocked {
		e.Reason = refused.Reason // the reason of the gateway is nearer to the cause
	}
	e.Err = fmt.Errorf("%w (the gateway had refused the last ones: %w)", e.Err, refused.Err)
	return &e
}

// retryAfter reads how long the answer asks to wait, at most an hour.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	var wait time.Duration
	if s, err := strconv.ParseUint(value, 10, 32); err == nil {
		wait = time.Duration(s) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = time.Until(at)
	}
	return min(max(wait, 0), time.Hour)
}
