package sqs

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// A check is one behaviour of SQS that a client sees, looked at with the SDK's own client against a fresh Engine.
type check struct {
	name string
	run  func(t *testing.T, b *bed)
}

// TestConformance runs the checks that servers of this kind are compared by. Every one states what AWS documents or was
// observed to do.
func TestConformance(t *testing.T) {
	checks := slices.Concat(queueChecks, sendChecks, batchChecks, receiveChecks, visibilityChecks, fifoChecks, redriveChecks)
	if len(checks) < 57 {
		t.Errorf("got %d checks, want 57 at least: a list of checks was left out", len(checks))
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, newBed(t, Options{}))
		})
	}
}

var sendChecks = []check{
	{"send/md5-of-body", func(t *testing.T, b *bed) {
		sum := md5.Sum([]byte("hello"))
		if got, want := aws.ToString(b.send(b.queue("q"), "hello").MD5OfMessageBody), hex.EncodeToString(sum[:]); got != want {
			t.Errorf("got digest %s, want %s", got, want)
		}
	}},
	{"send/empty-body", func(t *testing.T, b *bed) {
		_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: b.queue("q"), MessageBody: aws.String("")})
		wantCode(t, err, "MissingParameter")
	}},
	{"send/exactly-1-mib", func(t *testing.T, b *bed) {
		url := b.queue("q")
		b.send(url, strings.Repeat("x", 1<<20))
		if got := b.receive(url); len(got) != 1 || len(*got[0].Body) != 1<<20 {
			t.Errorf("got %d messages, want the one of 1 MiB", len(got))
		}
	}},
	{"send/1-byte-over-1-mib", func(t *testing.T, b *bed) {
		_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: b.queue("q"), MessageBody: aws.String(strings.Repeat("x", 1<<20+1))})
		wantCode(t, err, "InvalidParameterValue")
	}},
	{"send/over-the-queue's-own-limit", func(t *testing.T, b *bed) {
		_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: b.queue("q", "MaximumMessageSize", "1024"), MessageBody: aws.String(strings.Repeat("x", 1025))})
		wantCode(t, err, "InvalidParameterValue")
	}},
	{"send/size-counts-attributes", func(t *testing.T, b *bed) {
		url := b.queue("q", "MaximumMessageSize", "1024")
		for body, want := range map[int]bool{1024 - 4 - 6 - 5: true, 1024 - 4 - 6 - 5 + 1: false} {
			_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{
				QueueUrl: url, MessageBody: aws.String(strings.Repeat("x", body)), MessageAttributes: text("name", "value"),
			})
			if (err == nil) != want {
				t.Errorf("body of %d bytes with 15 in an attribute: got error %v, want accepted %v", body, err, want)
			}
		}
	}},
	{"send/invalid-characters", func(t *testing.T, b *bed) {
		url := b.queue("q")
		for _, body := range []string{"\x00", "a\x1fb", "\v", "\uFFFE", "\uFFFF"} {
			_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: url, MessageBody: &body})
			if _, ok := errors.AsType[*types.InvalidMessageContents](err); !ok {
				t.Errorf("body %q: got %v, want InvalidMessageContents", body, err)
			}
		}
	}},
	{"send/allowed-characters", func(t *testing.T, b *bed) {
		url := b.queue("q")
		body := "\t\n\r \u007f\u0085é\uD7FF\uE000\uFFFD\U00010000😀\U0010FFFF"
		b.send(url, body)
		if got := b.receive(url); len(got) != 1 || *got[0].Body != body {
			t.Errorf("got %q, want %q", bodies(got), body)
		}
	}},
	{"send/attributes-and-both-digests", func(t *testing.T, b *bed) {
		url := b.queue("q")
		out, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{
			QueueUrl: url, MessageBody: aws.String("msg"), MessageAttributes: map[string]types.MessageAttributeValue{
				"Hello": {DataType: aws.String("String"), StringValue: aws.String("There")}, "General": {DataType: aws.String("String"), StringValue: aws.String("Kenobi")},
				"Help.Me": {DataType: aws.String("String"), StringValue: aws.String("Me")},
			},
			MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{
				"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String("Root=1-5759e988-bd862e3fe1be46a994272793")},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		// Observed on AWS 2023-11 for these three attributes.
		if got, want := aws.ToString(out.MD5OfMessageAttributes), "4c360f3fdafd970e05fae2f149d997f5"; got != want {
			t.Errorf("got attributes' digest %s, want %s", got, want)
		}
		if got := aws.ToString(out.MD5OfMessageSystemAttributes); len(got) != 32 {
			t.Errorf("got system attributes' digest %q, want 32 hex digits", got)
		}
	}},
	{"send/11-attributes", func(t *testing.T, b *bed) {
		attrs := map[string]types.MessageAttributeValue{}
		for i := range 11 {
			attrs[fmt.Sprintf("a%d", i)] = text("x", "v")["x"]
		}
		_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: b.queue("q"), MessageBody: aws.String("m"), MessageAttributes: attrs})
		wantCode(t, err, "InvalidParameterValue")
	}},
	{"send/empty-attribute-value", func(t *testing.T, b *bed) {
		_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: b.queue("q"), MessageBody: aws.String("m"), MessageAttributes: text("x", "")})
		wantCode(t, err, "InvalidParameterValue")
	}},
	{"send/reserved-attribute-name", func(t *testing.T, b *bed) {
		url := b.queue("q")
		for _, name := range []string{"AWS.x", "aws.x", "Amazon.x", ".x", "x.", "x..y", "x y"} {
			_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("m"), MessageAttributes: text(name, "v")})
			wantCode(t, err, "InvalidParameterValue")
		}
	}},
	{"send/missing-queue", func(t *testing.T, b *bed) {
		_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: aws.String(b.server.URL + "/" + testAccount + "/none"), MessageBody: aws.String("m")})
		if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
			t.Errorf("got %v, want QueueDoesNotExist", err)
		}
	}},
	{"send/delay-out-of-range", func(t *testing.T, b *bed) {
		_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: b.queue("q"), MessageBody: aws.String("m"), DelaySeconds: 901})
		wantCode(t, err, "InvalidParameterValue")
	}},
}

