package readback

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/sync/errgroup"

	"sluice/internal/awscreds"
)

// Calls are the requests of a consumer that SQS bills. It bills a request for every 64 KiB of payload begun.
type Calls struct {
	Receives      int64 // with messages
	ReceiveChunks int64 // of 64 KiB begun, of the receives with messages
	EmptyReceives int64
	Deletes       int64 // requests, of up to ten messages
	Returns       int64 // requests that gave messages back
}

// chunk is the unit in which SQS bills a payload: 64 KiB or a part of it is one request.
const chunk = 64 << 10

// An SQS is a Consumer of an SQS queue, by long polling. Safe for concurrent use.
type SQS struct {
	client *sqs.Client
	url    string
	o      Options

	mu    sync.Mutex
	calls Calls
}

// OpenSQS returns a consumer of the queue at url, as a. It makes no request.
func OpenSQS(a *awscreds.AWS, url string, o Options) *SQS {
	return &SQS{client: newSQS(a), url: url, o: o}
}

func newSQS(a *awscreds.AWS) *sqs.Client {
	return sqs.NewFromConfig(a.Config(), func(o *sqs.Options) { o.HTTPClient = a.HTTPClient() })
}

// Calls returns what has been asked so far.
func (c *SQS) Calls() Calls {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

func (c *SQS) count(add func(*Calls)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	add(&c.calls)
}

// Close does nothing: the connections belong to the identity.
func (c *SQS) Close() error { return nil }

// Consume is Consumer's.
func (c *SQS) Consume(ctx context.Context, handle func(context.Context, Delivery) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for range c.o.pollers() {
		group.Go(func() error { return c.poll(ctx, handle) })
	}
	return group.Wait()
}

// poll receives, handles and deletes until ctx ends.
func (c *SQS) poll(ctx context.Context, handle func(context.Context, Delivery) error) error {
	var gone away
	for ctx.Err() == nil {
		messages, err := c.receive(ctx)
		if err == nil {
			err = c.settle(ctx, messages, handle)
		}
		switch {
		case err == nil:
			gone.back()
		case refused(err):
			return err
		default:
			if err := gone.pause(ctx, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// refused reports whether SQS has answered that it will not, whoever asks again.
func refused(err error) bool {
	var answer *smithyhttp.ResponseError
	return errors.As(err, &answer) && answer.HTTPStatusCode() >= 400 && answer.HTTPStatusCode() < 500 &&
		answer.HTTPStatusCode() != 429 && !throttled(err)
}

// throttled reports whether SQS asks for fewer requests, which it may do with status 400 or 403.
func throttled(err error) bool {
	var api interface{ ErrorCode() string }
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "RequestThrottled", "ThrottlingException", "Throttling", "OverLimit", "KmsThrottled":
		return true
	}
	return false
}

func (c *SQS) receive(ctx context.Context) ([]types.Message, error) {
	wait := c.o.Wait
	if wait == 0 {
		wait = defaultWait
	}
	in := &sqs.ReceiveMessageInput{QueueUrl: &c.url, MaxNumberOfMessages: int32(min(c.o.batch(), 10)), // SQS: at most 10
		WaitTimeSeconds: int32(wait.Seconds()), MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}}
	if c.o.Visibility > 0 {
		in.VisibilityTimeout = int32(max(1, c.o.Visibility.Seconds()))
	}
	// A poll that is given up may take messages with it, which then stay hidden: it is waited for, even when ctx has ended.
	asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait+finish)
	defer cancel()
	out, err := c.client.ReceiveMessage(asked, in)
	if err != nil {
		return nil, fmt.Errorf("receive from %s: %w", c.url, err)
	}
	c.count(func(n *Calls) {
		if len(out.Messages) == 0 {
			n.EmptyReceives++
			return
		}
		n.Receives++
		n.ReceiveChunks += chunks(out.Messages)
	})
	return out.Messages, nil
}

// chunks counts as SQS does: bodies and attributes with their names and types.
func chunks(messages []types.Message) int64 {
	n := 0
	for _, m := range messages {
		n += len(aws.ToString(m.Body))
		for name, a := range m.MessageAttributes {
			n += len(name) + len(aws.ToString(a.DataType)) + len(aws.ToString(a.StringValue)) + len(a.BinaryValue)
		}
	}
	return max(1, int64(n+chunk-1)/chunk)
}

// settle handles the messages in order, deletes what was handled, and gives the others back if it is to. What follows
// the message in hand when ctx ends is not handled any more.
func (c *SQS) settle(ctx context.Context, messages []types.Message, handle func(context.Context, Delivery) error) error {
	arrived := time.Now()
	work := context.WithoutCancel(ctx)
	var done, failed []types.Message
	for i, m := range messages {
		if i > 0 && ctx.Err() != nil {
			failed = append(failed, messages[i:]...)
			break
		}
		if err := handle(work, delivery(m, arrived)); err != nil {
			failed = append(failed, m)
			continue
		}
		done = append(done, m)
	}
	work, cancel := context.WithTimeout(work, finish)
	defer cancel()
	err := c.remove(work, done)
	if c.o.Return {
		err = errors.Join(err, c.giveBack(work, failed))
	}
	return err
}

func (c *SQS) remove(ctx context.Context, messages []types.Message) error {
	if len(messages) == 0 {
		return nil
	}
	entries := make([]types.DeleteMessageBatchRequestEntry, len(messages))
	for i, m := range messages {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle}
	}
	out, err := c.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &c.url, Entries: entries})
	if err != nil {
		return fmt.Errorf("delete from %s: %w", c.url, err)
	}
	c.count(func(n *Calls) { n.Deletes++ })
	if len(out.Failed) > 0 { // they come back
		return fmt.Errorf("delete from %s: %s", c.url, aws.ToString(out.Failed[0].Message))
	}
	return nil
}

