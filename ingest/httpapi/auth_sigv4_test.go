package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/awscreds"
	"sluice/internal/awslocal/sigv4"
	"sluice/internal/fault"
)

// signing makes a source whose requests are signed with what provide returns, for a server that verifies them with code of
// its own.
func signing(t *testing.T, provide func() sigv4.Credentials, h http.HandlerFunc, change func(*Config)) *Source {
	t.Helper()
	identity, err := awscreds.New(aws.Config{Region: "eu-west-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		c := provide()
		return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}, nil
	})}, awscreds.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, h, func(c *Config) {
		c.AWSService, c.AWS = "execute-api", identity
		if change != nil {
			change(c)
		}
	})
}

func TestSignedRequestsAreVerified(t *testing.T) {
	t.Parallel()
	keys := sigv4.NewKeys("123456789012")
	user := keys.AddUser("puller")
	verifier := &sigv4.Verifier{Keys: keys, Region: "eu-west-1"}
	headers, err := ParseHeaders("X-Own: a value\nX-Api-Key: canary-key")
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	s := signing(t, func() sigv4.Credentials { return user }, func(w http.ResponseWriter, r *http.Request) {
		if _, err := verifier.Verify(r, nil, "execute-api"); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		for _, name := range []string{"x-own", "x-api-key", "accept", "host"} {
			if !strings.Contains(r.Header.Get("Authorization"), name) {
				t.Errorf("the signature does not cover %s: %s", name, r.Header.Get("Authorization"))
			}
		}
		pages++
		fmt.Fprintf(w, `{"items":[%d],"next":"a b/+%d~"}`, pages, pages)
	}, func(c *Config) {
		c.URL = strings.Replace(c.URL, "/items", "/it%20em%2Fs/%C3%BC", 1) + "&q=%20%2B~&b=&a=2&a=1"
		c.Headers, c.Records, c.Pagination, c.CursorPath, c.CursorParam = headers, "items", paginationCursor, "next", "after"
	})
	b, err := s.Read(t.Context(), "")
	for range 2 {
		if err != nil {
			t.Fatal(err)
		}
		b, err = s.Read(t.Context(), b.Next)
	}
	if err != nil || pages != 3 {
		t.Errorf("%v after %d pages, want 3 pages", err, pages)
	}
}

func TestASignedRequestIsNotRedirected(t *testing.T) {
	t.Parallel()
	keys := sigv4.NewKeys("123456789012")
	user, requests := keys.AddUser("puller"), 0
	s := signing(t, func() sigv4.Credentials { return user }, func(w http.ResponseWriter, r *http.Request) {
		requests++
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}, nil)
	if f := fault.From(readErr(t, s)); f.Class != fault.Blocked || f.Code() != "unexpected_status" || requests != 1 {
		t.Errorf("%v (%v) after %d requests, want Blocked unexpected_status after one", f, f.Class, requests)
	}
}

func TestAnExpiredSessionIsRenewed(t *testing.T) {
	t.Parallel()
	keys := sigv4.NewKeys("123456789012")
	role := sigv4.Identity{ARN: "arn:aws:sts::123456789012:assumed-role/puller/x", Account: "123456789012"}
	var current atomic.Pointer[sigv4.Credentials]
	add := func() {
		c := keys.AddSession(role, time.Now().Add(time.Hour), 100)
		current.Store(&c)
	}
	add()
	verifier := &sigv4.Verifier{Keys: keys, Region: "eu-west-1"}
	s := signing(t, func() sigv4.Credentials { return *current.Load() }, func(w http.ResponseWriter, r *http.Request) {
		if _, err := verifier.Verify(r, nil, "execute-api"); err != nil {
			w.Header().Set("X-Amzn-Errortype", "ExpiredTokenException:http://internal.amazon.com/")
			http.Error(w, "refused "+r.Header.Get("X-Amz-Security-Token"), http.StatusForbidden)
			return
		}
		fmt.Fprint(w, `[1]`)
	}, nil)
	if _, err := s.Read(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	old := current.Load().SessionToken
	keys.ExpireSessions()
	add()
	f := fault.From(readErr(t, s))
	if f.Class != fault.Transient || f.Code() != "forbidden" || strings.Contains(f.Error(), old) {
		t.Errorf("%v (%v), want forbidden, passing, without the session token", f, f.Class)
	}
	if _, err := s.Read(t.Context(), ""); err != nil {
		t.Errorf("with newer credentials: %v", err)
	}
}

func TestASignatureGoesByTheClockOfTheSource(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{20 * time.Minute, -20 * time.Minute} {
		keys := sigv4.NewKeys("123456789012")
		user := keys.AddUser("puller")
		verifier := (&sigv4.Verifier{Keys: keys, Region: "eu-west-1"}).Ahead(ahead)
		s := signing(t, func() sigv4.Credentials { return user }, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			if _, err := verifier.Verify(r, nil, "execute-api"); err != nil {
				http.Error(w, err.Error(), http.StatusForbidden)
				return
			}
			fmt.Fprint(w, `[1]`)
		}, nil)
		if f := fault.From(readErr(t, s)); f.Class != fault.Transient {
			t.Errorf("by our clock: %v (%v), want passing", f, f.Class)
		}
		if _, err := s.Read(t.Context(), ""); err != nil {
			t.Errorf("by the clock of the source: %v", err)
		}
	}
}

// The signatures were computed with botocore 1.43, which is not the code that signs here, for the moment at which a bubble
// begins, and with the keys of AWS's published test suite.
func TestSignaturesAgreeWithBotocore(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v1":                     "23e592bab75142d14edfd3540bd0d0af14ef91b42f19d43485fec2d0066e239d",
		"/v1/a%20b":               "72628003e7cba904b157e9b2a8a1b380de43daf6d292f798fc7caab194a26352",
		"/v1/records?b=2&a=1&a=0": "591fb83d09c370af45714554d58cd8788f4d3a0fe0ec315bbfc129baea83c942",
		"/v1/records?q=%20%2B~":   "7e03a3b82b13a3adf431bc253bc299f4400c05e9aa3b8bf29c03a7774d674e51",
		"/v1/a%2Fb":               "4d90ce10006983d090bd7f9bc443bb58c174ba1a7e780c3921007e997fe27d16",
	} {
		synctest.Test(t, func(t *testing.T) {
			identity, err := awscreds.New(aws.Config{Region: "us-east-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", SessionToken: "token"}, nil
			})}, awscreds.Config{})
			if err != nil {
				t.Fatal(err)
			}
			c := Default()
			c.URL, c.AWSService, c.AWS = "https://abc.execute-api.us-east-1.amazonaws.com"+path, "execute-api", identity
			if err := c.Headers.Decode("X-Own: a  b"); err != nil {
				t.Fatal(err)
			}
			s := open(t, c)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.target(state{}).String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			s.dress(req, state{})
			if err := s.authorize(t.Context(), req, &pass{}); err != nil {
				t.Fatal(err)
			}
			if _, got, _ := strings.Cut(req.Header.Get("Authorization"), "Signature="); got != want {
				t.Errorf("%s: %s, want the signature %s", path, req.Header.Get("Authorization"), want)
			}
		})
	}
}
