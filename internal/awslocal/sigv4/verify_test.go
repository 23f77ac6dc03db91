package sigv4

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"
)

const account = "000000000000"

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newVerifier() (*Verifier, Credentials, Credentials) {
	keys := NewKeys(account)
	user := keys.AddUser("sluice")
	session := keys.AddSession(Identity{ARN: "arn:aws:sts::000000000000:assumed-role/writer/one", UserID: "LROA:one", Account: account}, now.Add(time.Hour), 400)
	return &Verifier{Keys: keys, Region: "us-east-1", Now: func() time.Time { return now }}, user, session
}

// signSDK signs req with the SDK's signer, which shares no code with the verifier.
func signSDK(req *http.Request, body []byte, c Credentials, service, region string, at time.Time) error {
	creds := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
	return v4.NewSigner().SignHTTP(context.Background(), creds, req, hashOf(string(body)), service, region, at)
}

// overWire returns req as a server reads it from a connection.
func overWire(req *http.Request) (*http.Request, []byte, error) {
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		return nil, nil, err
	}
	r, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(r.Body)
	return r, body, err
}

// TestAgreesWithSDK signs requests of every odd shape with the SDK and expects each to be accepted as it comes off the
// wire, and refused when the secret was another one.
func TestAgreesWithSDK(t *testing.T) {
	v, user, session := newVerifier()
	rapid.Check(t, func(t *rapid.T) {
		creds := rapid.SampledFrom([]Credentials{user, session}).Draw(t, "credentials")
		body := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "body")
		req := drawRequest(t, body)
		if err := signSDK(req, body, creds, "execute-api", "us-east-1", now); err != nil {
			t.Fatalf("sign: %v", err)
		}
		r, received, err := overWire(req)
		if err != nil {
			t.Skipf("not a request: %v", err)
		}
		id, err := v.Verify(r, received, "execute-api")
		if err != nil {
			t.Fatalf("refused %s %s: %v\n%+v", r.Method, r.RequestURI, err, err)
		}
		if id.AccessKeyID != creds.AccessKeyID {
			t.Fatalf("caller has key %s, want %s", id.AccessKeyID, creds.AccessKeyID)
		}
		creds.SecretAccessKey += "x"
		req.Body = io.NopCloser(bytes.NewReader(body))
		if err := signSDK(req, body, creds, "execute-api", "us-east-1", now); err != nil {
			t.Fatalf("sign: %v", err)
		}
		if r, received, err = overWire(req); err != nil {
			t.Fatalf("send: %v", err)
		}
		if _, err := v.Verify(r, received, "execute-api"); reason(err) != SignatureDiffers {
			t.Fatalf("wrong secret: got %v, want the signature refused", err)
		}
	})
}

