package sqs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A known is a message as the model sees it.
type known struct {
	id, body, group string
	order           int
	sent, visible   time.Time
	receives        int
	handle          string // of the last receive
	inflight        bool
}

// A queueModel is a queue in the simplest form: a list that is searched. The Engine must be indistinguishable from it,
// but for the order of groups and of the messages of a standard queue.
type queueModel struct {
	t        *rapid.T
	e        *Engine
	url, dlq string
	clock    *clock

	fifo                         bool
	delay, visibility, retention time.Duration
	maxReceives                  int

	messages []*known
	stale    []string // handles that no longer name anything
	sent     int
}

func (m *queueModel) now() time.Time { return m.clock.Now() }

// settle drops what is too old and ends timeouts.
func (m *queueModel) settle() {
	m.messages = slices.DeleteFunc(m.messages, func(k *known) bool { return !m.now().Before(k.sent.Add(m.retention)) })
	for _, k := range m.messages {
		if k.inflight && !m.now().Before(k.visible) {
			k.inflight = false
		}
	}
}

// locked reports whether a FIFO group has a message in flight.
func (m *queueModel) locked(group string) bool {
	return m.fifo && slices.ContainsFunc(m.messages, func(k *known) bool { return k.group == group && k.inflight })
}

// visible is what a receive could give now.
func (m *queueModel) visible() (out []*known) {
	for _, k := range m.messages {
		if !k.inflight && !m.now().Before(k.visible) && !m.locked(k.group) {
			out = append(out, k)
		}
	}
	return out
}

func (m *queueModel) exhausted(k *known) bool {
	return m.maxReceives > 0 && k.receives >= m.maxReceives
}

func (m *queueModel) find(id string) *known {
	i := slices.IndexFunc(m.messages, func(k *known) bool { return k.id == id })
	if i < 0 {
		m.t.Fatalf("message %s was never sent, or is gone", id)
	}
	return m.messages[i]
}

func (m *queueModel) drop(k *known) {
	if k.handle != "" {
		m.stale = append(m.stale, k.handle)
	}
	m.messages = slices.DeleteFunc(m.messages, func(other *known) bool { return other == k })
}

func (m *queueModel) pass(t *rapid.T) {
	m.clock.pass(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "milliseconds")) * time.Millisecond)
	m.settle()
}

func (m *queueModel) send(t *rapid.T) {
	m.sent++
	k := &known{body: strconv.Itoa(m.sent), order: m.sent, sent: m.now(), visible: m.now().Add(m.delay)}
	in := &sendMessageRequest{QueueURL: m.url, outgoing: outgoing{MessageBody: k.body}}
	if m.fifo || rapid.Bool().Draw(t, "grouped") {
		k.group = rapid.SampledFrom([]string{"g", "h", "i"}).Draw(t, "group")
		in.MessageGroupID = &k.group
	}
	if m.fifo {
		in.MessageDeduplicationID = &k.body
	} else if rapid.Bool().Draw(t, "delayed") {
		seconds := rapid.IntRange(0, 30).Draw(t, "delay")
		in.DelaySeconds, k.visible = &seconds, m.now().Add(time.Duration(seconds)*time.Second)
	}
	out, err := m.e.sendMessage(&call{}, in)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	k.id = out.MessageID
	m.messages = append(m.messages, k)
}