var batchChecks = []check{
	{"batch/of-10", func(t *testing.T, b *bed) {
		url := b.queue("q")
		out, err := b.batch(url, entries(10)...)
		if err != nil || len(out.Successful) != 10 || len(out.Failed) != 0 {
			t.Fatalf("got %v, %+v, want 10 successful", err, out)
		}
		for i, s := range out.Successful {
			if *s.Id != strconv.Itoa(i) || aws.ToString(s.MessageId) == "" {
				t.Errorf("entry %d: got id %s and message id %s", i, *s.Id, aws.ToString(s.MessageId))
			}
		}
	}},
	{"batch/empty", func(t *testing.T, b *bed) {
		_, err := b.batch(b.queue("q"))
		wantCode(t, err, "AWS.SimpleQueueService.EmptyBatchRequest")
	}},
	{"batch/11-entries", func(t *testing.T, b *bed) {
		_, err := b.batch(b.queue("q"), entries(11)...)
		wantCode(t, err, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
	}},
	{"batch/repeated-id", func(t *testing.T, b *bed) {
		_, err := b.batch(b.queue("q"), entry("a", "1"), entry("a", "2"))
		wantCode(t, err, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct")
	}},
	{"batch/bad-id", func(t *testing.T, b *bed) {
		url := b.queue("q")
		for _, id := range []string{"a:b", strings.Repeat("a", 81), "é"} {
			_, err := b.batch(url, entry(id, "1"))
			wantCode(t, err, "AWS.SimpleQueueService.InvalidBatchEntryId")
		}
	}},
	{"batch/one-over-the-queue's-limit", func(t *testing.T, b *bed) {
		batch := entries(10)
		batch[3].MessageBody = aws.String(strings.Repeat("x", 1025))
		out, err := b.batch(b.queue("q", "MaximumMessageSize", "1024"), batch...)
		wantOneFailed(t, out, err, "3", "InvalidParameterValue")
	}},
	{"batch/one-with-bad-characters", func(t *testing.T, b *bed) {
		batch := entries(10)
		batch[7].MessageBody = aws.String("\x00")
		out, err := b.batch(b.queue("q"), batch...)
		wantOneFailed(t, out, err, "7", "InvalidMessageContents")
	}},
	{"batch/exactly-1-mib-together", func(t *testing.T, b *bed) {
		half := strings.Repeat("x", 1<<19)
		if out, err := b.batch(b.queue("q"), entry("a", half), entry("b", half)); err != nil || len(out.Successful) != 2 {
			t.Errorf("got %+v, %v, want 2 successful", out, err)
		}
	}},
	{"batch/1-byte-over-1-mib-together", func(t *testing.T, b *bed) {
		half := strings.Repeat("x", 1<<19)
		_, err := b.batch(b.queue("q"), entry("a", half), entry("b", half+"x"))
		if _, ok := errors.AsType[*types.BatchRequestTooLong](err); !ok {
			t.Errorf("got %v, want BatchRequestTooLong", err)
		}
	}},
}

func (b *bed) batch(url *string, entries ...types.SendMessageBatchRequestEntry) (*awssqs.SendMessageBatchOutput, error) {
	if entries == nil {
		entries = []types.SendMessageBatchRequestEntry{}
	}
	return b.client.SendMessageBatch(b.ctx(), &awssqs.SendMessageBatchInput{QueueUrl: url, Entries: entries})
}

func entry(id, body string) types.SendMessageBatchRequestEntry {
	return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &body}
}

// entries makes a batch with the ids and bodies 0, 1, 2 and so on.
func entries(n int) (out []types.SendMessageBatchRequestEntry) {
	for i := range n {
		out = append(out, entry(strconv.Itoa(i), strconv.Itoa(i)))
	}
	return out
}

func text(name, value string) map[string]types.MessageAttributeValue {
	return map[string]types.MessageAttributeValue{name: {DataType: aws.String("String"), StringValue: &value}}
}

func wantOneFailed(t *testing.T, out *awssqs.SendMessageBatchOutput, err error, id, code string) {
	t.Helper()
	if err != nil || len(out.Failed) != 1 || len(out.Successful) != 9 {
		t.Fatalf("got %+v, %v, want 9 successful and 1 failed", out, err)
	}
	if f := out.Failed[0]; *f.Id != id || *f.Code != code || !f.SenderFault {
		t.Errorf("got %s failed with %s (sender's fault %v), want %s with %s and the sender's fault", *f.Id, *f.Code, f.SenderFault, id, code)
	}
}
