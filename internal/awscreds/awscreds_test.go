package awscreds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"sluice/internal/fault"
)

// An stsServer answers each call with the next of its answers, the last one again and again.
type stsServer struct {
	*httptest.Server
	mu      sync.Mutex
	answers []http.HandlerFunc
	calls   []call
}

// A call is what the server saw.
type call struct {
	form  url.Values
	key   string // of the signature
	token string
}

func newSTS(t *testing.T, answers ...http.HandlerFunc) *stsServer {
	s := &stsServer{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		_, after, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		key, _, _ := strings.Cut(after, "/")
		s.mu.Lock()
		answer := s.answers[min(len(s.calls), len(s.answers)-1)]
		s.calls = append(s.calls, call{form, key, r.Header.Get("X-Amz-Security-Token")})
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *stsServer) seen() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]call(nil), s.calls...)
}

func grant(key string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn><AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>sk</SecretAccessKey><SessionToken>st</SessionToken><Expiration>%s</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>`, key, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}
}

func refuse(status int, code, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>1</RequestId></ErrorResponse>`, code, text)
	}
}

const testRole = "arn:aws:iam::123456789012:role/sluice"

func newAWS(t *testing.T, endpoint string, base aws.CredentialsProvider, c Config) *AWS {
	t.Helper()
	a, err := New(aws.Config{Region: "eu-west-1", Credentials: base, BaseEndpoint: aws.String(endpoint), HTTPClient: awshttp.NewBuildableClient()}, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func static(key string) aws.CredentialsProvider {
	return pinned(aws.Credentials{AccessKeyID: key, SecretAccessKey: "sk", SessionToken: "tok", Source: "test"})
}

func TestAssumesTheRoleAsConfigured(t *testing.T) {
	s := newSTS(t, grant("ROLEKEY"))
	a := newAWS(t, s.URL, static("BASEKEY"), Config{ARN: testRole, ExternalID: "ext", SessionName: "me", Duration: 2 * time.Hour})
	got, err := a.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.AccessKeyID != "ROLEKEY" || got.SessionToken != "st" || !got.CanExpire {
		t.Errorf("credentials = %q, token %q, expiring %v", got.AccessKeyID, got.SessionToken, got.CanExpire)
	}
	c := s.seen()[0]
	for name, want := range map[string]string{"Action": "AssumeRole", "RoleArn": testRole, "ExternalId": "ext", "RoleSessionName": "me", "DurationSeconds": "7200"} {
		if got := c.form.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if c.key != "BASEKEY" || c.token != "tok" {
		t.Errorf("signed with %q, token %q; want the base credentials", c.key, c.token)
	}
	fromConfig, err := a.Config().Credentials.Retrieve(t.Context())
	if err != nil || fromConfig.AccessKeyID != "ROLEKEY" {
		t.Errorf("the SDK's settings hold %q, %v; want the role's", fromConfig.AccessKeyID, err)
	}
}

func TestVerdictsOfSTS(t *testing.T) {
	html := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>no</html>")
		}
	}
	late := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		refuse(403, "SignatureDoesNotMatch", "Signature expired")(w, r)
	}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		class  fault.Class
		reason string
		says   string
	}{
		"trust policy":         {refuse(403, "AccessDenied", "not authorized to perform: sts:AssumeRole"), fault.Blocked, "role_denied", "SLUICE_ROLE_EXTERNAL_ID"},
		"base token expired":   {refuse(403, "ExpiredTokenException", "expired"), fault.Blocked, "expired_token", "AWS_*"},
		"unknown base key":     {refuse(403, "InvalidClientTokenId", "invalid"), fault.Blocked, "sts_refused", "AWS_*"},
		"wrong base secret":    {refuse(403, "SignatureDoesNotMatch", "no match"), fault.Blocked, "sts_refused", "AWS_*"},
		"clock an hour wrong":  {late, fault.Transient, "clock_skew", "clock"},
		"duration too long":    {refuse(400, "ValidationError", "exceeds the MaxSessionDuration"), fault.Blocked, "role_invalid", "SLUICE_ROLE_DURATION"},
		"region off":           {refuse(403, "RegionDisabledException", "not activated"), fault.Blocked, "sts_region_disabled", "SLUICE_ROLE_STS_REGION"},
		"throttled":            {refuse(400, "Throttling", "Rate exceeded"), fault.Throttled, "sts_throttled", "Rate exceeded"},
		"429 without a code":   {html(429), fault.Throttled, "sts_throttled", "429"},
		"out of order":         {refuse(503, "ServiceUnavailable", "later"), fault.Transient, "sts_unavailable", "later"},
		"refused without code": {html(403), fault.Blocked, "sts_refused", "AWS_*"},
		"proxy password":       {html(407), fault.Blocked, "sts_refused", "HTTPS_PROXY"},
		"page of a proxy":      {html(502), fault.Transient, "sts_unavailable", "502"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAWS(t, newSTS(t, tc.answer).URL, static("BASEKEY"), Config{ARN: testRole})
			_, err := a.Retrieve(t.Context())
			e := fault.From(err)
			if e == nil || e.Class != tc.class || e.Reason != tc.reason {
				t.Fatalf("got %v (%v %s), want %v %s", err, e.Class, e.Code(), tc.class, tc.reason)
			}
			if !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), testRole) {
				t.Errorf("text = %q, want %q and the role in it", err, tc.says)
			}
			if e.Ambiguous {
				t.Error("ambiguous, though no record was sent")
			}
		})
	}
}

