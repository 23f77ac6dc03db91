package sqs

import (
	"errors"
	"maps"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

var receiveChecks = []check{
	{"receive/nothing", func(t *testing.T, b *bed) {
		if got := b.receive(b.queue("q")); len(got) != 0 {
			t.Errorf("got %v, want nothing", bodies(got))
		}
	}},
	{"receive/bad-number-and-wait", func(t *testing.T, b *bed) {
		url := b.queue("q")
		for _, in := range []awssqs.ReceiveMessageInput{{MaxNumberOfMessages: 11}, {MaxNumberOfMessages: -1}, {WaitTimeSeconds: 21}, {VisibilityTimeout: 43_201}} {
			in.QueueUrl = url
			_, err := b.client.ReceiveMessage(b.ctx(), &in)
			wantCode(t, err, "InvalidParameterValue")
		}
	}},
	{"receive/long-poll-waits", func(t *testing.T, b *bed) {
		start := time.Now()
		got := b.receiveWith(&awssqs.ReceiveMessageInput{QueueUrl: b.queue("q"), WaitTimeSeconds: 1})
		if took := time.Since(start); len(got) != 0 || took < time.Second {
			t.Errorf("got %d messages after %v, want none after a second", len(got), took)
		}
	}},
	{"receive/long-poll-wakes-on-send", func(t *testing.T, b *bed) {
		url := b.queue("q")
		got := make(chan *awssqs.ReceiveMessageOutput)
		go func() {
			out, err := b.client.ReceiveMessage(b.ctx(), &awssqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 20})
			if err != nil {
				t.Error(err)
			}
			got <- out
		}()
		b.waitForPolls(url, 1)
		b.send(url, "m")
		if out := <-got; out == nil || !slices.Equal(bodies(out.Messages), []string{"m"}) {
			t.Errorf("got %v, want the message sent", out)
		}
	}},
	{"receive/system-attributes-the-current-way", func(t *testing.T, b *bed) {
		url := b.queue("q")
		b.send(url, "m")
		got := b.receiveWith(&awssqs.ReceiveMessageInput{QueueUrl: url, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
		want := map[string]string{"SenderId": "AIDATESTTESTTESTTEST1", "SentTimestamp": "1770091506000", "ApproximateReceiveCount": "1", "ApproximateFirstReceiveTimestamp": "1770091506000"}
		if !maps.Equal(got[0].Attributes, want) {
			t.Errorf("got %v, want %v", got[0].Attributes, want)
		}
	}},
	{"receive/system-attributes-the-old-way", func(t *testing.T, b *bed) {
		url := b.queue("q")
		b.send(url, "m")
		//lint:ignore SA1019 the old way is the point
		got := b.receiveWith(&awssqs.ReceiveMessageInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{"SenderId", "SequenceNumber"}})
		if want := map[string]string{"SenderId": "AIDATESTTESTTESTTEST1"}; !maps.Equal(got[0].Attributes, want) {
			t.Errorf("got %v, want %v", got[0].Attributes, want)
		}
	}},
	{"receive/message-attributes-by-name-and-prefix", func(t *testing.T, b *bed) {
		url := b.queue("q", "VisibilityTimeout", "0")
		_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{
			QueueUrl: url, MessageBody: aws.String("msg"), MessageAttributes: map[string]types.MessageAttributeValue{
				"Hello": text("", "There")[""], "General": text("", "Kenobi")[""], "Help.Me": text("", "Me")[""],
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			ask    []string
			digest string // observed on AWS 2023-11
			names  []string
		}{
			{nil, "", nil},
			{[]string{"All"}, "4c360f3fdafd970e05fae2f149d997f5", []string{"General", "Hello", "Help.Me"}},
			{[]string{".*"}, "4c360f3fdafd970e05fae2f149d997f5", []string{"General", "Hello", "Help.Me"}},
			{[]string{"Foo"}, "", nil},
			{[]string{"Hello", "General"}, "fca026605781cb4126a1e9044df24232", []string{"General", "Hello"}},
			{[]string{"Hello", "Foo"}, "a311262e065454b75da111d535b8dacd", []string{"Hello"}},
			{[]string{"Hel.*"}, "83fee93c1bcd8b9a5a923ffacdc636c7", []string{"Hello", "Help.Me"}},
		} {
			got := b.receiveWith(&awssqs.ReceiveMessageInput{QueueUrl: url, MessageAttributeNames: c.ask})[0]
			if names := slices.Sorted(maps.Keys(got.MessageAttributes)); !slices.Equal(names, c.names) || aws.ToString(got.MD5OfMessageAttributes) != c.digest {
				t.Errorf("asked %v: got %v with digest %s, want %v with %s", c.ask, names, aws.ToString(got.MD5OfMessageAttributes), c.names, c.digest)
			}
		}
	}},
	{"receive/delayed-message", func(t *testing.T, b *bed) {
		url := b.queue("q", "DelaySeconds", "10")
		b.send(url, "as the queue says")
		if _, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("sooner"), DelaySeconds: 5}); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			wait time.Duration
			want []string
		}{{5*time.Second - 1, []string{}}, {1, []string{"sooner"}}, {5*time.Second - 1, []string{}}, {1, []string{"as the queue says"}}} {
			b.clock.pass(step.wait)
			if got := bodies(b.receive(url)); !slices.Equal(got, step.want) {
				t.Errorf("got %v, want %v", got, step.want)
			}
		}
	}},
	{"receive/expired-message", func(t *testing.T, b *bed) {
		url := b.queue("q", "MessageRetentionPeriod", "60")
		b.send(url, "m")
		b.clock.pass(time.Minute)
		if got := b.receive(url); len(got) != 0 || b.attribute(url, "ApproximateNumberOfMessages") != "0" {
			t.Errorf("got %v, want nothing after the retention period", bodies(got))
		}
	}},
}