func (m *queueModel) receive(t *rapid.T) {
	n := rapid.IntRange(1, 10).Draw(t, "max")
	timeout := m.visibility
	in := &receiveMessageRequest{QueueURL: m.url, MaxNumberOfMessages: &n}
	if rapid.Bool().Draw(t, "own timeout") {
		seconds := rapid.IntRange(0, 20).Draw(t, "timeout")
		in.VisibilityTimeout, timeout = &seconds, time.Duration(seconds)*time.Second
	}
	could := m.visible()
	good := slices.DeleteFunc(slices.Clone(could), m.exhausted)
	out, err := m.e.receiveMessage(&call{ctx: context.Background()}, in)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	if want := min(n, len(good)); len(out.Messages) != want {
		t.Fatalf("got %d messages, want %d: %d are visible", len(out.Messages), want, len(good))
	}
	last := map[string]int{}
	for _, got := range out.Messages {
		k := m.find(got.MessageID)
		if got.Body != k.body || !slices.Contains(good, k) {
			t.Fatalf("got %q with body %q, which is not visible", k.body, got.Body)
		}
		if m.fifo {
			if k.order <= last[k.group] {
				t.Fatalf("group %s: got %d after %d", k.group, k.order, last[k.group])
			}
			for _, earlier := range good {
				if earlier.group == k.group && earlier.order > last[k.group] && earlier.order < k.order {
					t.Fatalf("group %s: got %d before %d", k.group, k.order, earlier.order)
				}
			}
		}
		last[k.group] = k.order
		if k.handle != "" {
			m.stale = append(m.stale, k.handle)
		}
		k.handle, k.visible, k.inflight = got.ReceiptHandle, m.now().Add(timeout), true
		k.receives++
	}
	m.collectDead(t, could, len(out.Messages) < n)
	m.settle()
}

