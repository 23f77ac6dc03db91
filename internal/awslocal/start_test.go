package awslocal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestMain(m *testing.M) {
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true") // no test looks beyond loopback
	os.Exit(m.Run())
}

// standin is a running server as its clients see it: an address and the variables it printed.
type standin struct {
	server *Server
	env    map[string]string
}

func start(t testing.TB, o Options) *standin {
	t.Helper()
	h := httptest.NewUnstartedServer(nil)
	o.BaseURL = "http://" + h.Listener.Addr().String()
	s, err := New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	h.Config.Handler = s
	h.Start()
	t.Cleanup(func() { s.sqs.Close(); h.Close(); s.Close() })
	env := map[string]string{}
	for _, v := range s.Environment() {
		env[v.Name] = v.Value
	}
	return &standin{s, env}
}

func (s *standin) url(path string) string { return s.server.options.BaseURL + path }

// user is the key in the environment; role is a fresh session of the role.
func (s *standin) user() aws.Credentials {
	return aws.Credentials{AccessKeyID: s.env["AWS_ACCESS_KEY_ID"], SecretAccessKey: s.env["AWS_SECRET_ACCESS_KEY"]}
}

// role does without the SDK, which takes the time from the machine and not from the server.
func (s *standin) role(t testing.TB) aws.Credentials {
	t.Helper()
	got := s.form(t, s.user(), "sts", url.Values{
		"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleSessionName": {"test"},
		"RoleArn": {s.env["SLUICE_ROLE_ARN"]}, "ExternalId": {s.env["SLUICE_ROLE_EXTERNAL_ID"]},
	})
	var out struct {
		Credentials struct {
			AccessKeyId, SecretAccessKey, SessionToken string
			Expiration                                 time.Time
		} `xml:"AssumeRoleResult>Credentials"`
	}
	if err := xml.Unmarshal([]byte(got.body), &out); got.status != 200 || err != nil {
		t.Fatalf("AssumeRole: %d %s", got.status, got.body)
	}
	c := out.Credentials
	return aws.Credentials{AccessKeyID: c.AccessKeyId, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken, CanExpire: true, Expires: c.Expiration}
}

// form sends a request of the query protocol.
func (s *standin) form(t testing.TB, c aws.Credentials, service string, form url.Values) result {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.url("/"), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatalf("make request: %v", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	s.sign(t, r, c, service, time.Time{})
	return send(t, r)
}

func (s *standin) config(t testing.TB, c aws.Credentials) aws.Config {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(s.env["AWS_REGION"]), config.WithRetryMaxAttempts(1),
		config.WithSharedConfigFiles(nil), config.WithSharedCredentialsFiles(nil),
		config.WithCredentialsProvider(credentials.StaticCredentialsProvider{Value: c}))
	if err != nil {
		t.Fatalf("load configuration: %v", err)
	}
	cfg.BaseEndpoint = aws.String(s.server.options.BaseURL)
	return cfg
}

func (s *standin) sts(t testing.TB, c aws.Credentials) *sts.Client {
	return sts.NewFromConfig(s.config(t, c))
}
func (s *standin) sqs(t testing.TB, c aws.Credentials) *sqs.Client {
	return sqs.NewFromConfig(s.config(t, c))
}

// request makes a request to the API with the API key and a JSON body, not signed yet.
func (s *standin) request(t testing.TB, path, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.url(path), strings.NewReader(body))
	if err != nil {
		t.Fatalf("make request: %v", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Api-Key", s.env["SLUICE_APIGATEWAY_API_KEY"])
	return r
}

// sign signs r for a service, at the server's own time unless at is set.
func (s *standin) sign(t testing.TB, r *http.Request, c aws.Credentials, service string, at time.Time) {
	t.Helper()
	if at.IsZero() {
		at = s.server.options.Now()
	}
	var body []byte
	if r.GetBody != nil {
		rc, err := r.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		if body, err = io.ReadAll(rc); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(context.Background(), c, r, hex.EncodeToString(sum[:]), service, s.env["AWS_REGION"], at); err != nil {
		t.Fatalf("sign: %v", err)
	}
}

type result struct {
	status int
	header http.Header
	body   string
}

func send(t testing.TB, r *http.Request) result {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("read answer: %v", err)
	}
	return result{res.StatusCode, res.Header, string(body)}
}

// post sends one signed request of the role's session to the API.
func (s *standin) post(t testing.TB, c aws.Credentials, path, body string) result {
	t.Helper()
	r := s.request(t, path, body)
	s.sign(t, r, c, "execute-api", time.Time{})
	return send(t, r)
}

// skip skips aloud, or fails where MUST_RUN names the test.
func skip(t *testing.T, why string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("MUST_RUN"), ","), t.Name()) {
		t.Fatalf("MUST_RUN names this test, but %s", why)
	}
	t.Skip("SKIPPED: " + why)
}

// clock is a time that a test sets.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }
