package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A player plays the script of operations against one server and keeps what it saw, step by step, in a form in which two
// servers can be compared.
type player struct {
	ctx    context.Context
	client *awssqs.Client
	steps  []string
	seen   map[string]string
}

// play runs the script. It uses no time but that of long polls.
func play(t *testing.T, client *awssqs.Client) *player {
	p := &player{ctx: t.Context(), client: client, seen: map[string]string{}}
	q := p.queues()
	p.sends(q)
	p.batches()
	p.receives()
	p.fifo()
	p.redrive()
	p.ends(q)
	return p
}

// note keeps the outcome of a step: an error as its code without prefix or suffix, or what was seen.
func (p *player) note(step string, err error, seen ...any) {
	text := strings.TrimSpace(fmt.Sprintln(seen...))
	if f, ok := errors.AsType[smithy.APIError](err); ok {
		text = "error " + strings.TrimSuffix(strings.TrimPrefix(f.ErrorCode(), "AWS.SimpleQueueService."), "Exception")
	} else if f, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		text = fmt.Sprint("error HTTP ", f.HTTPStatusCode())
	} else if err != nil {
		text = "error " + err.Error()
	}
	p.steps = append(p.steps, step)
	p.seen[step] = text
}

func (p *player) create(name string, attrs map[string]string) (*string, error) {
	out, err := p.client.CreateQueue(p.ctx, &awssqs.CreateQueueInput{QueueName: &name, Attributes: attrs})
	if err != nil {
		return nil, err
	}
	return out.QueueUrl, nil
}

// must creates a queue that the following steps need.
func (p *player) must(name string, attrs map[string]string) *string {
	url, err := p.create(name, attrs)
	if err != nil {
		p.note("create "+name, err)
		return aws.String("")
	}
	return url
}

func (p *player) send(url *string, body string, attrs map[string]types.MessageAttributeValue) (*awssqs.SendMessageOutput, error) {
	return p.client.SendMessage(p.ctx, &awssqs.SendMessageInput{QueueUrl: url, MessageBody: &body, MessageAttributes: attrs})
}

func (p *player) sendFIFO(url *string, body, group, dedup string) (*awssqs.SendMessageOutput, error) {
	in := &awssqs.SendMessageInput{QueueUrl: url, MessageBody: &body}
	if group != "" {
		in.MessageGroupId = &group
	}
	if dedup != "" {
		in.MessageDeduplicationId = &dedup
	}
	return p.client.SendMessage(p.ctx, in)
}

func (p *player) take(url *string, n, wait int32) ([]types.Message, error) {
	out, err := p.client.ReceiveMessage(p.ctx, &awssqs.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: n, WaitTimeSeconds: wait, MessageAttributeNames: []string{"All"},
	})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// found is the bodies of messages; sorted, since a standard queue promises no order.
func found(messages []types.Message) []string {
	out := []string{}
	for _, m := range messages {
		out = append(out, aws.ToString(m.Body))
	}
	slices.Sort(out)
	return out
}