// collectDead empties the dead-letter queue, in which may be only what was visible and received too often. If the receive
// came to an end, all of that must be there.
func (m *queueModel) collectDead(t *rapid.T, could []*known, ended bool) {
	ten := 10
	for {
		out, err := m.e.receiveMessage(&call{ctx: context.Background()}, &receiveMessageRequest{QueueURL: m.dlq, MaxNumberOfMessages: &ten})
		if err != nil {
			t.Fatalf("receive dead letters: %v", err)
		}
		for _, got := range out.Messages {
			k := m.find(got.MessageID)
			if !slices.Contains(could, k) || !m.exhausted(k) {
				t.Fatalf("%q was set aside after %d receives", k.body, k.receives)
			}
			m.drop(k)
			if _, err := m.e.deleteMessage(&call{}, &deleteMessageRequest{QueueURL: m.dlq, ReceiptHandle: got.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
		if len(out.Messages) == 0 {
			break
		}
	}
	for _, k := range could {
		if ended && m.exhausted(k) && slices.Contains(m.messages, k) && !k.inflight {
			t.Fatalf("%q was not set aside after %d receives", k.body, k.receives)
		}
	}
}

// received picks a message that has a handle.
func (m *queueModel) received(t *rapid.T) *known {
	with := slices.DeleteFunc(slices.Clone(m.messages), func(k *known) bool { return k.handle == "" })
	if len(with) == 0 {
		t.Skip("nothing has been received")
	}
	return rapid.SampledFrom(with).Draw(t, "message")
}

func (m *queueModel) delete(t *rapid.T) {
	k := m.received(t)
	_, err := m.e.deleteMessage(&call{}, &deleteMessageRequest{QueueURL: m.url, ReceiptHandle: k.handle})
	if expired := m.fifo && !k.inflight; expired != (err != nil) {
		t.Fatalf("delete %q (in flight %v): got %v", k.body, k.inflight, err)
	}
	if err == nil {
		m.drop(k)
	}
}

func (m *queueModel) deleteStale(t *rapid.T) {
	if len(m.stale) == 0 {
		t.Skip("no stale handles")
	}
	// Whatever it answers, it must not delete anything: the counts are checked after each step.
	_, _ = m.e.deleteMessage(&call{}, &deleteMessageRequest{QueueURL: m.url, ReceiptHandle: rapid.SampledFrom(m.stale).Draw(t, "handle")})
}

func (m *queueModel) change(t *rapid.T) {
	k := m.received(t)
	seconds := rapid.IntRange(0, 30).Draw(t, "timeout")
	_, err := m.e.changeMessageVisibility(&call{}, &changeMessageVisibilityRequest{
		QueueURL: m.url, visibilityChange: visibilityChange{ReceiptHandle: k.handle, VisibilityTimeout: &seconds},
	})
	if refused := m.fifo && !k.inflight; refused != (err != nil) {
		t.Fatalf("change %q (in flight %v): got %v", k.body, k.inflight, err)
	}
	if err == nil {
		k.inflight, k.visible = true, m.now().Add(time.Duration(seconds)*time.Second)
		m.settle()
	}
}

// check compares what the queue says of itself with the model.
func (m *queueModel) check(t *rapid.T) {
	out, err := m.e.getQueueAttributes(&call{}, &getQueueAttributesRequest{QueueURL: m.url, AttributeNames: []string{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	var ready, delayed, inflight int
	for _, k := range m.messages {
		switch {
		case k.inflight:
			inflight++
		case m.now().Before(k.visible):
			delayed++
		default:
			ready++
		}
	}
	a := out.Attributes
	got := a["ApproximateNumberOfMessages"] + " " + a["ApproximateNumberOfMessagesDelayed"] + " " + a["ApproximateNumberOfMessagesNotVisible"]
	if want := fmt.Sprintf("%d %d %d", ready, delayed, inflight); got != want {
		t.Fatalf("ready, delayed, in flight: got %s, want %s", got, want)
	}
}

// TestQueueAgainstModel runs random operations on a queue and on the model: nothing is lost, nothing invented, and
// everything is visible exactly when it should be.
func TestQueueAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		m := &queueModel{
			t: t, clock: c, e: New(Options{Account: testAccount, Region: testRegion, Now: c.Now}),
			fifo:        rapid.Bool().Draw(t, "fifo"),
			visibility:  time.Duration(rapid.IntRange(0, 20).Draw(t, "visibility")) * time.Second,
			retention:   time.Duration(rapid.IntRange(60, 200).Draw(t, "retention")) * time.Second,
			maxReceives: rapid.IntRange(0, 4).Draw(t, "max receives"),
		}
		defer m.e.Close()
		name, attrs := "q", map[string]string{
			"VisibilityTimeout": strconv.Itoa(int(m.visibility.Seconds())), "MessageRetentionPeriod": strconv.Itoa(int(m.retention.Seconds())),
		}
		dead := map[string]string{}
		suffix := ""
		if m.fifo {
			suffix = ".fifo"
			attrs["FifoQueue"], dead["FifoQueue"] = "true", "true"
			m.delay = time.Duration(rapid.IntRange(0, 10).Draw(t, "queue delay")) * time.Second
			attrs["DelaySeconds"] = strconv.Itoa(int(m.delay.Seconds()))
		}
		var err error
		if m.dlq, err = m.e.CreateQueue("dlq"+suffix, dead); err != nil {
			t.Fatal(err)
		}
		if m.maxReceives > 0 {
			attrs["RedrivePolicy"] = redrivePolicy("dlq"+suffix, m.maxReceives)
		}
		if m.url, err = m.e.CreateQueue(name+suffix, attrs); err != nil {
			t.Fatal(err)
		}
		t.Repeat(map[string]func(*rapid.T){
			"": m.check, "send": m.send, "send again": m.send, "receive": m.receive, "receive again": m.receive, "delete": m.delete,
			"delete stale": m.deleteStale, "change": m.change, "pass": m.pass,
		})
		m.e.wantConsistent(t)
	})
}

// wantConsistent empties all queues and checks that no byte and no group is left over.
func (e *Engine) wantConsistent(t *rapid.T) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, q := range e.queues {
		e.empty(q)
		e.bytes -= q.dedup.cost()
		if len(q.groups) != 0 || len(q.received) != 0 || len(q.waiting.items) != 0 || q.turns.head != nil || q.ready+q.delayed+q.inflight != 0 {
			t.Fatalf("an empty queue keeps %d groups, %d received, %d waiting, %d/%d/%d counted", len(q.groups), len(q.received), len(q.waiting.items), q.ready, q.delayed, q.inflight)
		}
	}
	if e.bytes != 0 {
		t.Fatalf("got %d bytes left in empty queues, want 0", e.bytes)
	}
}
