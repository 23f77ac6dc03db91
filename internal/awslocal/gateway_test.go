package awslocal

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"sluice/internal/awslocal/apigateway"
)

// anyRoute is a route that takes every path below /any and answers with nothing.
func anyRoute() []apigateway.Route {
	return []apigateway.Route{{Method: "ANY", Path: "/any/{proxy+}", Integration: says(`{}`)}}
}

// says is an integration that always gives the same answer.
func says(response string) apigateway.Lambda {
	return func(context.Context, []byte) ([]byte, error) { return []byte(response), nil }
}

const denied = `{"Message":"User: arn:aws:iam::000000000000:user/sluice is not authorized to perform: execute-api:Invoke on resource: ` +
	`arn:aws:execute-api:us-east-1:********0000:abcdefghij/v1/POST/records with an explicit deny in a resource-based policy"}`

// gatewayCase is one request that the gateway refuses. The request is good until edit, and is signed by the role after
// edit; tamper changes what is signed already.
type gatewayCase struct {
	name       string
	path, body string
	edit       func(r *http.Request)
	as         func(s *standin, role aws.Credentials) aws.Credentials // who signs; nil: the role
	service    string                                                 // empty: execute-api
	skew       time.Duration
	tamper     func(r *http.Request)

	status    int
	kind      string // x-amzn-ErrorType
	want      string // the whole body, or with an ellipsis at its end the beginning of it
	mediaType string // empty: application/json
}

