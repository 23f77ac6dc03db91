package sqs

import "time"

// rampStep is how often a receive that waits looks whether more batches are admitted.
const rampStep = 100 * time.Millisecond

// A batch is the messages that one receive has handed over.
type batch struct{ inflight int }

// full reports whether as many batches are in flight as are admitted.
func (e *Engine) full(q *queue, now int64) bool {
	if e.options.Batches == nil {
		return false
	}
	since := time.Duration(0)
	if q.firstTake != 0 {
		since = time.Duration(now - q.firstTake)
	}
	return q.batches >= e.options.Batches(since)
}

// admit counts the messages that a receive takes as one batch.
func (e *Engine) admit(q *queue, taken []*message, now int64) {
	if e.options.Batches == nil || len(taken) == 0 {
		return
	}
	if q.firstTake == 0 {
		q.firstTake = now
	}
	q.batches++
	b := &batch{inflight: len(taken)}
	for _, m := range taken {
		m.batch = b
	}
}

// dismissed notes that m is no longer in flight.
func (q *queue) dismissed(m *message) {
	if m.batch == nil {
		return
	}
	if m.batch.inflight--; m.batch.inflight == 0 {
		q.batches--
	}
	m.batch = nil
}
