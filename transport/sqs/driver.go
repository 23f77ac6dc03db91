package sqs

import (
	"context"
	"crypto/fips140"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"sluice/internal/awscreds"
	"sluice/internal/fault"
	"sluice/transport"
)

const (
	opSend       = "sqs.SendMessageBatch"
	opURL        = "sqs.GetQueueUrl"
	opAttributes = "sqs.GetQueueAttributes"

	maxEntries = 10              // SQS: at most 10 entries in a request
	maxBytes   = 1 << 20         // SQS: at most 1 MiB in a request, and in a message of a queue that sets no lower limit
	dedup      = 5 * time.Minute // SQS: a FIFO queue drops a repeated deduplication id for 5 minutes
)

// A Transport sends to one queue. It is safe for concurrent use.
type Transport struct {
	cfg    Config
	aws    *awscreds.AWS
	client *sqs.Client
	http   *http.Client
	region string
	fifo   bool
	digest bool // compare MD5s
	caps   transport.Capabilities

	mu  sync.Mutex
	url string // of the queue, once known
}

// openTimeout bounds how long Open waits for the queue's attributes: a daemon has to be up, and say what is wrong, soon.
const openTimeout = 5 * time.Second

// Open prepares to send, and reads from the queue how large a message may be. A queue that cannot be reached or does not
// exist is no error: Send and Check say so, and delivery begins when it is there. Then the limit is taken to be 1 MiB,
// as it is where reading the attributes is not allowed. The Transport uses a until it is closed, and does not close it.
func Open(ctx context.Context, cfg Config, a *awscreds.AWS) (*Transport, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	region := cfg.region()
	if region == "" {
		region = a.Region()
	}
	if region == "" {
		return nil, errors.New("the region of the queue is not known; set AWS_REGION")
	}
	t := &Transport{cfg: cfg, aws: a, http: a.HTTPClient(), region: region, fifo: cfg.fifo(), digest: !fips140.Enforced(), url: cfg.QueueURL}
	t.client = sqs.NewFromConfig(a.Config(), func(o *sqs.Options) {
		o.Region = region
		o.Retryer = aws.NopRetryer{} // the Deliverer repeats, and counts
		o.HTTPClient = t.http
		// The SDK's check fails a whole request for one message, and only after all of them have been accepted. Send
		// compares the digests itself, message by message.
		o.DisableMessageChecksumValidation = true
	})
	t.caps = transport.Capabilities{MaxRecords: maxEntries, MaxBytes: maxBytes, MaxRecordBytes: maxBytes, Ordered: t.fifo}
	if t.fifo {
		t.caps.Dedup = dedup
	}
	ctx, cancel := awscreds.Limit(ctx, min(cfg.Timeout, openTimeout), timeoutVariable)
	defer cancel()
	if limit, err := t.limit(ctx); err == nil {
		t.caps.MaxRecordBytes = limit
	}
	return t, nil
}

// Capabilities are those of the queue as it was when it was opened.
func (t *Transport) Capabilities() transport.Capabilities { return t.caps }

// Close closes the idle connections.
func (t *Transport) Close() error {
	t.http.CloseIdleConnections()
	return nil
}

// Check reads the queue's attributes, which shows that it exists and that our credentials count. Whether they allow to
// send shows only when a record is sent.
func (t *Transport) Check(ctx context.Context) error {
	ctx, cancel := awscreds.Limit(ctx, t.cfg.Timeout, timeoutVariable)
	defer cancel()
	_, err := t.limit(ctx)
	return err
}

// limit returns how many bytes a message of the queue may have.
func (t *Transport) limit(ctx context.Context) (int, error) {
	url, err := t.queueURL(ctx)
	if err != nil {
		return 0, err
	}
	out, err := call(ctx, t, opAttributes, func(ctx context.Context, with func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
		return t.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl:       aws.String(url),
			AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameMaximumMessageSize},
		}, with)
	})
	if err != nil {
		return 0, err
	}
	value := out.Attributes[string(types.QueueAttributeNameMaximumMessageSize)]
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return 0, &fault.Error{Class: fault.Blocked, Reason: "unexpected_answer", Op: opAttributes,
			Err: fmt.Errorf("the queue's MaximumMessageSize is %q; check that this is SQS", value)}
	}
	return min(n, maxBytes), nil
}

// queueURL returns the address of the queue, which it asks for if only the name is configured.
func (t *Transport) queueURL(ctx context.Context) (string, error) {
	t.mu.Lock()
	url := t.url
	t.mu.Unlock()
	if url != "" {
		return url, nil
	}
	out, err := call(ctx, t, opURL, func(ctx context.Context, with func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error) {
		return t.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(t.cfg.QueueName)}, with)
	})
	if err != nil {
		return "", err
	}
	if url = aws.ToString(out.QueueUrl); url == "" {
		return "", &fault.Error{Class: fault.Blocked, Reason: "unexpected_answer", Op: opURL, Err: errors.New("the answer has no queue address; check that this is SQS")}
	}
	t.mu.Lock()
	t.url = url
	t.mu.Unlock()
	return url, nil
}

// call makes one request. If SQS calls the credentials expired or unknown, it is made once more with newer ones; SQS has
// done nothing the first time. Errors carry a verdict.
func call[O any](ctx context.Context, t *Transport, op string, do func(context.Context, func(*sqs.Options)) (*O, error)) (*O, error) {
	creds, err := t.aws.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	for again := false; ; again = true {
		watched, wire := awscreds.Watch(ctx)
		out, err := do(watched, func(o *sqs.Options) { o.Credentials = pinned{creds} })
		if err == nil {
			return out, nil
		}
		verdict := t.classify(op, wire, err)
		if again || !staleCredentials[verdict.Reason] {
			return nil, verdict
		}
		newer, err := t.aws.Refresh(ctx, creds)
		if err != nil {
			return nil, awscreds.NotRefreshed("SQS", verdict, err)
		}
		creds = newer
	}
}

// pinned provides one set of credentials, so that it is known which set SQS refused.
type pinned struct{ creds aws.Credentials }

// Retrieve returns the set.
func (p pinned) Retrieve(context.Context) (aws.Credentials, error) { return p.creds, nil }