var gatewayCases = []gatewayCase{
	{name: "no signature", tamper: func(r *http.Request) { r.Header.Del("Authorization") },
		status: 403, kind: "MissingAuthenticationTokenException", want: `{"message":"Missing Authentication Token"}`},
	{name: "unknown path", path: "/v1/nothing", status: 403, kind: "MissingAuthenticationTokenException", want: `{"message":"Missing Authentication Token"}`},
	{name: "unknown method", edit: func(r *http.Request) { r.Method = "PUT" },
		status: 403, kind: "MissingAuthenticationTokenException", want: `{"message":"Missing Authentication Token"}`},
	{name: "unknown path and a bearer token", path: "/v1/nothing", tamper: func(r *http.Request) { r.Header.Set("Authorization", "Bearer abc") },
		status: 403, kind: "IncompleteSignatureException", want: `{"message":"'Bearer abc' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer abc'."}`},
	{name: "bearer token", tamper: func(r *http.Request) { r.Header.Set("Authorization", "Bearer abc") },
		status: 403, kind: "IncompleteSignatureException", want: `{"message":"'Bearer abc' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer abc'."}`},
	{name: "wrong stage", path: "/prod/records", status: 403, kind: "ForbiddenException", want: `{"message":"Forbidden"}`},
	{name: "no stage", path: "/", status: 403, kind: "ForbiddenException", want: `{"message":"Forbidden"}`},
	{name: "wrong secret", as: func(_ *standin, c aws.Credentials) aws.Credentials { c.SecretAccessKey += "x"; return c },
		status: 403, kind: "InvalidSignatureException",
		want: `{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. ` +
			`Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'POST\n/v1/records\n\ncontent-length:2\n…`},
	{name: "body changed on the way", tamper: func(r *http.Request) { r.Body = http.NoBody; r.ContentLength = 0 },
		status: 403, kind: "InvalidSignatureException", want: `{"message":"The request signature we calculated does not match…`},
	{name: "signed for another service", service: "apigateway",
		status: 403, kind: "InvalidSignatureException", want: `{"message":"Credential should be scoped to correct service: 'execute-api'. "}`},
	{name: "signed for SQS", service: "sqs",
		status: 403, kind: "InvalidSignatureException", want: `{"message":"Credential should be scoped to correct service: 'execute-api'. "}`},
	{name: "clock slow", skew: -301 * time.Second,
		status: 403, kind: "InvalidSignatureException", want: `{"message":"Signature expired: 20261122T115459Z is now earlier than 20261122T115500Z (20261122T120000Z - 5 min.)"}`},
	{name: "clock fast", skew: 301 * time.Second,
		status: 403, kind: "InvalidSignatureException", want: `{"message":"Signature not yet current: 20261122T120501Z is still later than 20261122T120500Z (20261122T120000Z + 5 min.)"}`},
	{name: "unknown key", as: func(_ *standin, c aws.Credentials) aws.Credentials {
		c.AccessKeyID = "LSIAAAAAAAAAAAAAAAAA"
		return c
	},
		status: 403, kind: "UnrecognizedClientException", want: `{"message":"The security token included in the request is invalid."}`},
	{name: "key of a real account", as: func(_ *standin, c aws.Credentials) aws.Credentials {
		c.AccessKeyID = "AKIAIOSFODNN7EXAMPLE"
		return c
	},
		status: 403, kind: "UnrecognizedClientException", want: `{"message":"The security token included in the request is invalid. The access key begins with AKIA like a key of a real AWS account; this is a local stand-in…`},
	{name: "wrong token", as: func(_ *standin, c aws.Credentials) aws.Credentials { c.SessionToken = "x" + c.SessionToken; return c },
		status: 403, kind: "UnrecognizedClientException", want: `{"message":"The security token included in the request is invalid."}`},
	{name: "no token", as: func(_ *standin, c aws.Credentials) aws.Credentials { c.SessionToken = ""; return c },
		status: 403, kind: "UnrecognizedClientException", want: `{"message":"The security token included in the request is invalid."}`},
	{name: "user without the role", as: func(s *standin, _ aws.Credentials) aws.Credentials { return s.user() },
		status: 403, kind: "AccessDeniedException", want: denied},
	{name: "no API key", edit: func(r *http.Request) { r.Header.Del("X-Api-Key") }, status: 403, kind: "ForbiddenException", want: `{"message":"Forbidden"}`},
	{name: "wrong API key", edit: func(r *http.Request) { r.Header.Set("X-Api-Key", strings.Repeat("x", 40)) },
		status: 403, kind: "ForbiddenException", want: `{"message":"Forbidden"}`},
	{name: "body of the wrong type", path: "/v1/seed", body: `{"accountid": "1", "priority": 1}`,
		status: 400, kind: "BadRequestException", want: `{"message":"Invalid request body"}`},
	{name: "body without a required member", path: "/v1/seed", body: `{"accountid": "1"}`,
		status: 400, kind: "BadRequestException", want: `{"message":"Invalid request body"}`},
	{name: "body that is not JSON", path: "/v1/seed", body: `{"accountid": "1", "priority": "1"} x`,
		status: 400, kind: "BadRequestException", want: `{"message":"Invalid request body"}`},
	{name: "missing parameters", path: "/v1/asks?q1=%20", status: 400, kind: "BadRequestException", want: `{"message":"Missing required request parameters: [h1, q1]"}`},
	{name: "media type without template", path: "/v1/picky", edit: func(r *http.Request) { r.Header.Set("Content-Type", "text/csv") },
		status: 415, kind: "BadRequestException", want: `{"message":"Unsupported Media Type"}`},
	{name: "10 MB and a byte", body: strings.Repeat("x", 10<<20+1),
		status: 413, mediaType: "text/plain", want: "HTTP content length exceeded 10485760 bytes."},
	{name: "20 MB", body: strings.Repeat("x", 20<<20),
		status: 413, mediaType: "text/plain", want: "HTTP content length exceeded 10485760 bytes."},
	{name: "more than Lambda takes", body: strings.Repeat("x", 6<<20), status: 413, kind: "RequestTooLargeException", want: `{"message":"Request Too Long"}`},
	{name: "header values over 10,240 bytes", edit: func(r *http.Request) { r.Header.Set("X-Long", strings.Repeat("x", 10_000)) },
		status: 413, kind: "RequestTooLargeException", want: `{"message":"Request Too Long"}`},
	{name: "method ARN over 1,600 bytes", path: "/v1/any/" + strings.Repeat("x", 1600), status: 414, kind: "RequestTooLargeException", want: `{"message":"Request URI too long"}`},
	{name: "integration takes too long", path: "/v1/slow", status: 504, kind: "InternalServerErrorException", want: `{"message":"Endpoint request timed out"}`},
	{name: "integration panics", path: "/v1/panics", status: 502, kind: "InternalServerErrorException", want: `{"message": "Internal server error"}`},
	{name: "unknown member in the response", path: "/v1/unknown", status: 502, kind: "InternalServerErrorException", want: `{"message": "Internal server error"}`},
}