func TestSTSThatCannotBeReachedIsTransient(t *testing.T) {
	s := newSTS(t, grant("X"))
	s.Close()
	a := newAWS(t, s.URL, static("BASEKEY"), Config{ARN: testRole})
	_, err := a.Retrieve(t.Context())
	if e := fault.From(err); e == nil || e.Class != fault.Transient || e.Reason != "sts_unavailable" {
		t.Errorf("got %v, want Transient sts_unavailable", err)
	}
}

func TestExpiredBaseIsRenewedOnceBeforeTheRoleIsGivenUp(t *testing.T) {
	s := newSTS(t, refuse(403, "ExpiredToken", "expired"), grant("ROLEKEY"))
	src := &script{life: time.Hour}
	a := newAWS(t, s.URL, aws.CredentialsProviderFunc(src.fetch), Config{ARN: testRole})
	got, err := a.Retrieve(t.Context())
	if err != nil || got.AccessKeyID != "ROLEKEY" {
		t.Fatalf("got %q, %v; want the role", got.AccessKeyID, err)
	}
	seen := s.seen()
	if len(seen) != 2 || seen[0].key != "KEY1" || seen[1].key != "KEY2" {
		t.Errorf("calls = %v, want one with KEY1 and one with KEY2", seen)
	}
}

func TestIdentity(t *testing.T) {
	s := newSTS(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/x</Arn><UserId>AID</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	})
	a := newAWS(t, s.URL, static("BASEKEY"), Config{})
	got, err := a.Identity(t.Context())
	if want := (Identity{"123456789012", "arn:aws:iam::123456789012:user/x"}); err != nil || got != want {
		t.Errorf("Identity() = %v, %v; want %v", got, err, want)
	}
}

// isolate hides this machine's settings of AWS from the test.
func isolate(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_CA_BUNDLE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent/config")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
}

func TestNoCredentialsSaysWhereItLooked(t *testing.T) {
	isolate(t)
	a, err := Load(t.Context(), Config{})
	if err != nil {
		t.Fatalf("Load fails for want of credentials: %v", err)
	}
	defer a.Close()
	_, err = a.Retrieve(t.Context())
	if e := fault.From(err); e == nil || e.Class != fault.Blocked || e.Reason != "no_credentials" {
		t.Fatalf("got %v, want Blocked no_credentials", err)
	}
	for _, want := range []string{"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER", "hop limit"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %q", want, err)
		}
	}
}

func TestLoadHonoursTheSDKsVariables(t *testing.T) {
	isolate(t)
	s := newSTS(t, grant("ROLEKEY"))
	t.Setenv("AWS_ACCESS_KEY_ID", "ENVKEY")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "sk")
	t.Setenv("AWS_REGION", "eu-central-1")
	t.Setenv("AWS_ENDPOINT_URL_STS", s.URL)
	a, err := Load(t.Context(), Config{ARN: testRole})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if got, err := a.Retrieve(t.Context()); err != nil || got.AccessKeyID != "ROLEKEY" {
		t.Errorf("got %q, %v; want the role from AWS_ENDPOINT_URL_STS", got.AccessKeyID, err)
	}
	if a.Region() != "eu-central-1" {
		t.Errorf("Region() = %q, want eu-central-1", a.Region())
	}
	if c := s.seen()[0]; c.key != "ENVKEY" {
		t.Errorf("signed with %q, want ENVKEY", c.key)
	}
}

