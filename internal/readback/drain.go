package readback

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"sluice/internal/awscreds"
	"sluice/transport"
)

// A Queue is an SQS queue to empty.
type Queue struct {
	client *sqs.Client
	url    string
}

// OpenQueue returns the queue at url, read as a.
func OpenQueue(a *awscreds.AWS, url string) *Queue {
	return &Queue{url: url, client: newSQS(a)}
}

// emptyPolls is how many long polls in a row must find nothing before a queue counts as empty. A long poll asks all
// servers of a queue, so one would do but for messages that become visible in between.
const emptyPolls = 2

// Drain receives and deletes messages until there are none, and returns them as records: the ID and Key from the
// attributes sluice-id and sluice-key or, on a FIFO queue, the group. progress, if not nil, is told the number so
// far. Drain needs the queue for itself.
func (q *Queue) Drain(ctx context.Context, progress func(total int)) ([]transport.Record, error) {
	var records []transport.Record
	for empty := 0; ; {
		if empty >= emptyPolls {
			switch hidden, err := q.hidden(ctx); {
			case err != nil:
				return records, err
			case !hidden:
				return records, nil
			}
			empty = 0
		}
		out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &q.url, MaxNumberOfMessages: 10,
			WaitTimeSeconds: 1, MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameMessageGroupId}})
		if err != nil {
			return records, fmt.Errorf("receive from %s: %w", q.url, err)
		}
		if len(out.Messages) == 0 {
			empty++
			continue
		}
		empty = 0
		entries := make([]types.DeleteMessageBatchRequestEntry, len(out.Messages))
		for i, m := range out.Messages {
			records = append(records, record(m))
			entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle}
		}
		deleted, err := q.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
		if err != nil {
			return records, fmt.Errorf("delete from %s: %w", q.url, err)
		}
		if len(deleted.Failed) > 0 {
			return records, fmt.Errorf("delete from %s: %w", q.url, errors.New(aws.ToString(deleted.Failed[0].Message)))
		}
		if progress != nil {
			progress(len(records))
		}
	}
}

// hidden reports whether messages are received and not deleted, as they are when the answer to a receive was lost: they
// come back when their visibility timeout is over.
func (q *Queue) hidden(ctx context.Context) (bool, error) {
	const name = types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", q.url, err)
	}
	return out.Attributes[string(name)] != "0", nil
}

// record undoes what a driver does to a record.
func record(m types.Message) transport.Record {
	r := transport.Record{Body: []byte(aws.ToString(m.Body)), Key: m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)]}
	for name, value := range m.MessageAttributes {
		switch strings.ToLower(name) {
		case "sluice-id":
			r.ID = aws.ToString(value.StringValue)
		case "sluice-key":
			r.Key = aws.ToString(value.StringValue)
		default:
			if r.Headers == nil {
				r.Headers = map[string]string{}
			}
			r.Headers[name] = aws.ToString(value.StringValue)
		}
	}
	return r
}