func TestGatewayRefusals(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := start(t, Options{APIID: "abcdefghij", Now: func() time.Time { return at }, Timeout: 300 * time.Millisecond, Routes: []apigateway.Route{
		{Method: "POST", Path: "/asks", Integration: says(`{}`), Headers: []string{"h1"}, Parameters: []string{"q1"}},
		{Method: "POST", Path: "/picky", Integration: says(`{}`), MediaTypes: []string{"application/json"}},
		{Method: "POST", Path: "/unknown", Integration: says(`{"status": 200}`)},
		{Method: "POST", Path: "/panics", Integration: func(context.Context, []byte) ([]byte, error) { panic("as functions do") }},
		{Method: "POST", Path: "/slow", Integration: func(ctx context.Context, _ []byte) ([]byte, error) { <-ctx.Done(); return nil, nil }},
		{Method: "POST", Path: "/any/{proxy+}", Integration: says(`{}`)},
	}})
	role := s.role(t)
	for _, c := range gatewayCases {
		t.Run(c.name, func(t *testing.T) {
			got := c.send(t, s, role)
			if got.status != c.status || got.header.Get("X-Amzn-Errortype") != c.kind {
				t.Errorf("got %d %q, want %d %q; body %s", got.status, got.header.Get("X-Amzn-Errortype"), c.status, c.kind, got.body)
			}
			if begin, ok := strings.CutSuffix(c.want, "…"); got.body != c.want && !(ok && strings.HasPrefix(got.body, begin)) {
				t.Errorf("got body\n%s\nwant\n%s", got.body, c.want)
			}
			if c.mediaType == "" {
				c.mediaType = "application/json"
			}
			if m := got.header.Get("Content-Type"); m != c.mediaType {
				t.Errorf("got Content-Type %s, want %s", m, c.mediaType)
			}
			if got.header.Get("X-Amzn-Requestid") == "" {
				t.Error("no x-amzn-RequestId")
			}
		})
	}
}

func (c gatewayCase) send(t *testing.T, s *standin, role aws.Credentials) result {
	path, body, service := "/v1/records", "{}", "execute-api"
	if c.path != "" {
		path = c.path
	}
	if c.body != "" {
		body = c.body
	}
	if c.service != "" {
		service = c.service
	}
	if c.as != nil {
		role = c.as(s, role)
	}
	r := s.request(t, path, body)
	if c.edit != nil {
		c.edit(r)
	}
	s.sign(t, r, role, service, s.server.options.Now().Add(c.skew))
	if c.tamper != nil {
		c.tamper(r)
	}
	return send(t, r)
}

func TestGoodRequestsPass(t *testing.T) {
	s := start(t, Options{})
	role := s.role(t)
	for name, c := range map[string]struct{ path, body string }{
		"any JSON":       {"/v1/records", `[1, 2]`},
		"not JSON":       {"/v1/records", "a,b\n"},
		"the seed":       {"/v1/seed", `{"accountid": "1", "priority": "high", "more": null}`},
		"trailing slash": {"/v1/records/", `{}`},
	} {
		if got := s.post(t, role, c.path, c.body); got.status != 200 || got.header.Get("X-Amz-Apigw-Id") == "" {
			t.Errorf("%s: got %d %s, want 200 and an x-amz-apigw-id", name, got.status, got.body)
		}
	}
	r := s.request(t, "/v1/records", "{}")
	const id = "c0ffee00-0000-4000-8000-00000000c0de"
	r.Header.Set("X-Amzn-Requestid", id)
	s.sign(t, r, role, "execute-api", time.Time{})
	if got := send(t, r).header.Get("X-Amzn-Requestid"); got != id {
		t.Errorf("request id: got %s, want the client's own %s", got, id)
	}
}