func TestRoleWithoutARegionFailsAtOnce(t *testing.T) {
	isolate(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "ENVKEY")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "sk")
	if _, err := Load(t.Context(), Config{ARN: testRole}); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("got %v, want an error naming AWS_REGION", err)
	}
}

func TestContainerCredentialsAreFetchedAnewBeforeTheirCacheWould(t *testing.T) {
	isolate(t)
	var mu sync.Mutex
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		fmt.Fprintf(w, `{"AccessKeyId":"ECS%d","SecretAccessKey":"sk","Token":"t","Expiration":%q}`, n, time.Now().Add(6*time.Hour).UTC().Format(time.RFC3339))
		mu.Unlock()
	}))
	defer srv.Close()
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", srv.URL)
	a, err := Load(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	first, err := a.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := a.Refresh(t.Context(), first)
	if err != nil || second.AccessKeyID == first.AccessKeyID {
		t.Errorf("Refresh() = %q, %v; want another set than %q", second.AccessKeyID, err, first.AccessKeyID)
	}
}

func TestWireTellsWhatMayHaveArrived(t *testing.T) {
	a := newAWS(t, "http://127.0.0.1:1", static("K"), Config{})
	client := a.HTTPClient()
	get := func(address string, limit time.Duration) *fault.Error {
		ctx, w := Watch(t.Context())
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/?secret=canary", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			resp.Body.Close()
			return nil
		}
		return w.Fault("test", err)
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	reset := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }))
	defer reset.Close()
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer silent.Close()
	strange := httptest.NewUnstartedServer(nil)
	strange.Config.ErrorLog = log.New(io.Discard, "", 0)
	strange.StartTLS()
	defer strange.Close()
	for name, tc := range map[string]struct {
		address   string
		class     fault.Class
		reason    string
		ambiguous bool
	}{
		"refused":               {closed.URL, fault.Transient, "network", false},
		"reset":                 {reset.URL, fault.Transient, "network", true},
		"no answer":             {silent.URL, fault.Transient, "timeout", true},
		"certificate not known": {strange.URL, fault.Blocked, "tls_untrusted", false},
	} {
		limit := time.Minute
		if tc.reason == "timeout" {
			limit = time.Second
		}
		e := get(tc.address, limit)
		if e == nil || e.Class != tc.class || e.Reason != tc.reason || e.Ambiguous != tc.ambiguous {
			t.Errorf("%s: got %+v, want %v %s, ambiguous %v", name, e, tc.class, tc.reason, tc.ambiguous)
			continue
		}
		if strings.Contains(e.Error(), "canary") {
			t.Errorf("%s: the query is in the text: %v", name, e)
		}
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	var hits int
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { hits++ }))
	defer target.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv := httptest.NewServer(http.RedirectHandler(target.URL, status))
		a := newAWS(t, srv.URL, static("K"), Config{})
		resp, err := a.HTTPClient().Post(srv.URL, "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status || hits != 0 {
			t.Errorf("status = %d, requests at the target = %d; want %d and none", resp.StatusCode, hits, status)
		}
		srv.Close()
	}
}

func TestChainErrorsThatAreNoEnd(t *testing.T) {
	boom := errors.New("socket closed")
	a := newAWS(t, "http://127.0.0.1:1", aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, boom }), Config{})
	_, err := a.Retrieve(t.Context())
	if e := fault.From(err); e == nil || e.Class != fault.Transient || e.Reason != "credentials_unavailable" || !errors.Is(err, boom) {
		t.Errorf("got %v, want Transient credentials_unavailable with its cause", err)
	}
}

// STS explains a refused signature by repeating the request.
func TestNoSecretInAnError(t *testing.T) {
	const canary = "session-token-canary"
	refusal := refuse(403, "SignatureDoesNotMatch", "The signature does not match.\n\nThe Canonical String was\nx-amz-security-token:"+canary)
	a := newAWS(t, newSTS(t, refusal).URL, static("BASEKEY"), Config{ARN: testRole})
	_, err := a.Retrieve(t.Context())
	chain := newAWS(t, "http://127.0.0.1:1", aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("refused\n" + canary)
	}), Config{})
	_, chainErr := chain.Retrieve(t.Context())
	for name, err := range map[string]error{"role": err, "chain": chainErr} {
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: want an error without the token: %v", name, err)
		}
	}
	if !strings.Contains(err.Error(), "does not match") {
		t.Errorf("the first line is lost: %v", err)
	}
}