func drawRequest(t *rapid.T, body []byte) *http.Request {
	segment := rapid.OneOf(
		rapid.SampledFrom([]string{"", ".", "..", "a b", "ä€😀", "100%", "%2F", "a+b", "a;b=c", "a:b@c", "~-_.", "*!'()", "a|b", "\u00a0"}),
		rapid.String())
	path := "/v1/" + strings.Join(rapid.SliceOfN(segment, 0, 4).Draw(t, "path"), "/")
	query := url.Values{}
	for range rapid.IntRange(0, 5).Draw(t, "query parameters") {
		name := rapid.OneOf(rapid.SampledFrom([]string{"a", "A", "é", "a-b", "a/b", "z"}), rapid.String()).Draw(t, "name")
		if strings.HasPrefix(strings.ToLower(name), "x-amz-") {
			continue
		}
		query.Add(name, rapid.OneOf(rapid.SampledFrom([]string{"", "a/b", "a-b", "a b", "+", "=&?#", "%"}), rapid.String()).Draw(t, "value"))
	}
	u := url.URL{Scheme: "http", Host: rapid.SampledFrom([]string{"127.0.0.1:4599", "localhost", "[::1]:80"}).Draw(t, "host"), Path: path, RawQuery: query.Encode()}
	req := &http.Request{
		Method: rapid.SampledFrom([]string{"GET", "POST", "PUT", "DELETE", "PATCH"}).Draw(t, "method"),
		URL:    &u, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	for range rapid.IntRange(0, 4).Draw(t, "headers") {
		name := rapid.SampledFrom([]string{"Content-Type", "X-Sluice-Record-Id", "X-Amz-Meta-Odd", "X-Api-Key", "My_Header.1", "Cache-Control"}).Draw(t, "header")
		req.Header.Add(name, rapid.StringMatching(`[ -~äß€]{0,20}`).Draw(t, "header value"))
	}
	return req
}

func reason(err error) Reason {
	if e, ok := err.(*Error); ok {
		return e.Reason
	}
	return 0
}

// alterations change one thing that a signature covers. None may be let through.
var alterations = []struct {
	name string
	edit func(r *http.Request, body *[]byte)
	want Reason
}{
	{"method", func(r *http.Request, _ *[]byte) { r.Method = "PUT" }, SignatureDiffers},
	{"path", func(r *http.Request, _ *[]byte) { r.RequestURI = strings.Replace(r.RequestURI, "records", "record", 1) }, SignatureDiffers},
	{"path with another escape", func(r *http.Request, _ *[]byte) { r.RequestURI = strings.Replace(r.RequestURI, "%20", "%2520", 1) }, SignatureDiffers},
	{"dot segment that leads elsewhere", func(r *http.Request, _ *[]byte) {
		r.RequestURI = strings.Replace(r.RequestURI, "/v1/", "/v1/../", 1)
	}, SignatureDiffers},
	{"query value", func(r *http.Request, _ *[]byte) { r.RequestURI = strings.Replace(r.RequestURI, "a=1", "a=3", 1) }, SignatureDiffers},
	{"query parameter more", func(r *http.Request, _ *[]byte) { r.RequestURI += "&z=1" }, SignatureDiffers},
	{"query parameter less", func(r *http.Request, _ *[]byte) { r.RequestURI = strings.Replace(r.RequestURI, "a=1&", "", 1) }, SignatureDiffers},
	{"body", func(_ *http.Request, b *[]byte) { (*b)[0]++ }, SignatureDiffers},
	{"empty body", func(_ *http.Request, b *[]byte) { *b = nil }, SignatureDiffers},
	{"host", func(r *http.Request, _ *[]byte) { r.Host = "localhost:4599" }, SignatureDiffers},
	{"content type", func(r *http.Request, _ *[]byte) { r.Header.Set("Content-Type", "text/plain") }, SignatureDiffers},
	{"content type gone", func(r *http.Request, _ *[]byte) { r.Header.Del("Content-Type") }, SignatureDiffers},
	{"empty header gone", func(r *http.Request, _ *[]byte) { r.Header.Del("X-Empty") }, SignatureDiffers},
	{"length", func(r *http.Request, _ *[]byte) { r.Header.Set("Content-Length", "7") }, SignatureDiffers},
	{"record id", func(r *http.Request, _ *[]byte) { r.Header.Set("X-Sluice-Record-Id", "other") }, SignatureDiffers},
	{"second record id", func(r *http.Request, _ *[]byte) { r.Header.Add("X-Sluice-Record-Id", "other") }, SignatureDiffers},
	{"time", func(r *http.Request, _ *[]byte) { r.Header.Set("X-Amz-Date", "20261122T120001Z") }, SignatureDiffers},
	{"time too early", func(r *http.Request, _ *[]byte) { r.Header.Set("X-Amz-Date", "20261122T115459Z") }, OutsideWindow},
	{"time too late", func(r *http.Request, _ *[]byte) { r.Header.Set("X-Amz-Date", "20261122T120501Z") }, OutsideWindow},
	{"day", func(r *http.Request, _ *[]byte) { r.Header.Set("X-Amz-Date", "20261121T120000Z") }, WrongScope},
	{"no time", func(r *http.Request, _ *[]byte) { r.Header.Del("X-Amz-Date") }, Incomplete},
	{"two times", func(r *http.Request, _ *[]byte) { r.Header.Add("X-Amz-Date", "20261122T120000Z") }, Incomplete},
	{"token", func(r *http.Request, _ *[]byte) { flip(r, "X-Amz-Security-Token", 9) }, InvalidToken},
	{"token gone", func(r *http.Request, _ *[]byte) { r.Header.Del("X-Amz-Security-Token") }, InvalidToken},
	{"second token", func(r *http.Request, _ *[]byte) { r.Header.Add("X-Amz-Security-Token", "x") }, InvalidToken},
	{"x-amz header not signed", func(r *http.Request, _ *[]byte) { r.Header.Set("X-Amz-Extra", "1") }, UnsignedHeader},
	{"hash of another body", func(r *http.Request, _ *[]byte) { r.Header.Set("X-Amz-Content-Sha256", hashOf("x")) }, UnsignedHeader},
	{"date of the scope", auth("/20261122/", "/20261121/"), WrongScope},
	{"region of the scope", auth("/us-east-1/", "/eu-west-1/"), WrongScope},
	{"service of the scope", auth("/execute-api/", "/apigateway/"), WrongScope},
	{"end of the scope", auth("/aws4_request", "/aws5_request"), WrongScope},
	{"access key nobody issued", auth("Credential=LSIA", "Credential=LSIB"), UnknownKey},
	{"access key of a real account", auth("Credential=LSIA", "Credential=ASIA"), UnknownKey},
	{"signed headers without host", auth("host;", ""), UnsignedHeader},
	{"signed headers without time", auth("x-amz-date;", ""), UnsignedHeader},
	{"signed headers without record id", auth(";x-sluice-record-id", ""), SignatureDiffers},
	{"last byte of the signature", func(r *http.Request, _ *[]byte) { flip(r, "Authorization", -1) }, SignatureDiffers},
	{"signature cut short", func(r *http.Request, _ *[]byte) {
		a := r.Header.Get("Authorization")
		r.Header.Set("Authorization", a[:len(a)-1])
	}, SignatureDiffers},
	{"no signature", auth(", Signature=", ", Sign="), Incomplete},
	{"two signatures", auth(", Signature=", ", Signature=0, Signature="), Incomplete},
	{"another algorithm", auth("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"), Incomplete},
	{"bearer token", func(r *http.Request, _ *[]byte) { r.Header.Set("Authorization", "Bearer abc") }, Incomplete},
	{"nothing signed", func(r *http.Request, _ *[]byte) { r.Header.Del("Authorization") }, MissingToken},
	{"two Authorization headers", func(r *http.Request, _ *[]byte) { r.Header.Add("Authorization", "x") }, Incomplete},
	{"presigned query", func(r *http.Request, _ *[]byte) { r.RequestURI += "&X-Amz-Signature=00" }, Presigned},
}

func auth(old, new string) func(*http.Request, *[]byte) {
	return func(r *http.Request, _ *[]byte) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
	}
}

