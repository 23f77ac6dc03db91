package apigateway

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/awslocal/sigv4"
)

var at = time.Date(2026, 11, 22, 12, 0, 0, 123_000_000, time.UTC) // a Sunday

// public makes an API of one public route.
func public(t *testing.T, o Options, r Route) *API {
	t.Helper()
	r.Public = true
	o.Verifier = &sigv4.Verifier{Keys: sigv4.NewKeys("123456789012"), Region: "us-east-1", Now: func() time.Time { return at }}
	o.Account, o.Region, o.ID, o.Routes = "123456789012", "us-east-1", "abcdefghij", []Route{r}
	if o.Now == nil {
		o.Now = func() time.Time { return at }
	}
	a, err := New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(a.Close)
	return a
}

func serve(a *API, r *http.Request, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeAPI(w, r, []byte(body))
	return w
}

// TestResponsesOfIntegrations: the shapes that the service takes, and those for which it answers 502.
// Source: responses observed on AWS 2024-11 with a function that returned each of them.
func TestResponsesOfIntegrations(t *testing.T) {
	const bad = `{"message": "Internal server error"}`
	for _, c := range []struct {
		name, response string
		status         int
		body           string
		headers        map[string]string
	}{
		{"all members", `{"isBase64Encoded": false, "statusCode": 201, "headers": {"X-A": "1"}, "multiValueHeaders": null, "body": "b"}`, 201, "b", map[string]string{"X-A": "1"}},
		{"nothing at all", `{}`, 200, "", map[string]string{"Content-Type": "application/json"}},
		{"no headers", `{"statusCode": 200, "headers": null, "body": null}`, 200, "", nil},
		{"status as a string of digits", `{"statusCode": "202"}`, 202, "", nil},
		{"header that is a boolean", `{"headers": {"X-A": true, "X-B": 7, "X-C": null}}`, 200, "", map[string]string{"X-A": "true", "X-B": "7", "X-C": ""}},
		{"content type of its own", `{"headers": {"content-type": "text/csv"}, "body": "a,b"}`, 200, "a,b", map[string]string{"Content-Type": "text/csv"}},
		{"same header twice", `{"headers": {"X-A": "last"}, "multiValueHeaders": {"X-A": ["1", "2"]}}`, 200, "", map[string]string{"X-A": "1,2,last"}},
		{"header of the gateway's own", `{"headers": {"Date": "x", "Transfer-Encoding": "chunked"}}`, 200, "", map[string]string{"X-Amzn-Remapped-Date": "x", "Transfer-Encoding": ""}},
		{"base64 that nobody asked for", `{"isBase64Encoded": true, "body": "eA=="}`, 200, "eA==", nil},
		{"unknown member", `{"statusCode": 200, "status": 200}`, 502, bad, nil},
		{"no object", `"hello"`, 502, bad, nil},
		{"null", `null`, 502, bad, nil},
		{"empty", ``, 502, bad, nil},
		{"cut off", `{"statusCode": 200`, 502, bad, nil},
		{"status that is no number", `{"statusCode": "ok"}`, 502, bad, nil},
		{"status out of range", `{"statusCode": 700}`, 502, bad, nil},
		{"multi value that is no list", `{"multiValueHeaders": {"X-A": "1"}}`, 502, bad, nil},
		{"header that is an object", `{"headers": {"X-A": {}}}`, 502, bad, nil},
		{"body that is an object", `{"body": {}}`, 502, bad, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := public(t, Options{}, Route{Method: "GET", Path: "/x", Integration: func(context.Context, []byte) ([]byte, error) { return []byte(c.response), nil }})
			w := serve(a, httptest.NewRequest("GET", "/v1/x", nil), "")
			if w.Code != c.status || w.Body.String() != c.body {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Body, c.status, c.body)
			}
			for name, want := range c.headers {
				if got := strings.Join(w.Header().Values(name), ","); got != want {
					t.Errorf("header %s: got %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestBinaryResponseNeedsAcceptAndABinaryMediaType(t *testing.T) {
	lambda := func(context.Context, []byte) ([]byte, error) {
		return []byte(`{"isBase64Encoded": true, "body": "/wA="}`), nil
	}
	for accept, want := range map[string]string{"image/png, text/html": "\xff\x00", "text/html, image/png": "/wA=", "": "/wA="} {
		a := public(t, Options{Binary: []string{"image/png"}}, Route{Method: "GET", Path: "/x", Integration: lambda})
		r := httptest.NewRequest("GET", "/v1/x", nil)
		r.Header.Set("Accept", accept)
		if got := serve(a, r, "").Body.String(); got != want {
			t.Errorf("Accept %q: got %q, want %q", accept, got, want)
		}
	}
	a := public(t, Options{Binary: []string{"*/*"}}, Route{Method: "GET", Path: "/x", Integration: lambda})
	if got := serve(a, httptest.NewRequest("GET", "/v1/x", nil), "").Body.String(); got != "\xff\x00" {
		t.Errorf("every type binary: got %q, want the bytes", got)
	}
}

// TestEvent compares a whole event: every member, nulls included. The shape is that of AWS's payload format 1.0.
func TestEvent(t *testing.T) {
	var event []byte
	key := APIKey{ID: "k1", Value: strings.Repeat("k", 20)}
	a := public(t, Options{Plans: []UsagePlan{{Keys: []APIKey{key}}}}, Route{Method: "POST", Path: "/items/{id}", NeedsKey: true,
		Integration: func(_ context.Context, ev []byte) ([]byte, error) { event = ev; return []byte(`{}`), nil }})
	r := httptest.NewRequest("POST", "http://127.0.0.1:4599/v1/items/a%20b?q=1&q=2&e=", nil)
	r.RequestURI = "/v1/items/a%20b?q=1&q=2&e="
	r.RemoteAddr = "127.0.0.9:1234"
	r.Header = http.Header{
		"Content-Type": {"application/json"}, "X-Api-Key": {key.Value}, "X-Two": {"a", "b"}, "User-Agent": {"test/1"}, "Content-Length": {"3"},
		"Authorization": {"AWS4-HMAC-SHA256 x"}, "Te": {"trailers"}, "X-Forwarded-For": {"10.0.0.1"}, "X-Amzn-Trace-Id": {"Root=1"},
		"X-Amzn-Requestid": {"c0ffee00-0000-4000-8000-00000000c0de"},
	}
	w := serve(a, r, `<&>`)
	if w.Code != 200 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if !strings.Contains(string(event), `"body":"<&>"`) {
		t.Errorf("the body is escaped more than JSON asks for: %s", event)
	}
	var got, want any
	if err := json.Unmarshal(event, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(wantEvent, "APIGWID", w.Header().Get("X-Amz-Apigw-Id"))), &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("event (-want +got):\n%s", d)
	}
}

const wantEvent = `{
  "resource": "/items/{id}", "path": "/items/a%20b", "httpMethod": "POST",
  "headers": {"Content-Type": "application/json", "Host": "127.0.0.1:4599", "User-Agent": "test/1", "X-Amzn-Requestid": "c0ffee00-0000-4000-8000-00000000c0de",
    "X-Amzn-Trace-Id": "Root=1", "X-Api-Key": "kkkkkkkkkkkkkkkkkkkk", "X-Forwarded-For": "10.0.0.1, 127.0.0.9", "X-Forwarded-Port": "4599", "X-Forwarded-Proto": "http", "X-Two": "b"},
  "multiValueHeaders": {"Content-Type": ["application/json"], "Host": ["127.0.0.1:4599"], "User-Agent": ["test/1"], "X-Amzn-Requestid": ["c0ffee00-0000-4000-8000-00000000c0de"],
    "X-Amzn-Trace-Id": ["Root=1"], "X-Api-Key": ["kkkkkkkkkkkkkkkkkkkk"], "X-Forwarded-For": ["10.0.0.1, 127.0.0.9"], "X-Forwarded-Port": ["4599"], "X-Forwarded-Proto": ["http"], "X-Two": ["a", "b"]},
  "queryStringParameters": {"q": "2", "e": ""}, "multiValueQueryStringParameters": {"q": ["1", "2"], "e": [""]},
  "pathParameters": {"id": "a b"}, "stageVariables": null,
  "requestContext": {
    "accountId": "123456789012", "apiId": "abcdefghij", "deploymentId": "standin", "domainName": "127.0.0.1", "domainPrefix": "127",
    "extendedRequestId": "APIGWID", "httpMethod": "POST",
    "identity": {"accessKey": null, "accountId": null, "apiKey": "kkkkkkkkkkkkkkkkkkkk", "apiKeyId": "k1", "caller": null, "cognitoAuthenticationProvider": null,
      "cognitoAuthenticationType": null, "cognitoIdentityId": null, "cognitoIdentityPoolId": null, "principalOrgId": null, "sourceIp": "127.0.0.9",
      "user": null, "userAgent": "test/1", "userArn": null},
    "path": "/v1/items/a%20b", "protocol": "HTTP/1.1", "requestId": "c0ffee00-0000-4000-8000-00000000c0de",
    "requestTime": "22/Nov/2026:12:00:00 +0000", "requestTimeEpoch": 1795348800123, "resourceId": "standin", "resourcePath": "/items/{id}", "stage": "v1"},
  "body": "<&>", "isBase64Encoded": false
}`

// TestEventWithoutAnything: empty maps and an absent body are null.
func TestEventWithoutAnything(t *testing.T) {
	var event map[string]any
	a := public(t, Options{}, Route{Method: "GET", Path: "/x", Integration: func(_ context.Context, ev []byte) ([]byte, error) {
		return []byte(`{}`), json.Unmarshal(ev, &event)
	}})
	serve(a, httptest.NewRequest("GET", "/v1/x", nil), "")
	for _, name := range []string{"queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables", "body"} {
		if got, ok := event[name]; !ok || got != nil {
			t.Errorf("%s: got %v, want null", name, got)
		}
	}
}

func TestBodiesInTheEvent(t *testing.T) {
	for _, c := range []struct {
		name, contentType, body, want string
		binary                        bool
	}{
		{"text", "application/json", "ä\u0000€", "ä\u0000€", false},
		{"not UTF-8", "application/json", "a\xff\xfeb", "a��b", false},
		{"binary", "application/octet-stream; x=1", "a\xffb", "Yf9i", true},
		{"binary in capitals", "Application/Octet-Stream", "a", "YQ==", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got ProxyEvent
			a := public(t, Options{Binary: []string{"application/octet-stream"}}, Route{Method: "POST", Path: "/x",
				Integration: Handler(func(_ context.Context, ev ProxyEvent) (ProxyResponse, error) {
					got = ev
					return ProxyResponse{StatusCode: 200}, nil
				}).Lambda()})
			r := httptest.NewRequest("POST", "/v1/x", nil)
			r.Header.Set("Content-Type", c.contentType)
			if w := serve(a, r, c.body); w.Code != 200 || got.Body == nil {
				t.Fatalf("got %d %s, body %v", w.Code, w.Body, got.Body)
			}
			if *got.Body != c.want || got.IsBase64Encoded != c.binary {
				t.Errorf("got %q, base64 %v; want %q, %v", *got.Body, got.IsBase64Encoded, c.want, c.binary)
			}
		})
	}
}

// TestTimeout runs in virtual time: 29 seconds, as the service has it, and the integration is let finish.
func TestTimeout(t *testing.T) {
	for took, want := range map[time.Duration]int{29*time.Second - 1: 200, 29*time.Second + 1: 504} {
		synctest.Test(t, func(t *testing.T) {
			finished := false
			a := public(t, Options{}, Route{Method: "GET", Path: "/x", Integration: func(context.Context, []byte) ([]byte, error) {
				time.Sleep(took)
				finished = true
				return []byte(`{}`), nil
			}})
			if w := serve(a, httptest.NewRequest("GET", "/v1/x", nil), ""); w.Code != want {
				t.Errorf("integration of %v: got %d, want %d", took, w.Code, want)
			}
			a.running.Wait()
			if !finished {
				t.Errorf("integration of %v was not let finish", took)
			}
		})
	}
}

func TestLargestEventAndResponse(t *testing.T) {
	response := `{"body": "` + strings.Repeat("x", maxLambda) + `"}`
	a := public(t, Options{}, Route{Method: "POST", Path: "/x", Integration: func(context.Context, []byte) ([]byte, error) { return []byte(response), nil }})
	if w := serve(a, httptest.NewRequest("POST", "/v1/x", nil), ""); w.Code != 502 {
		t.Errorf("response of over 6 MB: got %d, want 502", w.Code)
	}
	if w := serve(a, httptest.NewRequest("POST", "/v1/x", nil), strings.Repeat("\n", maxLambda/2)); w.Code != 413 {
		t.Errorf("body that is over 6 MB only as JSON: got %d, want 413", w.Code)
	}
}
