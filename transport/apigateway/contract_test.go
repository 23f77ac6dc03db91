package apigateway_test

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"sluice/internal/awscreds"
	"sluice/internal/awslocal"
	gateway "sluice/internal/awslocal/apigateway"
	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/transport"
	"sluice/transport/apigateway"
	"sluice/transport/transporttest"
)

// A destination is a stand-in whose function keeps what it is given.
type destination struct {
	env  map[string]string
	mu   sync.Mutex
	recs []transport.Record
}

func newDestination(t *testing.T, o awslocal.Options) *destination {
	t.Helper()
	d := &destination{env: map[string]string{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.env["address"] = "http://" + l.Addr().String()
	o.BaseURL = d.env["address"]
	o.Records = gateway.Handler(d.keep).Lambda()
	o.Routes = append(o.Routes, gateway.Route{Method: "POST", Path: "/any/{name}", Integration: o.Records})
	s, err := awslocal.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for _, v := range s.Environment() {
		d.env[v.Name] = v.Value
	}
	return d
}

// keep is the function behind the gateway.
func (d *destination) keep(_ context.Context, ev gateway.ProxyEvent) (gateway.ProxyResponse, error) {
	r := transport.Record{Headers: map[string]string{}}
	if ev.Body != nil {
		r.Body = []byte(*ev.Body)
		if ev.IsBase64Encoded {
			r.Body, _ = base64.StdEncoding.DecodeString(*ev.Body)
		}
	}
	for name, value := range ev.Headers {
		value, err := url.PathUnescape(value)
		switch rest, ours := strings.CutPrefix(name, "X-Sluice-Header-"); {
		case err != nil && strings.HasPrefix(name, "X-Sluice-"):
			return gateway.ProxyResponse{StatusCode: 500}, nil
		case name == "X-Sluice-Record-Id":
			r.ID = value
		case name == "X-Sluice-Record-Key":
			r.Key = value
		case ours:
			r.Headers[strings.ToLower(rest)] = value
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.recs = append(d.recs, r)
	return gateway.ProxyResponse{StatusCode: 200, Body: `{"ok":true}`}, nil
}

func (d *destination) kept() []transport.Record {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]transport.Record(nil), d.recs...)
}

// open opens the driver with the role that may call the API.
func (d *destination) open(t *testing.T, change func(*apigateway.Config, *awscreds.Config, *aws.Config)) *apigateway.Transport {
	t.Helper()
	cfg := apigateway.Config{URL: d.env["SLUICE_APIGATEWAY_URL"], APIKey: secret.New(d.env["SLUICE_APIGATEWAY_API_KEY"]),
		ContentType: "application/json", Success: "object", MaxRecordBytes: 4 << 20, Timeout: 35 * time.Second}
	role := awscreds.Config{ARN: d.env["SLUICE_ROLE_ARN"], ExternalID: d.env["SLUICE_ROLE_EXTERNAL_ID"]}
	sdk := settings(d.env["address"], d.env["AWS_ACCESS_KEY_ID"], d.env["AWS_SECRET_ACCESS_KEY"])
	if change != nil {
		change(&cfg, &role, &sdk)
	}
	a, err := awscreds.New(sdk, role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	tr, err := apigateway.Open(cfg, a)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func settings(address, key, secret string) aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(address), HTTPClient: awshttp.NewBuildableClient(),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, nil
		})}
}

// at opens the driver on a server that is no gateway.
func at(t *testing.T, address string) transport.Transport {
	d := &destination{env: map[string]string{"SLUICE_APIGATEWAY_URL": address, "AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "secret"}}
	return d.open(t, nil)
}

func TestContract(t *testing.T) {
	for _, contentType := range []string{"application/json", "application/octet-stream"} {
		t.Run(contentType, func(t *testing.T) {
			transporttest.Run(t, transporttest.Harness{
				Open: func(t *testing.T) (transport.Transport, func() []transport.Record) {
					d := newDestination(t, awslocal.Options{})
					return d.open(t, func(c *apigateway.Config, _ *awscreds.Config, _ *aws.Config) { c.ContentType = contentType }), d.kept
				},
				Missing: func(t *testing.T) transport.Transport {
					return newDestination(t, awslocal.Options{}).open(t, func(c *apigateway.Config, _ *awscreds.Config, _ *aws.Config) { c.URL += "/nowhere" })
				},
				Unreachable: func(t *testing.T) transport.Transport {
					closed := httptest.NewServer(nil)
					closed.Close()
					return at(t, closed.URL)
				},
				Silent: func(t *testing.T) transport.Transport {
					silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						_, _ = io.Copy(io.Discard, r.Body)
						<-r.Context().Done()
					}))
					t.Cleanup(silent.Close)
					return at(t, silent.URL)
				},
			})
		})
	}
}

