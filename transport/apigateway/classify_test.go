package apigateway

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/fault"
)

const (
	textMismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	textExpired  = "The security token included in the request is expired"
	textInvalid  = "The security token included in the request is invalid."
)

func said(text string) string { return fmt.Sprintf(`{"message":%q}`, text) }

// Answers of API Gateway: what it documents, and what has been observed on AWS until 2026.
var gatewayAnswers = map[string]struct {
	status     int
	kind, body string
	class      fault.Class
	reason     string
}{
	"unsigned or no such path":         {403, "MissingAuthenticationTokenException", said("Missing Authentication Token"), fault.Blocked, "wrong_path"},
	"no such path, type dropped":       {403, "", said("Missing Authentication Token"), fault.Blocked, "wrong_path"},
	"no such resource":                 {404, "NotFoundException", said("Not Found"), fault.Blocked, "wrong_path"},
	"no such method":                   {405, "", "{}", fault.Blocked, "wrong_path"},
	"bad signature":                    {403, "InvalidSignatureException", said(textMismatch), fault.Blocked, "bad_signature"},
	"bad signature, type dropped":      {403, "", said(textMismatch), fault.Blocked, "bad_signature"},
	"scoped to another service":        {403, "InvalidSignatureException", said("Credential should be scoped to correct service: 'execute-api'. "), fault.Blocked, "bad_signature"},
	"incomplete signature":             {400, "IncompleteSignatureException", said("x"), fault.Blocked, "bad_signature"},
	"unknown key":                      {403, "UnrecognizedClientException", said(textInvalid), fault.Blocked, "key_unknown"},
	"unknown key as a bad signature":   {403, "InvalidSignatureException", said(textInvalid), fault.Blocked, "key_unknown"},
	"unknown key, type dropped":        {403, "", said(textInvalid), fault.Blocked, "key_unknown"},
	"expired session":                  {403, "ExpiredTokenException", said(textExpired), fault.Transient, "expired_token"},
	"expired session, type dropped":    {403, "", said(textExpired), fault.Transient, "expired_token"},
	"expired session, short type":      {403, "ExpiredToken", said(textExpired), fault.Transient, "expired_token"},
	"denied by policy":                 {403, "AccessDeniedException", `{"Message":"User: arn:aws:sts::********3333:assumed-role/r/s is not authorized to perform: execute-api:Invoke on resource: x"}`, fault.Blocked, "access_denied"},
	"denied by policy, type dropped":   {403, "", `{"Message":"User: anonymous is not authorized to perform: execute-api:Invoke"}`, fault.Blocked, "access_denied"},
	"API key, firewall or stage":       {403, "ForbiddenException", said("Forbidden"), fault.Blocked, "api_key_refused"},
	"firewall that says so":            {403, "ForbiddenException", `{"message":"Forbidden","type":"WAF_FILTERED"}`, fault.Rejected, "filtered"},
	"another refusal as a bad request": {400, "AccessDeniedException", said("x"), fault.Blocked, "access_denied"},
	"forbidden in the owner's words":   {403, "", `{"error":"no"}`, fault.Blocked, "access_denied"},
	"authorizer":                       {401, "UnauthorizedException", said("Unauthorized"), fault.Blocked, "unauthorized"},
	"rate":                             {429, "TooManyRequestsException", said("Too Many Requests"), fault.Throttled, "throttled"},
	"rate in the owner's words":        {429, "", "{}", fault.Throttled, "throttled"},
	"quota":                            {429, "LimitExceededException", said("Limit Exceeded"), fault.Throttled, "quota_exhausted"},
	"quota, type dropped":              {429, "", said("Limit Exceeded"), fault.Throttled, "quota_exhausted"},
	"body refused by the model":        {400, "BadRequestException", said("Invalid request body"), fault.Rejected, "invalid_body"},
	"parameter missing":                {400, "BadRequestException", said("Missing required request parameters: [h1, q1]"), fault.Blocked, "parameter_missing"},
	"the record's key missing":         {400, "BadRequestException", said("Missing required request parameters: [X-Sluice-Record-Key]"), fault.Rejected, "invalid_body"},
	"body refused by the function":     {400, "", `{"error":"no such account"}`, fault.Rejected, "invalid_body"},
	"unprocessable to the function":    {422, "", `{}`, fault.Rejected, "invalid_body"},
	"too large":                        {413, "", "HTTP content length exceeded 10485760 bytes.", fault.Rejected, "record_too_large"},
	"too large, as JSON":               {413, "RequestTooLargeException", said("Request Too Long"), fault.Rejected, "record_too_large"},
	"media type":                       {415, "BadRequestException", said("Unsupported Media Type"), fault.Blocked, "unsupported_media_type"},
	"address too long":                 {414, "", said("Request URI too long"), fault.Blocked, "url_too_long"},
	"headers too large":                {431, "", "", fault.Blocked, "headers_too_large"},
	"proxy wants a password":           {407, "", "", fault.Blocked, "proxy_refused"},
	"conflict":                         {409, "", "{}", fault.Transient, "unexpected_answer"},
	"integration timed out":            {504, "InternalServerErrorException", said("Endpoint request timed out"), fault.Transient, "integration_timeout"},
	"function failed":                  {502, "InternalServerErrorException", `{"message": "Internal server error"}`, fault.Transient, "service_error"},
	"may not call the function":        {500, "InternalServerErrorException", `{"message": "Internal server error"}`, fault.Transient, "service_error"},
	"unavailable":                      {503, "", said("Service Unavailable"), fault.Transient, "service_error"},
	"request timed out on the way":     {408, "", "", fault.Transient, "timeout"},
	"permanent redirect":               {301, "", "", fault.Blocked, "redirected"},
	"redirect":                         {302, "", "", fault.Blocked, "redirected"},
	"redirect that keeps the method":   {307, "", "", fault.Blocked, "redirected"},
	"permanent, keeping the method":    {308, "", "", fault.Blocked, "redirected"},
	"failed function without a proxy":  {200, "", `{"errorMessage":"boom","errorType":"Error"}`, fault.Transient, "function_error"},
	"200 with a list":                  {200, "", `[]`, fault.Blocked, "unexpected_answer"},
	"200 with half an object":          {200, "", `{"a":`, fault.Blocked, "unexpected_answer"},
	"200 with nothing":                 {200, "", ``, fault.Blocked, "unexpected_answer"},
	"200 with more than we read":       {200, "", `{"a":"` + strings.Repeat("x", maxAnswer) + `"}`, fault.Blocked, "unexpected_answer"},
	"204":                              {204, "", ``, fault.Blocked, "unexpected_answer"},
	"206":                              {206, "", `{}`, fault.Blocked, "unexpected_answer"},
}