var visibilityChecks = []check{
	{"visibility/hidden-then-back", func(t *testing.T, b *bed) {
		url := b.queue("q", "VisibilityTimeout", "5")
		b.send(url, "m")
		for _, step := range []struct {
			wait time.Duration
			want int
		}{{0, 1}, {5*time.Second - 1, 0}, {1, 1}} {
			b.clock.pass(step.wait)
			if got := len(b.receive(url)); got != step.want {
				t.Errorf("after %v more: got %d messages, want %d", step.wait, got, step.want)
			}
		}
	}},
	{"visibility/change", func(t *testing.T, b *bed) {
		url := b.queue("q")
		b.send(url, "m")
		m := b.receive(url)[0]
		if err := b.change(url, m, 60); err != nil {
			t.Fatal(err)
		}
		b.clock.pass(59 * time.Second)
		if got := b.receive(url); len(got) != 0 {
			t.Error("got the message within the longer timeout")
		}
		if err := b.change(url, m, 0); err != nil {
			t.Fatal(err)
		}
		if got := b.receive(url); len(got) != 1 {
			t.Error("timeout 0: want the message back at once")
		}
		wantCode(t, b.change(url, m, 43_201), "InvalidParameterValue")
	}},
	{"visibility/change-batch", func(t *testing.T, b *bed) {
		url := b.queue("q")
		b.send(url, "m")
		m := b.receive(url)[0]
		out, err := b.client.ChangeMessageVisibilityBatch(b.ctx(), &awssqs.ChangeMessageVisibilityBatchInput{QueueUrl: url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
			{Id: aws.String("good"), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 1}, {Id: aws.String("bad"), ReceiptHandle: aws.String("nonsense"), VisibilityTimeout: 1},
		}})
		if err != nil || len(out.Successful) != 1 || len(out.Failed) != 1 || *out.Failed[0].Code != "ReceiptHandleIsInvalid" {
			t.Fatalf("got %+v, %v, want one successful and one ReceiptHandleIsInvalid", out, err)
		}
		b.clock.pass(time.Second)
		if got := b.receive(url); len(got) != 1 {
			t.Error("want the message back after the shorter timeout")
		}
	}},
	{"delete/one-and-bad-handle", func(t *testing.T, b *bed) {
		url := b.queue("q")
		b.send(url, "m")
		b.delete(url, b.receive(url)[0])
		b.clock.pass(time.Hour)
		if got := b.receive(url); len(got) != 0 {
			t.Error("got a deleted message")
		}
		_, err := b.client.DeleteMessage(b.ctx(), &awssqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: aws.String("nonsense")})
		if _, ok := errors.AsType[*types.ReceiptHandleIsInvalid](err); !ok {
			t.Errorf("got %v, want ReceiptHandleIsInvalid", err)
		}
	}},
	{"delete/batch-with-bad-handle", func(t *testing.T, b *bed) {
		url := b.queue("q")
		b.send(url, "m")
		out, err := b.client.DeleteMessageBatch(b.ctx(), &awssqs.DeleteMessageBatchInput{QueueUrl: url, Entries: []types.DeleteMessageBatchRequestEntry{
			{Id: aws.String("good"), ReceiptHandle: b.receive(url)[0].ReceiptHandle}, {Id: aws.String("bad"), ReceiptHandle: aws.String("nonsense")},
		}})
		if err != nil || len(out.Successful) != 1 || len(out.Failed) != 1 || *out.Failed[0].Id != "bad" || *out.Failed[0].Code != "ReceiptHandleIsInvalid" {
			t.Errorf("got %+v, %v, want good successful, bad failed", out, err)
		}
	}},
	{"delete/after-the-timeout", func(t *testing.T, b *bed) {
		url := b.queue("q", "VisibilityTimeout", "5")
		b.send(url, "m")
		first := b.receive(url)[0]
		b.clock.pass(5 * time.Second)
		second := b.receive(url)[0]
		b.delete(url, first) // An older handle deletes nothing.
		b.clock.pass(5 * time.Second)
		if got := b.attribute(url, "ApproximateNumberOfMessages"); got != "1" {
			t.Errorf("older handle: got %s messages left, want 1", got)
		}
		b.delete(url, second) // The last one still does.
		if got := b.attribute(url, "ApproximateNumberOfMessages"); got != "0" {
			t.Errorf("last handle: got %s messages left, want 0", got)
		}
	}},
}

func (b *bed) change(url *string, m types.Message, seconds int32) error {
	_, err := b.client.ChangeMessageVisibility(b.ctx(), &awssqs.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds})
	return err
}

// waitForPolls returns when n receives wait on the queue.
func (b *bed) waitForPolls(url *string, n int) {
	b.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		b.engine.mu.Lock()
		q, err := b.engine.lookup(*url)
		waiting := err == nil && len(q.polls) >= n
		b.engine.mu.Unlock()
		if waiting {
			return
		}
		runtime.Gosched()
		if time.Now().After(deadline) {
			b.t.Fatalf("no %d receives wait on %s", n, *url)
		}
	}
}