// TestSessionExpires: the key of a session is good until its end and not a second longer.
func TestSessionExpires(t *testing.T) {
	c := &clock{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	s := start(t, Options{Now: c.now})
	role := s.role(t)
	c.at = role.Expires.Add(-time.Second)
	if got := s.post(t, role, "/v1/records", "{}"); got.status != 200 {
		t.Errorf("a second before the end: got %d %s, want 200", got.status, got.body)
	}
	c.at = role.Expires
	got := s.post(t, role, "/v1/records", "{}")
	if want := `{"message":"The security token included in the request is expired"}`; got.status != 403 || got.body != want || got.header.Get("X-Amzn-Errortype") != "ExpiredTokenException" {
		t.Errorf("at the end: got %d %s %s, want 403 ExpiredTokenException %s", got.status, got.header.Get("X-Amzn-Errortype"), got.body, want)
	}
	if date := got.header.Get("Date"); date != c.at.Format(http.TimeFormat) {
		t.Errorf("Date is %s, want the server's own clock %s", date, c.at.Format(http.TimeFormat))
	}
}

// TestThrottleAndQuota: a request refused for its rate does not count, and the quota comes back with the next day.
func TestThrottleAndQuota(t *testing.T) {
	c := &clock{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	s := start(t, Options{Now: c.now, MaxSession: time.Hour, Throttle: apigateway.Throttle{Rate: 1, Burst: 2}, Quota: apigateway.Quota{Limit: 3, Period: "DAY"}})
	role := s.role(t)
	step := func(what string, after time.Duration, status int, kind, want string) {
		t.Helper()
		c.at = c.at.Add(after)
		got := s.post(t, role, "/v1/records", "{}")
		if got.status != status || got.header.Get("X-Amzn-Errortype") != kind || want != "" && got.body != want {
			t.Errorf("%s: got %d %s %s, want %d %s %s", what, got.status, got.header.Get("X-Amzn-Errortype"), got.body, status, kind, want)
		}
		if got.header.Get("Retry-After") != "" {
			t.Errorf("%s: there is a Retry-After, which the service does not send", what)
		}
	}
	step("first of the burst", 0, 200, "", "")
	step("second of the burst", 0, 200, "", "")
	step("over the burst", 0, 429, "TooManyRequestsException", `{"message":"Too Many Requests"}`)
	step("a second later", time.Second, 200, "", "")
	step("over the quota", 10*time.Second, 429, "LimitExceededException", `{"message":"Limit Exceeded"}`)
	c.at = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	role = s.role(t)
	step("next day", 0, 200, "", "")
}

func TestRecordSchemaOfTheUser(t *testing.T) {
	s := start(t, Options{RecordSchema: []byte(`{"type": "object", "properties": {"n": {"type": "integer", "minimum": 0, "exclusiveMinimum": true}}, "required": ["n"]}`)})
	role := s.role(t)
	for body, want := range map[string]int{`{"n": 1}`: 200, `{"n": 0}`: 400, `{}`: 400, ``: 400, `[`: 400, `{"n": 12345678901234567890123}`: 200} {
		if got := s.post(t, role, "/v1/records", body); got.status != want {
			t.Errorf("body %s: got %d %s, want %d", body, got.status, got.body, want)
		}
	}
}

// TestTimedOutIntegrationGoesOn: after 504 the record may be in the queue all the same.
func TestTimedOutIntegrationGoesOn(t *testing.T) {
	release, done := make(chan struct{}), make(chan struct{})
	s := start(t, Options{Timeout: 50 * time.Millisecond, Records: func(ctx context.Context, _ []byte) ([]byte, error) {
		defer close(done)
		<-release
		if ctx.Err() != nil {
			t.Errorf("the context of the integration has ended: %v", ctx.Err())
		}
		return []byte(`{}`), nil
	}})
	if got := s.post(t, s.role(t), "/v1/records", "{}"); got.status != 504 {
		t.Errorf("got %d %s, want 504", got.status, got.body)
	}
	close(release)
	<-done
}