// flip changes one character of a header, at counted from the end if negative.
func flip(r *http.Request, name string, at int) {
	b := []byte(r.Header.Get(name))
	if at < 0 {
		at += len(b)
	}
	if b[at]++; !strings.ContainsRune("0123456789abcdef", rune(b[at])) {
		b[at] = 'a'
	}
	r.Header.Set(name, string(b))
}

// signedByRole is a request of a session that touches everything a signature covers.
func signedByRole(t *testing.T, edit func(*http.Request)) (*Verifier, *http.Request, []byte) {
	t.Helper()
	v, _, session := newVerifier()
	body := []byte(`{"n":1}` + "\n")
	req, err := http.NewRequest("POST", "http://127.0.0.1:4599/v1/my%20records?a=1&b=2", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Sluice-Record-Id", "r-1")
	req.Header.Set("X-Empty", "")
	if edit != nil {
		edit(req)
	}
	if err := signSDK(req, body, session, "execute-api", "us-east-1", now); err != nil {
		t.Fatal(err)
	}
	r, received, err := overWire(req)
	if err != nil {
		t.Fatal(err)
	}
	return v, r, received
}

func TestRefusesEveryAlteration(t *testing.T) {
	for _, a := range alterations {
		t.Run(a.name, func(t *testing.T) {
			v, r, body := signedByRole(t, nil)
			if _, err := v.Verify(r, body, "execute-api"); err != nil {
				t.Fatalf("refused before the alteration: %v", err)
			}
			a.edit(r, &body)
			id, err := v.Verify(r, body, "execute-api")
			if got := reason(err); got != a.want {
				t.Errorf("got caller %v, reason %d (%v); want reason %d", id, got, err, a.want)
			}
		})
	}
}

func TestRefusesUnsignedOrMisstatedPayload(t *testing.T) {
	for claim, want := range map[string]Reason{
		"UNSIGNED-PAYLOAD":                   UnsignedPayload,
		"STREAMING-AWS4-HMAC-SHA256-PAYLOAD": UnsignedPayload,
		hashOf("another body"):               SignatureDiffers,
		hashOf(`{"n":1}` + "\n"):             0,
	} {
		v, r, body := signedByRole(t, func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", claim) })
		if _, err := v.Verify(r, body, "execute-api"); reason(err) != want {
			t.Errorf("X-Amz-Content-Sha256 %q: got %v, want reason %d", claim, err, want)
		}
		if _, err := v.Verify(r, append(body, ' '), "execute-api"); err == nil {
			t.Errorf("X-Amz-Content-Sha256 %q: accepted with a body changed on the way", claim)
		}
	}
}

func TestPathIsEscapedTwice(t *testing.T) {
	for path, want := range map[string][]string{
		"/":              {"/"},
		"/v1/a%20b":      {"/v1/a%2520b"},
		"/v1/%C3%A4":     {"/v1/%25C3%25A4"},
		"/v1/a%2Fb":      {"/v1/a%252Fb"},
		"/v1/100%25":     {"/v1/100%2525"},
		"/v1/a+b~c":      {"/v1/a%2Bb~c"},
		"/v1//x/../y/.":  {"/v1//x/../y/.", "/v1/y"},
		"/v1/x/../../..": {"/v1/x/../../..", "/"},
		"/v1/./":         {"/v1/./", "/v1/"},
		"//":             {"//", "/"},
	} {
		if got := canonicalPaths(path, false); !slices.Equal(got, want) {
			t.Errorf("canonical forms of %s: got %q, want %q", path, got, want)
		}
	}
}

func TestSessionEnds(t *testing.T) {
	v, r, body := signedByRole(t, nil)
	id, err := v.Verify(r, body, "execute-api")
	if role, ok := id.AssumedRole(); err != nil || !ok || role != "writer" {
		t.Fatalf("got caller %v, error %v; want a session of the role writer", id, err)
	}
	keys := v.Keys
	short := keys.AddSession(Identity{ARN: "a"}, now, 100)
	req, _ := http.NewRequest("GET", "http://127.0.0.1/v1", nil)
	if err := signSDK(req, nil, short, "sts", "us-east-1", now); err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(req, nil, "sts")
	if e, ok := err.(*Error); !ok || e.Reason != ExpiredToken || e.Code != "ExpiredToken" || e.Status != 403 {
		t.Errorf("at the end of the session: got %v, want ExpiredToken", err)
	}
}

func TestSaysWhyARealKeyIsRefused(t *testing.T) {
	for id, want := range map[string]string{
		"AKIAIOSFODNN7EXAMPLE": "stand-in",
		"ASIAIOSFODNN7EXAMPLE": "stand-in",
		"LKIAIOSFODNN7EXAMPLE": "is invalid.",
	} {
		v, _, _ := newVerifier()
		req, _ := http.NewRequest("GET", "http://127.0.0.1/", nil)
		if err := signSDK(req, nil, Credentials{AccessKeyID: id, SecretAccessKey: "s"}, "sqs", "us-east-1", now); err != nil {
			t.Fatal(err)
		}
		_, err := v.Verify(req, nil, "sqs")
		if reason(err) != UnknownKey || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), id) {
			t.Errorf("key %s: got %v; want it unknown, the text to contain %q, and not to show the key", id, err, want)
		}
	}
}

