package sqs

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
)

var queueChecks = []check{
	{"queue/create-again", func(t *testing.T, b *bed) {
		if first, second := *b.queue("q", "DelaySeconds", "1"), *b.queue("q", "DelaySeconds", "1"); first != second {
			t.Errorf("got %s, want %s again", second, first)
		}
		b.queue("q") // Attributes that are not named do not count.
	}},
	{"queue/create-with-other-attributes", func(t *testing.T, b *bed) {
		b.queue("q", "DelaySeconds", "1")
		_, err := b.client.CreateQueue(b.ctx(), &awssqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{"DelaySeconds": "2"}})
		if _, ok := errors.AsType[*types.QueueNameExists](err); !ok {
			t.Errorf("got %v, want QueueNameExists", err)
		}
	}},
	{"queue/bad-name", func(t *testing.T, b *bed) {
		for _, name := range []string{"a b", "a.fifo", "ü", "a/b"} {
			_, err := b.client.CreateQueue(b.ctx(), &awssqs.CreateQueueInput{QueueName: &name})
			wantCode(t, err, "InvalidParameterValue")
		}
	}},
	{"queue/bad-attribute", func(t *testing.T, b *bed) {
		for name, value := range map[string]string{"VisibilityTimeout": "43201", "DelaySeconds": "x", "MaximumMessageSize": "1023", "MessageRetentionPeriod": "59", "ReceiveMessageWaitTimeSeconds": "21", "Policy": "{"} {
			_, err := b.client.CreateQueue(b.ctx(), &awssqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{name: value}})
			if _, ok := errors.AsType[*types.InvalidAttributeValue](err); !ok {
				t.Errorf("%s=%s: got %v, want InvalidAttributeValue", name, value, err)
			}
		}
		for _, name := range []string{"Nonsense", "FifoQueue", "ContentBasedDeduplication", "QueueArn"} {
			_, err := b.client.CreateQueue(b.ctx(), &awssqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{name: "false"}})
			if _, ok := errors.AsType[*types.InvalidAttributeName](err); !ok {
				t.Errorf("%s: got %v, want InvalidAttributeName", name, err)
			}
		}
	}},
	{"queue/url-of-name", func(t *testing.T, b *bed) {
		url := b.queue("q")
		out, err := b.client.GetQueueUrl(b.ctx(), &awssqs.GetQueueUrlInput{QueueName: aws.String("q")})
		if err != nil || *out.QueueUrl != *url {
			t.Errorf("got %v, %v, want %s", out, err, *url)
		}
		_, err = b.client.GetQueueUrl(b.ctx(), &awssqs.GetQueueUrlInput{QueueName: aws.String("r")})
		if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
			t.Errorf("got %v, want QueueDoesNotExist", err)
		}
	}},
	{"queue/list-with-prefix-and-pages", func(t *testing.T, b *bed) {
		want := []string{*b.queue("a1"), *b.queue("a2"), *b.queue("a3")}
		b.queue("b1")
		var got []string
		for p := awssqs.NewListQueuesPaginator(b.client, &awssqs.ListQueuesInput{QueueNamePrefix: aws.String("a"), MaxResults: aws.Int32(2)}); p.HasMorePages(); {
			page, err := p.NextPage(b.ctx())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page.QueueUrls...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}},
	{"queue/attributes-and-counts", func(t *testing.T, b *bed) {
		url := b.queue("q", "VisibilityTimeout", "7")
		for range 3 {
			b.send(url, "m")
		}
		_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("late"), DelaySeconds: 60})
		if err != nil {
			t.Fatal(err)
		}
		b.receiveWith(&awssqs.ReceiveMessageInput{QueueUrl: url})
		out, err := b.client.GetQueueAttributes(b.ctx(), &awssqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{"All"}})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"ApproximateNumberOfMessages": "2", "ApproximateNumberOfMessagesNotVisible": "1", "ApproximateNumberOfMessagesDelayed": "1",
			"CreatedTimestamp": "1770091506", "LastModifiedTimestamp": "1770091506", "DelaySeconds": "0", "MaximumMessageSize": "1048576",
			"MessageRetentionPeriod": "345600", "QueueArn": "arn:aws:sqs:us-east-1:123456789012:q", "ReceiveMessageWaitTimeSeconds": "0",
			"SqsManagedSseEnabled": "true", "VisibilityTimeout": "7",
		}
		if diff := cmp.Diff(want, out.Attributes); diff != "" {
			t.Errorf("attributes (-want +got):\n%s", diff)
		}
	}},
	{"queue/no-attributes-asked-none-given", func(t *testing.T, b *bed) {
		out, err := b.client.GetQueueAttributes(b.ctx(), &awssqs.GetQueueAttributesInput{QueueUrl: b.queue("q")})
		if err != nil || len(out.Attributes) != 0 {
			t.Errorf("got %v, %v, want none", out.Attributes, err)
		}
	}},
	{"queue/set-attributes", func(t *testing.T, b *bed) {
		url := b.queue("q")
		if _, err := b.client.SetQueueAttributes(b.ctx(), &awssqs.SetQueueAttributesInput{QueueUrl: url, Attributes: map[string]string{"VisibilityTimeout": "5", "Policy": `{"Version":"2012-10-17"}`}}); err != nil {
			t.Fatal(err)
		}
		if got := b.attribute(url, "VisibilityTimeout") + b.attribute(url, "Policy"); got != `5{"Version":"2012-10-17"}` {
			t.Errorf("got %s", got)
		}
		_, err := b.client.SetQueueAttributes(b.ctx(), &awssqs.SetQueueAttributesInput{QueueUrl: url, Attributes: map[string]string{"DelaySeconds": "3", "VisibilityTimeout": "-1"}})
		wantCode(t, err, "InvalidAttributeValue")
		if got := b.attribute(url, "DelaySeconds"); got != "0" {
			t.Errorf("a refused change: got delay %s, want 0 as before", got)
		}
	}},
	{"queue/purge-once-a-minute", func(t *testing.T, b *bed) {
		url := b.queue("q")
		b.send(url, "m")
		purge := func() error {
			_, err := b.client.PurgeQueue(b.ctx(), &awssqs.PurgeQueueInput{QueueUrl: url})
			return err
		}
		if err := purge(); err != nil {
			t.Fatal(err)
		}
		if got := b.receive(url); len(got) != 0 {
			t.Errorf("got %v after a purge, want nothing", bodies(got))
		}
		if _, ok := errors.AsType[*types.PurgeQueueInProgress](purge()); !ok {
			t.Error("second purge at once: want PurgeQueueInProgress")
		}
		b.clock.pass(time.Minute)
		if err := purge(); err != nil {
			t.Errorf("purge a minute later: %v", err)
		}
	}},
	{"queue/delete-and-recreate", func(t *testing.T, b *bed) {
		url := b.queue("q")
		if _, err := b.client.DeleteQueue(b.ctx(), &awssqs.DeleteQueueInput{QueueUrl: url}); err != nil {
			t.Fatal(err)
		}
		_, err := b.client.CreateQueue(b.ctx(), &awssqs.CreateQueueInput{QueueName: aws.String("q")})
		if _, ok := errors.AsType[*types.QueueDeletedRecently](err); !ok {
			t.Errorf("got %v, want QueueDeletedRecently", err)
		}
		b.clock.pass(time.Minute)
		b.queue("q")
	}},
	{"queue/tags", func(t *testing.T, b *bed) {
		url := b.queue("q")
		if _, err := b.client.TagQueue(b.ctx(), &awssqs.TagQueueInput{QueueUrl: url, Tags: map[string]string{"a": "1", "b": "2", "c": ""}}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.client.UntagQueue(b.ctx(), &awssqs.UntagQueueInput{QueueUrl: url, TagKeys: []string{"a", "z"}}); err != nil {
			t.Fatal(err)
		}
		out, err := b.client.ListQueueTags(b.ctx(), &awssqs.ListQueueTagsInput{QueueUrl: url})
		if want := map[string]string{"b": "2", "c": ""}; err != nil || !maps.Equal(out.Tags, want) {
			t.Errorf("got %v, %v, want %v", out, err, want)
		}
	}},
}
