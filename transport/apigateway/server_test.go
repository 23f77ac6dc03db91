package apigateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"sluice/internal/awscreds"
	"sluice/internal/secret"
	"sluice/transport"
)

const (
	testToken  = "session-token-canary"
	testAPIKey = "api-key-canary-0123456789"
	testSecret = "secret-key-canary"
)

// A seen is a request as the server saw it.
type seen struct {
	*http.Request
	body []byte
	key  string // access key of the signature
}

// A server answers the nth request, from 1, with answer.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	requests []seen
	keep     bool
}

type answers func(w http.ResponseWriter, r seen, n int)

func newServer(t testing.TB, answer answers) *server {
	s := unstarted(answer)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func unstarted(answer answers) *server {
	s := &server{keep: true}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, after, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		key, _, _ := strings.Cut(after, "/")
		s.mu.Lock()
		if s.keep {
			s.requests = append(s.requests, seen{r, body, key})
		}
		n := len(s.requests)
		s.mu.Unlock()
		answer(w, seen{r, body, key}, n)
	}))
	return s
}

func (s *server) seen() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]seen(nil), s.requests...)
}

// taken answers as a function does that has taken the record.
func taken(w http.ResponseWriter, _ seen, _ int) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-RequestId", "request-1")
	_, _ = io.WriteString(w, `{"messageId":"1"}`)
}

// gatewayAnswer is an answer of the gateway itself.
func gatewayAnswer(status int, kind, body string) answers {
	return func(w http.ResponseWriter, _ seen, _ int) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-RequestId", "request-1")
		if kind != "" {
			w.Header().Set("X-Amzn-ErrorType", kind)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// numbered is a source of the keys KEY1, KEY2, ... with an end.
func numbered() aws.CredentialsProvider {
	n := 0
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { // awscreds makes one call at a time
		n++
		return aws.Credentials{AccessKeyID: fmt.Sprint("KEY", n), SecretAccessKey: testSecret, SessionToken: testToken, CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
	})
}

func identity(t testing.TB, p aws.CredentialsProvider) *awscreds.AWS {
	t.Helper()
	a, err := awscreds.New(aws.Config{Region: "eu-west-1", Credentials: p, HTTPClient: awshttp.NewBuildableClient()}, awscreds.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func config(address string) Config {
	return Config{URL: address, APIKey: secret.New(testAPIKey), ContentType: "application/json", Success: "object", MaxRecordBytes: 4 << 20, Timeout: 5 * time.Second}
}

func openOn(t testing.TB, address string, change func(*Config)) *Transport {
	t.Helper()
	cfg := config(address)
	if change != nil {
		change(&cfg)
	}
	tr, err := Open(cfg, identity(t, numbered()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}

func send(t testing.TB, tr *Transport, r transport.Record) transport.Result {
	t.Helper()
	results := tr.Send(t.Context(), []transport.Record{r})
	if len(results) != 1 {
		t.Fatalf("%d results for one record", len(results))
	}
	return results[0]
}

func record(body string) transport.Record { return transport.Record{ID: "id-1", Body: []byte(body)} }