func TestVerdictOnAnAnswer(t *testing.T) {
	for name, tc := range gatewayAnswers {
		t.Run(name, func(t *testing.T) {
			target := newServer(t, taken)
			s := newServer(t, func(w http.ResponseWriter, r seen, n int) {
				w.Header().Set("Location", target.URL)
				gatewayAnswer(tc.status, tc.kind, tc.body)(w, r, n)
			})
			err := send(t, openOn(t, s.URL+"/v1/records?q=query-canary", nil), record("{}")).Err
			e := fault.From(err)
			if e == nil || e.Class != tc.class || e.Reason != tc.reason {
				t.Fatalf("got %v (%v), want %v %s", err, e, tc.class, tc.reason)
			}
			if want := tc.status < 300 || tc.status >= 500 || tc.status == 408; e.Ambiguous != want {
				t.Errorf("Ambiguous = %v, want %v", e.Ambiguous, want)
			}
			if want := map[string]time.Duration{"throttled": time.Second, "quota_exhausted": 5 * time.Minute}[tc.reason]; e.RetryAfter != want {
				t.Errorf("RetryAfter = %v, want %v", e.RetryAfter, want)
			}
			if !strings.Contains(err.Error(), "/v1/records") || strings.Contains(err.Error(), "query-canary") {
				t.Errorf("want the address without its query in: %v", err)
			}
			want := 1
			if staleCredentials[tc.reason] {
				want = 2
			}
			if got := len(s.seen()); got != want {
				t.Errorf("%d requests, want %d", got, want)
			}
			if len(target.seen()) != 0 {
				t.Error("a redirect was followed")
			}
		})
	}
}

// A rule without an example would be one that nobody has seen decide.
func TestEveryRuleHasItsExample(t *testing.T) {
	decided := make([]bool, len(rules))
	note := func(a answer) { decided[judge(findingOf(a, message(a.body)))] = true }
	for _, tc := range gatewayAnswers {
		h := http.Header{"Content-Type": {"application/json"}, "X-Amzn-Errortype": {tc.kind}}
		note(answer{status: tc.status, header: h, body: []byte(tc.body), signedAt: time.Now()})
	}
	note(answer{status: 400, header: http.Header{"Content-Type": {"text/html"}}})
	note(answer{status: 403, signedAt: time.Now(), body: []byte(said("Signature expired: now")),
		header: http.Header{"Date": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}})
	for i, r := range rules {
		if !decided[i] {
			t.Errorf("no example is decided by: %s", r.says)
		}
	}
}