func (c *SQS) giveBack(ctx context.Context, messages []types.Message) error {
	if len(messages) == 0 {
		return nil
	}
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(messages))
	for i, m := range messages {
		entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle}
	}
	_, err := c.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &c.url, Entries: entries})
	if err != nil {
		return fmt.Errorf("give back to %s: %w", c.url, err)
	}
	c.count(func(n *Calls) { n.Returns++ })
	return nil
}

func delivery(m types.Message, arrived time.Time) Delivery {
	number := func(name types.MessageSystemAttributeName) int64 {
		n, _ := strconv.ParseInt(m.Attributes[string(name)], 10, 64) // 0, that is not said, if it is no number
		return n
	}
	at := func(name types.MessageSystemAttributeName) time.Time {
		if ms := number(name); ms > 0 {
			return time.UnixMilli(ms)
		}
		return time.Time{}
	}
	return Delivery{Record: record(m), MessageID: aws.ToString(m.MessageId), Arrived: arrived,
		Receives:      int(number(types.MessageSystemAttributeNameApproximateReceiveCount)),
		Stored:        at(types.MessageSystemAttributeNameSentTimestamp),
		FirstReceived: at(types.MessageSystemAttributeNameApproximateFirstReceiveTimestamp)}
}

// Backlog adds up what SQS counts, approximately: visible, received and not deleted, and delayed messages.
func (c *SQS) Backlog(ctx context.Context) (int, error) {
	names := []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible, types.QueueAttributeNameApproximateNumberOfMessagesDelayed}
	out, err := c.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &c.url, AttributeNames: names})
	if err != nil {
		return 0, fmt.Errorf("look at %s: %w", c.url, err)
	}
	total := 0
	for _, name := range names {
		n, err := strconv.Atoi(out.Attributes[string(name)])
		if err != nil {
			return 0, fmt.Errorf("look at %s: %s is %q, want a number", c.url, name, out.Attributes[string(name)])
		}
		total += n
	}
	return total, nil
}

// CreateSQSQueue makes a queue with these attributes as SQS names them, and returns its address. A queue of that name with
// the same attributes is taken as it is.
func CreateSQSQueue(ctx context.Context, a *awscreds.AWS, name string, attributes map[string]string) (url string, err error) {
	out, err := newSQS(a).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		return "", fmt.Errorf("create the queue %q: %w", name, err)
	}
	return aws.ToString(out.QueueUrl), nil
}

// DeleteSQSQueue deletes the queue at url with all that it holds; one that is not there is no error. SQS refuses to make
// a queue of the same name again for a minute.
func DeleteSQSQueue(ctx context.Context, a *awscreds.AWS, url string) error {
	_, err := newSQS(a).DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &url})
	var missing *types.QueueDoesNotExist
	if err != nil && !errors.As(err, &missing) {
		return fmt.Errorf("delete the queue %s: %w", url, err)
	}
	return nil
}
