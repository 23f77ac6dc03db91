package sqs

import "time"

// SQS: a ReceiveRequestAttemptId can be repeated for five minutes.
const attemptWindow = int64(5 * time.Minute)

// An attempt is what a receive from a FIFO queue gave, kept for a caller that lost the reply and asks again.
type attempt struct {
	receipts []receipt
	until    int64
}

// An attemptTable remembers the receives of the last five minutes that came with an id.
type attemptTable struct {
	byID  map[string]*attempt
	order expiring[string]
}

// repeat returns the messages that the receive named id gave, if none has since been deleted, become visible again, been
// received by another or had its visibility changed. SQS: only then is the retry answered with the same set.
func (q *queue) repeat(id string, now int64) (out []*message) {
	a := q.attempts.byID[id]
	if a == nil || a.until <= now {
		return nil
	}
	for _, r := range a.receipts {
		m := q.received[r.message]
		if m == nil || m.state != inflight || m.receipt != r.number || m.changed {
			return nil
		}
		out = append(out, m)
	}
	return out
}

// add remembers what the receive named id gave.
func (t *attemptTable) add(id string, messages []*message, now int64) {
	if t.byID == nil {
		t.byID = map[string]*attempt{}
	}
	a := &attempt{until: now + attemptWindow}
	for _, m := range messages {
		a.receipts = append(a.receipts, receipt{message: m.serial, number: m.receipt})
	}
	t.byID[id] = a
	t.order.push(id, a.until)
}

// forget drops what is older than the window. An id that was used again since keeps its later attempt.
func (t *attemptTable) forget(now int64) {
	for id, ok := t.order.pop(now); ok; id, ok = t.order.pop(now) {
		if a := t.byID[id]; a != nil && a.until <= now {
			delete(t.byID, id)
		}
	}
}
