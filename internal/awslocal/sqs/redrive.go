package sqs

// exhausted returns the dead-letter queue that m must go to instead of being received once more, or nil. A dead-letter
// queue that no longer exists takes nothing, and m goes on being received.
func (e *Engine) exhausted(q *queue, m *message) *queue {
	if q.settings.maxReceives == 0 || int(m.receivesHere) < q.settings.maxReceives {
		return nil
	}
	return e.byARN(q.settings.deadLetterARN)
}

// deadLetter moves m from q to dlq. SQS: it keeps its id, and in a standard queue the time it was sent, so that it expires
// as if it had stayed; in a FIFO queue it counts as sent now.
func (e *Engine) deadLetter(q, dlq *queue, m *message, now int64) {
	e.remove(q, m)
	m.origin = q.arn
	if q.settings.fifo {
		m.sent = now
	}
	e.settle(dlq, now)
	e.insert(dlq, m, now, now)
	e.touch(dlq)
}
