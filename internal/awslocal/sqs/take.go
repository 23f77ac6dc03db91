package sqs

import "time"

// A request is what a receive asks of a queue.
type request struct {
	max        int
	visibility int64  // nanoseconds that the messages are hidden
	attempt    string // ReceiveRequestAttemptId; empty: none
}

// A delivery is a message as it was when it was handed over, with the handle for it.
type delivery struct {
	message
	handle string
	fifo   bool
}

// receive hands over up to r.max messages that are visible. The queue has been settled.
func (e *Engine) receive(q *queue, r request, now int64) []delivery {
	if !q.settings.fifo || r.attempt == "" {
		return e.deliveries(q, e.take(q, r, now))
	}
	messages := q.repeat(r.attempt, now)
	if messages != nil {
		for _, m := range messages { // SQS: the retry resets the visibility timeout.
			m.due = now + r.visibility
			q.waiting.fix(m)
		}
		return e.deliveries(q, messages)
	}
	if messages = e.take(q, r, now); len(messages) > 0 {
		q.attempts.add(r.attempt, messages, now)
	}
	return e.deliveries(q, messages)
}

// take picks the messages: in a standard queue one of each group in turn, in a FIFO queue as many of one group as there
// are before the next, because the group is locked afterwards.
func (e *Engine) take(q *queue, r request, now int64) (out []*message) {
	if e.full(q, now) {
		return nil
	}
	n := min(r.max, maxInflight-q.inflight)
	for len(out) < n && q.turns.head != nil {
		g := q.turns.head
		m := g.head
		if dlq := e.exhausted(q, m); dlq != nil {
			e.deadLetter(q, dlq, m, now)
			continue
		}
		q.detach(m)
		m.receives++
		m.receivesHere++
		m.receipt++
		m.received, m.changed = now, false
		if m.firstReceived == 0 {
			m.firstReceived = now
		}
		q.received[m.serial] = m
		out = append(out, m)
		if q.settings.fifo {
			q.hideBehind(g, m, now+r.visibility, len(out) < n)
			continue
		}
		q.turns.drop(g)
		q.hide(m, now+r.visibility)
		q.offer(g)
	}
	e.admit(q, out, now)
	return out
}

// hideBehind puts a message of a FIFO group in flight; while more is wanted, the group keeps its turn.
func (q *queue) hideBehind(g *group, m *message, due int64, more bool) {
	q.hide(m, due)
	if more && g.head != nil {
		q.turns.first(g)
	}
}

// first gives g the next turn, unless it has one.
func (r *ring) first(g *group) {
	if g.listed {
		return
	}
	g.listed = true
	g.prev, g.next = nil, r.head
	if r.head == nil {
		r.tail = g
	} else {
		r.head.prev = g
	}
	r.head = g
}

// deliveries copies the messages as they are now and writes their handles.
func (e *Engine) deliveries(q *queue, messages []*message) []delivery {
	out := make([]delivery, len(messages))
	for i, m := range messages {
		out[i] = delivery{
			message: *m,
			handle:  e.handle(receipt{queue: q.uid, message: m.serial, number: m.receipt}),
			fifo:    q.settings.fifo,
		}
	}
	return out
}

// milliseconds is t as SQS writes times of messages: since 1970.
func milliseconds(t int64) int64 { return t / int64(time.Millisecond) }
