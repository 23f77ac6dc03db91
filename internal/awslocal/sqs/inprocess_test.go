package sqs

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// A rig is an Engine called in process, on the clock of the bubble that the test runs in.
type rig struct {
	t *testing.T
	e *Engine
}

func newRig(t *testing.T) *rig {
	t.Helper()
	e := New(Options{Account: testAccount, Region: testRegion, BaseURL: "http://sqs.test"})
	t.Cleanup(e.Close)
	return &rig{t: t, e: e}
}

// queue creates a queue, FIFO if its name says so.
func (r *rig) queue(name string, pairs ...string) string {
	r.t.Helper()
	attrs := map[string]string{}
	if strings.HasSuffix(name, ".fifo") {
		attrs["FifoQueue"] = "true"
	}
	for i := 0; i < len(pairs); i += 2 {
		attrs[pairs[i]] = pairs[i+1]
	}
	url, err := r.e.CreateQueue(name, attrs)
	if err != nil {
		r.t.Fatalf("create %s: %v", name, err)
	}
	return url
}

func (r *rig) send(url, body, group, dedup string) string {
	r.t.Helper()
	id, err := r.e.Send(url, body, nil, group, dedup)
	if err != nil {
		r.t.Fatalf("send %q: %v", body, err)
	}
	return id
}

func (r *rig) call() *call { return &call{ctx: r.t.Context(), base: r.e.options.BaseURL} }

// receive takes up to n messages, waiting for the first for up to wait seconds.
func (r *rig) receive(url string, n, wait int) []receivedMessage {
	r.t.Helper()
	return r.receiveCtx(r.t.Context(), &receiveMessageRequest{QueueURL: url, MaxNumberOfMessages: &n, WaitTimeSeconds: &wait, AttributeNames: []string{"All"}})
}

func (r *rig) receiveCtx(ctx context.Context, in *receiveMessageRequest) []receivedMessage {
	r.t.Helper()
	out, err := r.e.receiveMessage(&call{ctx: ctx}, in)
	if err != nil {
		r.t.Errorf("receive: %v", err)
		return nil
	}
	return out.Messages
}

func (r *rig) delete(url string, m receivedMessage) error {
	_, err := r.e.deleteMessage(r.call(), &deleteMessageRequest{QueueURL: url, ReceiptHandle: m.ReceiptHandle})
	return err
}

func (r *rig) change(url string, m receivedMessage, seconds int) error {
	_, err := r.e.changeMessageVisibility(r.call(), &changeMessageVisibilityRequest{
		QueueURL: url, visibilityChange: visibilityChange{ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: &seconds},
	})
	return err
}

func (r *rig) set(url, name, value string) {
	r.t.Helper()
	if _, err := r.e.setQueueAttributes(r.call(), &setQueueAttributesRequest{QueueURL: url, Attributes: map[string]string{name: value}}); err != nil {
		r.t.Fatalf("set %s: %v", name, err)
	}
}

func (r *rig) attribute(url, name string) string {
	r.t.Helper()
	out, err := r.e.getQueueAttributes(r.call(), &getQueueAttributesRequest{QueueURL: url, AttributeNames: []string{name}})
	if err != nil {
		r.t.Fatalf("get %s: %v", name, err)
	}
	return out.Attributes[name]
}

// want checks the bodies received, in order.
func want(t *testing.T, got []receivedMessage, bodies ...string) {
	t.Helper()
	var have []string
	for _, m := range got {
		have = append(have, m.Body)
	}
	if !slices.Equal(have, bodies) {
		t.Errorf("got %q, want %q", have, bodies)
	}
}

// wantRefused checks the code of a refusal.
func wantRefused(t *testing.T, err error, code string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), code+":") {
		t.Errorf("got %v, want %s", err, code)
	}
}

// pass lets virtual time go by, in a bubble.
func pass(d time.Duration) { time.Sleep(d) }
