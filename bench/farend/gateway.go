package farend

import (
	"context"
	"encoding/base64"
	"fmt"
	"sync"

	"sluice/bench/trial"
	"sluice/internal/readback"
)

// configuredGateway is the API of the settings. What is behind it is out of sight: a record is processed when the reply
// comes. Where the integration puts receipts into a queue, they are audited.
func configuredGateway(ctx context.Context, o Options) (*trial.FarEnd, error) {
	c, err := read("apigateway", o)
	if err != nil {
		return nil, err
	}
	if err := c.reach(ctx); err != nil {
		return nil, err
	}
	f := gateway(o)
	f.Env = c.env
	f.Target = where("apigateway", c.APIGateway.URL)
	f.Target.Durability, f.Target.Consumer, f.Target.MaxRecords = "the integration has answered", "reply", 1
	f.Target.Settings = withAPI(nil, o.api())
	if o.Workload.Consumer.Receipts == "" {
		return f, nil
	}
	return f, receipts(ctx, f, o)
}

// receipts lets a far end be audited by the queue into which its integration puts what it was handed.
func receipts(ctx context.Context, f *trial.FarEnd, o Options) error {
	r, err := newReceiver(ctx, o.Workload.Consumer.Receipts)
	if err != nil {
		return err
	}
	used := false
	f.Close = func(ctx context.Context) error {
		defer r.shut()
		if !used { // what is in the queue is none of ours
			return nil
		}
		return r.empty(ctx)
	}
	if _, err := r.look(ctx, "leave consumer.receipts out of the workload"); err != nil {
		return fmt.Errorf("consumer.receipts: %w", err)
	}
	options := readback.Options{Pollers: o.pollers(), Return: true}
	look, seen := readback.OpenSQS(r.identity, r.url, options), &once{}
	f.Target.Consumer, f.Receipts = "receipts", true
	f.Backlog = func(ctx context.Context) (int, error) {
		n, err := look.Backlog(ctx)
		return n, refused("look at the queue of receipts", err, "see whether it is still there")
	}
	f.Consume = func(ctx context.Context, sink *trial.Sink) error {
		used = true
		err := readback.OpenSQS(r.identity, r.url, options).Consume(ctx, func(ctx context.Context, d readback.Delivery) error {
			if !seen.first(d.MessageID) {
				return nil
			}
			return sink.Handle(ctx, receipt(d))
		})
		return refused("receive from the queue of receipts", err, "see whether it is still there")
	}
	return nil
}

// empty removes what an interrupted trial has left in the queue.
func (r *receiver) empty(ctx context.Context) error {
	all, err := r.attributes(ctx)
	if err == nil && held(all) > 0 {
		_, err = readback.OpenQueue(r.identity, r.url).Drain(ctx, nil)
	}
	return refused("empty the queue of receipts "+r.url, err, "empty it by hand")
}

// encoding is the message attribute of a receipt whose body is not that of the record but its base64.
const encoding = "sluice-encoding"

// receipt is the record as the integration was handed it, which is dated by the queue: queues and receivers change the
// order of what they hand on. A body that is no base64, though it should be, is left as it is and fails the audit.
func receipt(d readback.Delivery) readback.Delivery {
	if !d.Stored.IsZero() {
		d.Arrived = d.Stored
	}
	if d.Record.Headers[encoding] == "base64" {
		if body, err := base64.StdEncoding.DecodeString(string(d.Record.Body)); err == nil {
			d.Record.Body = body
		}
	}
	return d
}

// once knows which messages have been handed out. SQS may hand out one twice, which would be the duplicate of a receipt
// and not of a record.
type once struct {
	mu   sync.Mutex
	seen map[string]bool
}

// first reports whether a message is seen for the first time.
func (o *once) first(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen[id] {
		return false
	}
	if o.seen == nil {
		o.seen = map[string]bool{}
	}
	o.seen[id] = true
	return true
}
