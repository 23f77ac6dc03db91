package apigateway

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"sluice/internal/awscreds"
	"sluice/internal/fault"
	"sluice/internal/secret"
)

func TestValidateReportsEverything(t *testing.T) {
	good := func(change func(*Config)) Config {
		c := config("https://abc.execute-api.eu-west-1.amazonaws.com/v1/records")
		change(&c)
		return c
	}
	for name, tc := range map[string]struct {
		cfg  Config
		want []string
	}{
		"nothing set":       {Config{}, []string{"URL is not set", "CONTENT_TYPE is", "SUCCESS is", "MAX_RECORD_BYTES is", "TIMEOUT is"}},
		"no address":        {good(func(c *Config) { c.URL = "abc" }), []string{"URL is not an address"}},
		"http elsewhere":    {good(func(c *Config) { c.URL = "http://example.com/v1" }), []string{"use https"}},
		"user":              {good(func(c *Config) { c.URL = "https://u:secret-canary@h/v1" }), []string{"URL has a user"}},
		"query":             {good(func(c *Config) { c.URL = "https://h/v1?a=secret-canary;b" }), []string{"URL has a query"}},
		"region":            {good(func(c *Config) { c.Region = "Ireland" }), []string{"REGION is"}},
		"API key":           {good(func(c *Config) { c.APIKey = secret.New("secret-canary\n") }), []string{"API_KEY has"}},
		"host":              {good(func(c *Config) { c.Host = "a/b" }), []string{"HOST is"}},
		"content type":      {good(func(c *Config) { c.ContentType = "json\r\nX: 1" }), []string{"CONTENT_TYPE is"}},
		"too large":         {good(func(c *Config) { c.MaxRecordBytes = 10<<20 + 1 }), []string{"MAX_RECORD_BYTES is"}},
		"good":              {good(func(*Config) {}), nil},
		"good on loopback":  {good(func(c *Config) { c.URL = "http://127.0.0.1:4599/v1" }), nil},
		"good on loopback6": {good(func(c *Config) { c.URL = "http://[::1]:4599/v1" }), nil},
		"good on localhost": {good(func(c *Config) { c.URL = "http://localhost:4599/v1" }), nil},
		"good private":      {good(func(c *Config) { c.Host = "abc.execute-api.eu-west-1.amazonaws.com" }), nil},
	} {
		err := tc.cfg.Validate()
		if (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want errors: %v", name, err, tc.want)
			continue
		}
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-canary") {
				t.Errorf("%s: want %q and no secret in: %v", name, want, err)
			}
		}
	}
}

func TestRegionToSignFor(t *testing.T) {
	for _, tc := range []struct{ url, host, region, want string }{
		{"https://abc.execute-api.eu-north-1.amazonaws.com/v1", "", "", "eu-north-1"},
		{"https://abc.execute-api.cn-north-1.amazonaws.com.cn/v1", "", "", "cn-north-1"},
		{"https://abc.execute-api.eu-north-1.api.aws/v1", "", "", "eu-north-1"},
		{"https://vpce-1-2.execute-api.eu-north-1.vpce.amazonaws.com/v1", "", "", "eu-north-1"},
		{"https://api.example.com/v1", "", "", "fallback"},
		{"https://api.example.com/v1", "abc.execute-api.eu-north-1.amazonaws.com", "", "eu-north-1"},
		{"https://abc.execute-api.eu-north-1.amazonaws.com/v1", "", "us-west-2", "us-west-2"},
	} {
		u, err := url.Parse(tc.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Config{Host: tc.host, Region: tc.region}).region(u, "fallback"); got != tc.want {
			t.Errorf("%s, host %q, region %q: %q, want %q", tc.url, tc.host, tc.region, got, tc.want)
		}
	}
}

// A custom domain does not say its region, and without one nothing can be signed: that is known at the start.
func TestOpenFailsWithoutARegion(t *testing.T) {
	a, err := awscreds.New(aws.Config{Credentials: numbered(), HTTPClient: awshttp.NewBuildableClient()}, awscreds.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	tr, err := Open(config("https://api.example.com/v1"), a)
	if err == nil {
		_ = tr.Close()
		t.Fatal("opened without a region")
	}
	for _, want := range []string{"SLUICE_APIGATEWAY_REGION", "AWS_REGION"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in: %v", want, err)
		}
	}
	if tr, err = Open(config("https://abc.execute-api.eu-west-1.amazonaws.com/v1"), a); err != nil {
		t.Fatalf("the region of the address is not enough: %v", err)
	}
	_ = tr.Close()
}

func TestCheckConnectsAndSendsNothing(t *testing.T) {
	s := newServer(t, taken)
	if err := openOn(t, s.URL, nil).Check(t.Context()); err != nil {
		t.Errorf("Check of a server that listens: %v", err)
	}
	if len(s.seen()) != 0 {
		t.Error("Check made a request")
	}
	s.Close()
	if e := fault.From(openOn(t, s.URL, nil).Check(t.Context())); e == nil || e.Class != fault.Transient || e.Reason != "network" {
		t.Errorf("Check of a closed port: %+v, want Transient network", e)
	}
	strange := httptest.NewUnstartedServer(nil)
	strange.Config.ErrorLog = log.New(io.Discard, "", 0)
	strange.StartTLS()
	defer strange.Close()
	if e := fault.From(openOn(t, strange.URL, nil).Check(t.Context())); e == nil || e.Class != fault.Blocked || e.Reason != "tls_untrusted" {
		t.Errorf("Check of an unknown certificate: %+v, want Blocked tls_untrusted", e)
	}
}

func TestWithoutCredentialsNothingIsSent(t *testing.T) {
	s := newServer(t, taken)
	none := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("none") })
	tr, err := Open(config(s.URL), identity(t, none))
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	for name, err := range map[string]error{"Check": tr.Check(t.Context()), "Send": send(t, tr, record("{}")).Err} {
		if e := fault.From(err); e == nil || e.Reason != "credentials_unavailable" || e.Ambiguous {
			t.Errorf("%s: %+v, want credentials_unavailable, not ambiguous", name, e)
		}
	}
	if len(s.seen()) != 0 {
		t.Error("an unsigned request was sent")
	}
}