// The stand-in verifies signatures by code of its own. A path with an escape shows that it is escaped twice, and a query
// that it is sorted.
func TestSignatureOfPathsAndQueries(t *testing.T) {
	d := newDestination(t, awslocal.Options{})
	base := strings.TrimSuffix(d.env["SLUICE_APIGATEWAY_URL"], "/records")
	for _, path := range []string{"/records?b=2&a=1&a=0", "/any/a%20b", "/any/%C3%BC%2F%25?q=%20%2B~", "/any/a+b=c:d@e"} {
		tr := d.open(t, func(c *apigateway.Config, _ *awscreds.Config, _ *aws.Config) { c.URL = base + path })
		r := transporttest.Records(1)[0]
		r.Headers = map[string]string{"wide": "a  b", "percent": "%41"}
		if err := tr.Send(t.Context(), []transport.Record{r})[0].Err; err != nil {
			t.Errorf("%s: %v", path, err)
		}
		_ = tr.Close()
	}
	for _, r := range d.kept() {
		if r.Headers["wide"] != "a  b" || r.Headers["percent"] != "%41" {
			t.Errorf("headers arrived as %q", r.Headers)
		}
	}
}

func TestRefusalsOfTheStandIn(t *testing.T) {
	d := newDestination(t, awslocal.Options{})
	quota := newDestination(t, awslocal.Options{Quota: gateway.Quota{Limit: 1, Period: "DAY"}})
	for name, tc := range map[string]struct {
		d      *destination
		change func(*apigateway.Config, *awscreds.Config, *aws.Config)
		class  fault.Class
		reason string
	}{
		"wrong API key":     {d, func(c *apigateway.Config, _ *awscreds.Config, _ *aws.Config) { c.APIKey = secret.New("wrong") }, fault.Blocked, "api_key_refused"},
		"no API key":        {d, func(c *apigateway.Config, _ *awscreds.Config, _ *aws.Config) { c.APIKey = secret.Value{} }, fault.Blocked, "api_key_refused"},
		"without the role":  {d, func(_ *apigateway.Config, r *awscreds.Config, _ *aws.Config) { *r = awscreds.Config{} }, fault.Blocked, "access_denied"},
		"wrong external id": {d, func(_ *apigateway.Config, r *awscreds.Config, _ *aws.Config) { r.ExternalID = "wrong" }, fault.Blocked, "role_denied"},
		"wrong path":        {d, func(c *apigateway.Config, _ *awscreds.Config, _ *aws.Config) { c.URL += "x" }, fault.Blocked, "wrong_path"},
		"wrong region":      {d, func(c *apigateway.Config, _ *awscreds.Config, _ *aws.Config) { c.Region = "eu-west-1" }, fault.Blocked, "bad_signature"},
		"wrong secret": {d, func(_ *apigateway.Config, r *awscreds.Config, sdk *aws.Config) {
			*r = awscreds.Config{}
			*sdk = settings(d.env["address"], d.env["AWS_ACCESS_KEY_ID"], "wrong")
		}, fault.Blocked, "bad_signature"},
		"refused by the model": {d, func(c *apigateway.Config, _ *awscreds.Config, _ *aws.Config) {
			c.URL = strings.Replace(c.URL, "/records", "/seed", 1)
		}, fault.Rejected, "invalid_body"},
		"quota used up": {quota, nil, fault.Throttled, "quota_exhausted"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := tc.d.open(t, tc.change)
			defer tr.Close()
			res := tr.Send(t.Context(), transporttest.Records(1))[0]
			if tc.reason == "quota_exhausted" {
				res = tr.Send(t.Context(), transporttest.Records(1))[0]
			}
			if e := fault.From(res.Err); e == nil || e.Class != tc.class || e.Reason != tc.reason {
				t.Errorf("got %v, want %v %s", res.Err, tc.class, tc.reason)
			}
		})
	}
}