func (p *player) queues() *string {
	q, err := p.create("q", map[string]string{"VisibilityTimeout": "60", "DelaySeconds": "0"})
	p.note("create", err, strings.HasSuffix(aws.ToString(q), "/123456789012/q"))
	again, err := p.create("q", map[string]string{"VisibilityTimeout": "60"})
	p.note("create again", err, aws.ToString(again) == aws.ToString(q))
	_, err = p.create("q", map[string]string{"VisibilityTimeout": "61"})
	p.note("create otherwise", err)
	_, err = p.create("a b", nil)
	p.note("create with a bad name", err)
	_, err = p.create("x.fifo", nil)
	p.note("create .fifo that is none", err)
	_, err = p.create("y", map[string]string{"Nonsense": "1"})
	p.note("create with an unknown attribute", err)
	_, err = p.create("y", map[string]string{"MaximumMessageSize": "1023"})
	p.note("create with a bad attribute", err)
	_, err = p.client.GetQueueUrl(p.ctx, &awssqs.GetQueueUrlInput{QueueName: aws.String("none")})
	p.note("URL of a missing queue", err)
	out, err := p.client.GetQueueAttributes(p.ctx, &awssqs.GetQueueAttributesInput{QueueUrl: q, AttributeNames: []types.QueueAttributeName{"All"}})
	if err == nil {
		delete(out.Attributes, "CreatedTimestamp")
		delete(out.Attributes, "LastModifiedTimestamp")
		for _, name := range slices.Sorted(maps.Keys(out.Attributes)) {
			p.note("attribute "+name, nil, out.Attributes[name])
		}
	}
	_, err = p.client.GetQueueAttributes(p.ctx, &awssqs.GetQueueAttributesInput{QueueUrl: q, AttributeNames: []types.QueueAttributeName{"Nonsense"}})
	p.note("unknown attribute", err)
	_, err = p.client.TagQueue(p.ctx, &awssqs.TagQueueInput{QueueUrl: q, Tags: map[string]string{"a": "1", "b": "2"}})
	p.note("tag", err)
	_, err = p.client.UntagQueue(p.ctx, &awssqs.UntagQueueInput{QueueUrl: q, TagKeys: []string{"a"}})
	p.note("untag", err)
	tags, err := p.client.ListQueueTags(p.ctx, &awssqs.ListQueueTagsInput{QueueUrl: q})
	if err == nil {
		p.note("tags", nil, tags.Tags)
	}
	p.must("qq", nil)
	list, err := p.client.ListQueues(p.ctx, &awssqs.ListQueuesInput{QueueNamePrefix: aws.String("q")})
	if err == nil {
		p.note("list", nil, len(list.QueueUrls))
	}
	return q
}

func (p *player) sends(q *string) {
	out, err := p.send(q, "plain ü 😀", nil)
	if err == nil {
		p.note("send", nil, *out.MD5OfMessageBody, len(*out.MessageId))
	}
	out, err = p.send(q, "with attributes", map[string]types.MessageAttributeValue{
		"s": {DataType: aws.String("String.label"), StringValue: aws.String("é")},
		"n": {DataType: aws.String("Number"), StringValue: aws.String("-1.5")},
		"b": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1, 255}},
	})
	if err == nil {
		p.note("send with attributes", nil, *out.MD5OfMessageAttributes)
	}
	refused := p.must("refused", nil) // What one server takes and the other does not must not get in the way later.
	_, err = p.send(refused, "", nil)
	p.note("send an empty body", err)
	_, err = p.send(refused, strings.Repeat("x", 1<<20+1), nil)
	p.note("send too much", err)
	_, err = p.send(aws.String(*q+"x"), "m", nil)
	p.note("send to a missing queue", err)
	_, err = p.send(refused, "m", map[string]types.MessageAttributeValue{"s": {DataType: aws.String("String"), StringValue: aws.String("")}})
	p.note("send an empty attribute", err)
	_, err = p.send(refused, "m", map[string]types.MessageAttributeValue{"s": {DataType: aws.String("Text"), StringValue: aws.String("v")}})
	p.note("send an unknown type", err)
	_, err = p.send(refused, "m", map[string]types.MessageAttributeValue{"s s": {DataType: aws.String("String"), StringValue: aws.String("v")}})
	p.note("send a bad attribute name", err)
	many := map[string]types.MessageAttributeValue{}
	for i := range 11 {
		many[fmt.Sprint("a", i)] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String("v")}
	}
	_, err = p.send(refused, "m", many)
	p.note("send 11 attributes", err)
	_, err = p.send(refused, "\x00", nil)
	p.note("send a control character", err)
	_, err = p.client.SendMessage(p.ctx, &awssqs.SendMessageInput{QueueUrl: refused, MessageBody: aws.String("m"), DelaySeconds: 901})
	p.note("send with a long delay", err)
	_, err = p.client.SendMessage(p.ctx, &awssqs.SendMessageInput{QueueUrl: refused, MessageBody: aws.String("m"), MessageDeduplicationId: aws.String("d")})
	p.note("send a dedup id to a standard queue", err)
	got, err := p.take(q, 10, 1)
	p.note("what was accepted", err, found(got))
}
