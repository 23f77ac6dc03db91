package sqs

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"sluice/internal/awslocal/sigv4"
)

const testAccount, testRegion = "123456789012", "us-east-1"

// A clock is the time that an Engine under test sees; it goes on only when told.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// A bed is an Engine behind a real server, with the SDK's client of it and hold of its clock.
type bed struct {
	t      *testing.T
	clock  *clock
	engine *Engine
	server *httptest.Server
	client *awssqs.Client
}

func newBed(t *testing.T, o Options) *bed {
	t.Helper()
	b := &bed{t: t, clock: newClock()}
	o.Account, o.Region = testAccount, testRegion
	if o.Now == nil {
		o.Now = b.clock.Now
	}
	b.engine = New(o)
	b.server = httptest.NewServer(serve(b.engine))
	t.Cleanup(b.server.Close)
	t.Cleanup(b.engine.Close)
	b.client = NewClient(b.server.URL)
	return b
}

// serve is what stands around an Engine in the stand-in: the body is read, the caller is known.
func serve(e *Engine) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		e.ServeSQS(w, r, body, sigv4.Identity{UserID: "AIDATESTTESTTESTTEST1", Account: testAccount})
	})
}

func (b *bed) ctx() context.Context { return b.t.Context() }

// queue creates a queue with attributes given as pairs.
func (b *bed) queue(name string, pairs ...string) *string {
	b.t.Helper()
	attrs := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		attrs[pairs[i]] = pairs[i+1]
	}
	out, err := b.client.CreateQueue(b.ctx(), &awssqs.CreateQueueInput{QueueName: &name, Attributes: attrs})
	if err != nil {
		b.t.Fatalf("create queue %s: %v", name, err)
	}
	return out.QueueUrl
}

// fifo creates a FIFO queue.
func (b *bed) fifo(name string, pairs ...string) *string {
	b.t.Helper()
	return b.queue(name+".fifo", append([]string{"FifoQueue", "true"}, pairs...)...)
}

func (b *bed) send(url *string, body string) *awssqs.SendMessageOutput {
	b.t.Helper()
	out, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: url, MessageBody: &body})
	if err != nil {
		b.t.Fatalf("send %q: %v", body, err)
	}
	return out
}

func (b *bed) sendFIFO(url *string, body, group, dedup string) *awssqs.SendMessageOutput {
	b.t.Helper()
	out, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{
		QueueUrl: url, MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: optional(dedup),
	})
	if err != nil {
		b.t.Fatalf("send %q: %v", body, err)
	}
	return out
}

// receive takes up to ten messages without waiting.
func (b *bed) receive(url *string) []types.Message {
	b.t.Helper()
	return b.receiveWith(&awssqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10})
}

func (b *bed) receiveWith(in *awssqs.ReceiveMessageInput) []types.Message {
	b.t.Helper()
	out, err := b.client.ReceiveMessage(b.ctx(), in)
	if err != nil {
		b.t.Fatalf("receive: %v", err)
	}
	return out.Messages
}

func (b *bed) delete(url *string, m types.Message) {
	b.t.Helper()
	if _, err := b.client.DeleteMessage(b.ctx(), &awssqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle}); err != nil {
		b.t.Fatalf("delete: %v", err)
	}
}

func (b *bed) attribute(url *string, name types.QueueAttributeName) string {
	b.t.Helper()
	out, err := b.client.GetQueueAttributes(b.ctx(), &awssqs.GetQueueAttributesInput{
		QueueUrl: url, AttributeNames: []types.QueueAttributeName{name},
	})
	if err != nil {
		b.t.Fatalf("get attribute %s: %v", name, err)
	}
	return out.Attributes[string(name)]
}

func bodies(messages []types.Message) []string {
	out := []string{}
	for _, m := range messages {
		out = append(out, aws.ToString(m.Body))
	}
	return out
}

// wantCode checks the code of a refusal, as the query protocol has it.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var f smithy.APIError
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a refusal with code %s", err, code)
	}
	if f.ErrorCode() != code {
		t.Errorf("got code %s (%s), want %s", f.ErrorCode(), f.ErrorMessage(), code)
	}
}
