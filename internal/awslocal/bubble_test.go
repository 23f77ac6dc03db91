package awslocal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	awstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

var errReset = errors.New("connection reset")

// inProcess carries requests to a handler without a network, so that they can be made in virtual time. A handler that
// aborts is a connection that was reset; one that the client leaves goes on.
type inProcess struct{ h http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	in := r.Clone(r.Context())
	in.Body, in.RequestURI, in.RemoteAddr = io.NopCloser(bytes.NewReader(body)), r.URL.RequestURI(), "127.0.0.1:9"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	answered := make(chan *http.Response, 1)
	go func() {
		defer close(answered)
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		w := httptest.NewRecorder()
		p.h.ServeHTTP(w, in)
		answered <- w.Result()
	}()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case res := <-answered:
		if res == nil {
			return nil, errReset
		}
		return res, nil
	}
}

// A visitor is a client of a server in the same process and, in a bubble, in the same virtual time.
type visitor struct {
	*standin
	t    testing.TB
	http *http.Client
	sqs  *sqs.Client
	self aws.Credentials
	url  *string // of the queue
}

// visit makes a server in the bubble of the test, and a client that signs as a session of the role.
func visit(t testing.TB, o Options) *visitor {
	t.Helper()
	o.BaseURL = "http://127.0.0.1:4599"
	s, err := New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(s.Close)
	env := map[string]string{}
	for _, v := range s.Environment() {
		env[v.Name] = v.Value
	}
	v := &visitor{standin: &standin{s, env}, t: t, http: &http.Client{Transport: inProcess{s}}, url: aws.String(env["SLUICE_SQS_QUEUE_URL"])}
	v.use(v.assume())
	return v
}

// assume gets a session of the role.
func (v *visitor) assume() aws.Credentials {
	v.t.Helper()
	c, err := v.tryAssume()
	if err != nil {
		v.t.Fatalf("AssumeRole: %v", err)
	}
	return c
}

func (v *visitor) tryAssume() (aws.Credentials, error) {
	form := "Action=AssumeRole&Version=2011-06-15&RoleSessionName=test&RoleArn=" + v.env["SLUICE_ROLE_ARN"] + "&ExternalId=" + v.env["SLUICE_ROLE_EXTERNAL_ID"]
	r := v.newRequest(v.t.Context(), "/", form)
	r.Header.Set("Content-Type", formType)
	v.sign(v.t, r, v.user(), "sts", time.Time{})
	got, err := v.do(r)
	text := func(name string) string {
		_, rest, _ := strings.Cut(got.body, "<"+name+">")
		value, _, _ := strings.Cut(rest, "<")
		return value
	}
	if err == nil && got.status != 200 {
		err = fmt.Errorf("%d %s", got.status, text("Code"))
	}
	return aws.Credentials{AccessKeyID: text("AccessKeyId"), SecretAccessKey: text("SecretAccessKey"), SessionToken: text("SessionToken")}, err
}

// use signs with c from now on.
func (v *visitor) use(c aws.Credentials) {
	v.self = c
	v.sqs = sqs.New(sqs.Options{
		Region: v.env["AWS_REGION"], BaseEndpoint: aws.String(v.server.options.BaseURL), HTTPClient: v.http, Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil }),
	})
}

func (v *visitor) newRequest(ctx context.Context, path, body string) *http.Request {
	r, err := http.NewRequestWithContext(ctx, "POST", v.server.options.BaseURL+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	return r
}

func (v *visitor) do(r *http.Request) (result, error) {
	res, err := v.http.Do(r)
	if err != nil {
		return result{}, err
	}
	body, err := io.ReadAll(res.Body)
	return result{res.StatusCode, res.Header, string(body)}, err
}

// record posts one record to the API.
func (v *visitor) record(ctx context.Context, id, body string) (result, error) {
	r := v.newRequest(ctx, "/v1/records", body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Api-Key", v.env["SLUICE_APIGATEWAY_API_KEY"])
	r.Header.Set(idHeader, id)
	v.sign(v.t, r, v.self, "execute-api", time.Time{})
	return v.do(r)
}

// call makes one signed call of the JSON protocol without the SDK.
func (v *visitor) call(ctx context.Context, action string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r := v.newRequest(ctx, "/", string(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	v.sign(v.t, r, v.self, "sqs", time.Time{})
	got, err := v.do(r)
	if err == nil && got.status != 200 {
		err = fmt.Errorf("%s: %d %s", action, got.status, got.body)
	}
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal([]byte(got.body), out)
}

func (v *visitor) send(body string) (*sqs.SendMessageOutput, error) {
	return v.sqs.SendMessage(v.t.Context(), &sqs.SendMessageInput{QueueUrl: v.url, MessageBody: &body})
}

// batch sends one message for each body; the ids are a, b, c, ….
func (v *visitor) batch(ctx context.Context, bodies ...string) (*sqs.SendMessageBatchOutput, error) {
	in := &sqs.SendMessageBatchInput{QueueUrl: v.url}
	for i := range bodies {
		in.Entries = append(in.Entries, awstypes.SendMessageBatchRequestEntry{Id: aws.String(string(rune('a' + i))), MessageBody: &bodies[i]})
	}
	return v.sqs.SendMessageBatch(ctx, in)
}

// take receives up to ten messages.
func (v *visitor) take(wait int32) ([]awstypes.Message, error) {
	out, err := v.sqs.ReceiveMessage(v.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: v.url, MaxNumberOfMessages: 10, WaitTimeSeconds: wait,
		MessageSystemAttributeNames: []awstypes.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"All"}})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// drain receives and deletes until there is nothing more, and returns the messages in order.
func (v *visitor) drain() (all []awstypes.Message) {
	v.t.Helper()
	for {
		got, err := v.take(0)
		if err != nil {
			v.t.Fatalf("receive: %v", err)
		}
		if len(got) == 0 {
			return all
		}
		for _, m := range got {
			if _, err := v.sqs.DeleteMessage(v.t.Context(), &sqs.DeleteMessageInput{QueueUrl: v.url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				v.t.Fatalf("delete: %v", err)
			}
		}
		all = append(all, got...)
	}
}

func texts(messages []awstypes.Message) []string {
	out := []string{}
	for _, m := range messages {
		out = append(out, aws.ToString(m.Body))
	}
	return out
}

// code is the error code that the SDK read, or what went wrong otherwise.
func code(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.ErrorCode()
	case errors.Is(err, errReset):
		return "reset"
	case errors.Is(err, context.DeadlineExceeded):
		return "gave up"
	}
	return err.Error()
}
