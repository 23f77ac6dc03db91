package farend

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/internal/awscreds"
	"sluice/internal/fault"
	"sluice/internal/readback"
)

// A receiver is who makes, reads and removes a queue: the identity of the environment, not the role that sends.
type receiver struct {
	identity *awscreds.AWS
	client   *api.Client
	url      string   // of the queue
	made     bool     // for the run
	close    []func() // in reverse order
}

// configuredSQS is the queue of the settings, or one that is created and deleted again if they name none.
func configuredSQS(ctx context.Context, o Options) (*trial.FarEnd, error) {
	c, err := read("sqs", o)
	if err != nil {
		return nil, err
	}
	// Before anything is made: the sender's own look at its destination, which does not have to be there yet.
	if err := c.reach(ctx); err != nil && !(c.make && fault.From(err).Reason == "queue_missing") {
		return nil, err
	}
	r, err := newReceiver(ctx, c.SQS.QueueURL)
	if err != nil {
		return nil, err
	}
	f := &trial.FarEnd{Close: r.done}
	switch {
	case c.make:
		if err := r.create(ctx, o.made()); err != nil {
			return f, err
		}
	case r.url == "":
		out, err := r.client.GetQueueUrl(ctx, &api.GetQueueUrlInput{QueueName: &c.SQS.QueueName})
		if err != nil {
			return f, refused("find the queue "+c.SQS.QueueName, err, "set SLUICE_SQS_QUEUE_URL")
		}
		r.url = aws.ToString(out.QueueUrl)
	}
	f = queue(o, r.identity, r.url)
	f.Close = r.done
	backlog, consume := f.Backlog, f.Consume
	f.Backlog = func(ctx context.Context) (int, error) {
		n, err := backlog(ctx)
		return n, refused("look at the queue", err, "see whether it is still there")
	}
	f.Consume = func(ctx context.Context, sink *trial.Sink) error {
		return refused("receive from the queue", consume(ctx, sink), "see whether it is still there")
	}
	f.Env = append(c.env, "SLUICE_SQS_QUEUE_NAME=", "SLUICE_SQS_QUEUE_URL="+r.url)
	batching := o.side("sqs")
	f.Target = r.target()
	f.Target.Durability, f.Target.Consumer = "stored by the queue", "own"
	f.Target.MaxRecords, f.Target.Linger = min(10, batching.MaxRecords), result.Millis(batching.Linger) // SQS: at most 10
	if o.Workload.Consumer.Mode != "own" {
		return f, nil
	}
	f.Target.Settings, err = r.look(ctx, "set consumer.mode: reply in the workload")
	return f, err
}

// newReceiver takes the region from the address of the queue if that has one, as the driver does.
func newReceiver(ctx context.Context, address string) (*receiver, error) {
	identity, err := awscreds.Load(ctx, awscreds.Config{})
	if err != nil {
		return nil, err
	}
	r := &receiver{identity: identity, url: address, close: []func(){identity.Close}}
	if u, err := url.Parse(address); err == nil {
		if there := regionOf(u.Hostname()); there != "" && there != identity.Region() {
			sdk := identity.Config()
			sdk.Region = there
			if r.identity, err = awscreds.New(sdk, awscreds.Config{}); err != nil {
				r.shut()
				return nil, err
			}
			r.close = append(r.close, r.identity.Close)
		}
	}
	r.client = api.NewFromConfig(r.identity.Config(), func(o *api.Options) { o.HTTPClient = r.identity.HTTPClient() })
	return r, nil
}

// done deletes the queue if it was made for the run, and ends what is open.
func (r *receiver) done(ctx context.Context) error {
	var err error
	if r.made {
		err = refused("delete the queue that was created", readback.DeleteSQSQueue(ctx, r.identity, r.url), "delete it by hand")
	}
	r.shut()
	return err
}

func (r *receiver) shut() {
	for i := range r.close {
		r.close[len(r.close)-1-i]()
	}
}

// create makes the queue of a run, and waits until it can be used. SQS: that takes a second.
func (r *receiver) create(ctx context.Context, name string) error {
	const todo = "allow sqs:CreateQueue, or set SLUICE_SQS_QUEUE_URL to a queue that is empty and nobody else's"
	var err error
	if r.url, err = readback.CreateSQSQueue(ctx, r.identity, name, nil); err != nil {
		return refused("create a queue for the run", errors.Unwrap(err), todo)
	}
	r.made = true
	for range 10 {
		var missing *types.QueueDoesNotExist
		if _, err = r.attributes(ctx); !errors.As(err, &missing) {
			break
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(500 * time.Millisecond):
		}
	}
	return refused("look at the queue that was created", err, "allow sqs:GetQueueAttributes")
}

func (r *receiver) attributes(ctx context.Context) (map[string]string, error) {
	out, err := r.client.GetQueueAttributes(ctx, &api.GetQueueAttributesInput{QueueUrl: &r.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

// target says who serves the queue: not its address counts, but where the SDK sends its requests.
func (r *receiver) target() result.Target {
	u, err := url.Parse(r.url)
	endpoint := aws.ToString(r.client.Options().BaseEndpoint)
	if err != nil || endpoint == "" {
		t := where("sqs", r.url)
		t.Kind, t.Region = result.AWS, r.identity.Region()
		return t
	}
	t := where("sqs", endpoint)
	if there, err := url.Parse(endpoint); err == nil {
		t.Name = there.Scheme + "://" + there.Host + u.Path
	}
	return t
}

// shown are the attributes of a queue that change the meaning of a number.
var shown = []types.QueueAttributeName{types.QueueAttributeNameVisibilityTimeout, types.QueueAttributeNameDelaySeconds, types.QueueAttributeNameMaximumMessageSize,
	types.QueueAttributeNameSqsManagedSseEnabled, types.QueueAttributeNameFifoThroughputLimit, types.QueueAttributeNameDeduplicationScope}

// look makes sure that we may receive and that there is nothing to be received, which the queue's own count says only
// roughly, and returns the attributes to be shown. A message that is there stays there. instead is what else a user can do
// who may not receive.
func (r *receiver) look(ctx context.Context, instead string) (map[string]string, error) {
	all, err := r.attributes(ctx)
	if err != nil {
		return nil, refused("look at the queue", err, "allow sqs:GetQueueAttributes to the credentials of the AWS_* settings, which receive")
	}
	settings := map[string]string{}
	for _, name := range shown {
		if value := all[string(name)]; value != "" {
			settings[string(name)] = value
		}
	}
	if all[string(types.QueueAttributeNameKmsMasterKeyId)] != "" {
		settings["encryption"] = "KMS"
	}
	if n := held(all); n > 0 {
		return settings, notEmpty("the queue "+r.url, n)
	}
	out, err := r.client.ReceiveMessage(ctx, &api.ReceiveMessageInput{QueueUrl: &r.url, MaxNumberOfMessages: 1, VisibilityTimeout: 0})
	if err != nil {
		return settings, refused("receive from the queue", err, "allow sqs:ReceiveMessage and sqs:DeleteMessage to the credentials of the AWS_* settings, or "+instead)
	}
	if len(out.Messages) > 0 {
		return settings, notEmpty("the queue "+r.url, len(out.Messages))
	}
	return settings, nil
}

// held adds up the messages that a queue says it has.
func held(attributes map[string]string) int {
	total := 0
	for _, name := range []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible, types.QueueAttributeNameApproximateNumberOfMessagesDelayed} {
		n, _ := strconv.Atoi(attributes[string(name)]) // what is no number is found by Backlog
		total += n
	}
	return total
}