func TestTableForgetsTheSessionThatExpiresFirst(t *testing.T) {
	keys := NewKeys(account)
	user := keys.AddUser("sluice")
	first := keys.AddSession(Identity{}, now, 0)
	if len(first.SessionToken) != MinTokenLength {
		t.Errorf("shortest token has %d characters, want %d", len(first.SessionToken), MinTokenLength)
	}
	second := keys.AddSession(Identity{}, now.Add(time.Second), 4096)
	if len(second.SessionToken) != 4096 {
		t.Errorf("token has %d characters, want the 4096 asked for", len(second.SessionToken))
	}
	for i := range maxSessions - 1 {
		keys.AddSession(Identity{}, now.Add(time.Hour+time.Duration(i)), 64)
	}
	if _, ok := keys.get(first.AccessKeyID); ok {
		t.Error("the session that expires first is still known in a full table")
	}
	for _, id := range []string{user.AccessKeyID, second.AccessKeyID} {
		if _, ok := keys.get(id); !ok || len(id) != 20 {
			t.Errorf("key %s is gone or has not 20 characters", id)
		}
	}
}

// FuzzVerify feeds whatever a client could send. Nobody who lacks the secret may get in, and nothing may panic.
func FuzzVerify(f *testing.F) {
	v, user, session := newVerifier()
	scope := func(id string) string { return id + "/20261122/us-east-1/sqs/aws4_request" }
	for _, c := range suite {
		start, _, _ := strings.Cut(c.request, "\n")
		method, target, _ := strings.Cut(start, " ")
		f.Add(method, target, fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=host;x-amz-date, Signature=%s", scope(user.AccessKeyID), c.signature), "20261122T120000Z", "", []byte(c.body))
	}
	f.Add("POST", "/%", "AWS4-HMAC-SHA256 Credential="+scope(session.AccessKeyID)+",SignedHeaders=,Signature=", "Sun, 22 Nov 2026 12:00:00 GMT", session.SessionToken, []byte("x"))
	f.Add("", "http://h?%zz&=&;+%2", "AWS4-HMAC-SHA256 =,,", "", "x", []byte(nil))
	f.Fuzz(func(t *testing.T, method, target, authorization, date, token string, body []byte) {
		r := &http.Request{Method: method, RequestURI: target, URL: &url.URL{}, Host: "localhost", Header: http.Header{}}
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Date", date)
		if token != "" {
			r.Header.Set("X-Amz-Security-Token", token)
		}
		if id, err := v.Verify(r, body, "sqs"); err == nil {
			t.Errorf("let in as %v without the secret", id)
		} else if reason(err) == 0 {
			t.Errorf("error without a reason: %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	v, user, _ := newVerifier()
	body := bytes.Repeat([]byte("x"), 1024)
	req, _ := http.NewRequest("POST", "http://127.0.0.1:4599/v1/records", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	if err := signSDK(req, body, user, "execute-api", "us-east-1", now); err != nil {
		b.Fatal(err)
	}
	r, body, err := overWire(req)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(r, body, "execute-api"); err != nil {
			b.Fatal(err)
		}
	}
}
