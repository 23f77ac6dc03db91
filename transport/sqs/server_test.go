package sqs

import (
	"context"
	"encoding/json"
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
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"sluice/internal/awscreds"
	"sluice/transport"
)

// A message is an entry as it stands in a request.
type message struct {
	ID         string                                            `json:"Id"`
	Body       string                                            `json:"MessageBody"`
	Group      string                                            `json:"MessageGroupId"`
	Dedup      string                                            `json:"MessageDeduplicationId"`
	Attributes map[string]struct{ DataType, StringValue string } `json:"MessageAttributes"`
}

// A request is what the server saw.
type request struct {
	Op, Key  string // operation; access key of the signature
	QueueUrl string
	Entries  []message
}

// A server answers each operation with its handler, or as SQS does for a queue without trouble.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	forget   bool // keep no requests
	requests []request
	handlers map[string]func(w http.ResponseWriter, r request, n int) // n counts the requests of that operation, from 1
	limit    int
}

func newServer(t testing.TB) *server {
	s := unstarted()
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func unstarted() *server {
	s := &server{handlers: map[string]func(http.ResponseWriter, request, int){}, limit: maxBytes}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	var req request
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, req.Op, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	_, after, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	req.Key, _, _ = strings.Cut(after, "/")
	s.mu.Lock()
	if !s.forget {
		s.requests = append(s.requests, req)
	}
	n := 0
	for _, earlier := range s.requests {
		if earlier.Op == req.Op {
			n++
		}
	}
	handle := s.handlers[req.Op]
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if handle != nil {
		handle(w, req, n)
		return
	}
	s.well(w, req, n)
}

// well answers as SQS does.
func (s *server) well(w http.ResponseWriter, r request, _ int) {
	switch r.Op {
	case "GetQueueUrl":
		fmt.Fprintf(w, `{"QueueUrl":%q}`, s.URL+"/123456789012/found")
	case "GetQueueAttributes":
		fmt.Fprintf(w, `{"Attributes":{"MaximumMessageSize":"%d"}}`, s.limit)
	case "SendMessageBatch":
		var out answer
		for _, m := range r.Entries {
			out.Successful = append(out.Successful, accepted(m))
		}
		out.write(w)
	}
}

// on sets the handler of an operation.
func (s *server) on(op string, h func(w http.ResponseWriter, r request, n int)) *server {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[op] = h
	return s
}

// of returns the requests of one operation.
func (s *server) of(op string) []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []request
	for _, r := range s.requests {
		if r.Op == op {
			out = append(out, r)
		}
	}
	return out
}

// An answer to SendMessageBatch.
type answer struct{ Successful, Failed []map[string]any }

func (a answer) write(w http.ResponseWriter) { _ = json.NewEncoder(w).Encode(a) }

// accepted is the entry of an answer for a message that was taken.
func accepted(m message) map[string]any {
	attributes := map[string]types.MessageAttributeValue{}
	for name, v := range m.Attributes {
		attributes[name] = types.MessageAttributeValue{StringValue: aws.String(v.StringValue)}
	}
	return map[string]any{"Id": m.ID, "MessageId": "message-" + m.ID, "MD5OfMessageBody": bodyMD5(m.Body), "MD5OfMessageAttributes": attributesMD5(attributes)}
}

func failed(id, code string, sender bool) map[string]any {
	return map[string]any{"Id": id, "Code": code, "SenderFault": sender, "Message": "text of " + code}
}

// fail answers with an error of SQS: the shape in the body, the legacy code in the header.
func fail(status int, shape, legacy string) func(http.ResponseWriter, request, int) {
	return func(w http.ResponseWriter, _ request, _ int) {
		if legacy != "" {
			w.Header().Set("X-Amzn-Query-Error", legacy+";Sender")
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type":"com.amazonaws.sqs#%s","message":"text of %s"}`, shape, shape)
	}
}

// static returns credentials that have no end.
func static(t testing.TB, endpoint string) *awscreds.AWS {
	return credentials(t, endpoint, aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "KEY", SecretAccessKey: "secret"}, nil
	}))
}

func credentials(t testing.TB, endpoint string, p aws.CredentialsProvider) *awscreds.AWS {
	t.Helper()
	a, err := awscreds.New(aws.Config{Region: "eu-west-1", Credentials: p, BaseEndpoint: aws.String(endpoint), HTTPClient: awshttp.NewBuildableClient()}, awscreds.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// openOn opens the driver on s.
func openOn(t testing.TB, s *server, change func(*Config)) *Transport {
	t.Helper()
	cfg := Config{QueueURL: s.URL + "/123456789012/q", Timeout: 5 * time.Second}
	if change != nil {
		change(&cfg)
	}
	tr, err := Open(t.Context(), cfg, static(t, s.URL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}

func record(id, body string) transport.Record { return transport.Record{ID: id, Body: []byte(body)} }

func three() []transport.Record {
	return []transport.Record{record("a", "A"), record("b", "B"), record("c", "C")}
}