func TestAnswersOfSomebodyElse(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		class  fault.Class
		reason string
	}{
		"captive portal":         {200, fault.Blocked, "unexpected_answer"},
		"plain HTTP to an HTTPS": {400, fault.Blocked, "unexpected_answer"},
		"proxy forbids":          {403, fault.Blocked, "access_denied"},
		"web server":             {404, fault.Blocked, "wrong_path"},
		"load balancer":          {502, fault.Transient, "service_error"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(w http.ResponseWriter, _ seen, _ int) {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, `<html>{"a":1}</html>`)
			})
			e := fault.From(send(t, openOn(t, s.URL, nil), record("{}")).Err)
			if e == nil || e.Class != tc.class || e.Reason != tc.reason {
				t.Errorf("got %+v, want %v %s", e, tc.class, tc.reason)
			}
		})
	}
}

func TestWhatCountsAsAccepted(t *testing.T) {
	for name, tc := range map[string]struct {
		success     string
		status      int
		contentType string
		body        string
		want        bool
	}{
		"object":                       {"object", 200, "application/json", `{"a":1}`, true},
		"object with spaces":           {"object", 201, "application/json; charset=utf-8", " \n{} ", true},
		"other JSON type":              {"object", 202, "application/hal+json", "{}", true},
		"object called text":           {"object", 200, "text/plain", "{}", false},
		"object without a type":        {"object", 200, "", "{}", false},
		"error message":                {"object", 200, "application/json", `{"errorMessage":null}`, false},
		"another case is another name": {"object", 200, "application/json", `{"errormessage":"x"}`, true},
		"error message inside":         {"object", 200, "application/json", `{"a":{"errorMessage":"x"}}`, true},
		"status: text":                 {"status", 200, "text/plain", "ok", true},
		"status: XML of SQS":           {"status", 200, "text/xml", "<SendMessageResponse/>", true},
		"status: nothing":              {"status", 204, "", "", true},
		"status: page":                 {"status", 200, "text/html; charset=utf-8", "<html>", false},
		"status: another success":      {"status", 206, "application/json", "{}", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(w http.ResponseWriter, _ seen, _ int) {
				w.Header()["Content-Type"] = nil
				if tc.contentType != "" {
					w.Header().Set("Content-Type", tc.contentType)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			err := send(t, openOn(t, s.URL, func(c *Config) { c.Success = tc.success }), record("{}")).Err
			if got := err == nil; got != tc.want {
				t.Errorf("accepted = %v (%v), want %v", got, err, tc.want)
			}
		})
	}
}

// The gateway repeats the request in its answer to a bad signature.
func TestNoSecretInAnError(t *testing.T) {
	canonical := "POST\n/\n\ncontent-type:application/json\nx-amz-security-token:" + testToken + "\nx-api-key:" + testAPIKey
	for name, body := range map[string]string{
		"canonical request": said(textMismatch + "\n\nThe Canonical String for this request should have been\n'" + canonical + "'\n\nThe String-to-Sign should have been\n'AWS4'\n"),
		"in one line":       said("token " + testToken + " key " + testAPIKey + " secret " + testSecret),
		"no JSON":           "token " + testToken + " key " + testAPIKey,
		"other fields":      `{"message":"x","token":"` + testToken + `"}`,
	} {
		for _, status := range []int{200, 400, 403, 429, 500} {
			s := newServer(t, gatewayAnswer(status, "InvalidSignatureException", body))
			err := send(t, openOn(t, s.URL, nil), record(`{"a":1}`)).Err
			for _, canary := range []string{testToken, testAPIKey, testSecret} {
				if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
					if status == 200 && err == nil {
						continue // "other fields" is an object, and accepted
					}
					t.Errorf("%s, status %d: %s is in %v", name, status, canary, err)
				}
			}
			if name == "canonical request" && status == 403 && (!strings.Contains(err.Error(), "does not match") || strings.Contains(err.Error(), "Canonical")) {
				t.Errorf("want the first line and no more: %v", err)
			}
		}
	}
}

func TestTextOfAnAnswerIsTamed(t *testing.T) {
	s := newServer(t, gatewayAnswer(500, "", said("a\x1b[31mb\tc"+strings.Repeat("ü", 1000))))
	err := send(t, openOn(t, s.URL, nil), record("{}")).Err
	if strings.ContainsAny(err.Error(), "\x1b\t\n") || len(err.Error()) > 1000 {
		t.Errorf("got %d bytes: %q", len(err.Error()), err)
	}
}

func TestWaitThatTheGatewayAsksFor(t *testing.T) {
	for value, want := range map[string]time.Duration{"7": 7 * time.Second, "0": time.Second, "soon": time.Second, "-3": time.Second, "999999999": time.Hour} {
		s := newServer(t, func(w http.ResponseWriter, r seen, n int) {
			w.Header().Set("Retry-After", value)
			gatewayAnswer(429, "TooManyRequestsException", said("Too Many Requests"))(w, r, n)
		})
		if e := fault.From(send(t, openOn(t, s.URL, nil), record("{}")).Err); e == nil || e.RetryAfter != want {
			t.Errorf("Retry-After %q: got %v, want %v", value, e.RetryAfter, want)
		}
	}
}
