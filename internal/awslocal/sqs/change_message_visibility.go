package sqs

// ChangeMessageVisibility hides a received message for another time, counted from now; 0 shows it at once. In a standard
// queue the handle of the last receive goes on working after the message has become visible again, and hides it (observed
// on AWS 2023-11); in a FIFO queue the message is then not in flight. ChangeMessageVisibilityBatch does the same for up
// to ten handles.

const maxVisibility = 43_200 // SQS: seconds, for one change and for all since the receive

type changeMessageVisibilityRequest struct {
	QueueURL string `json:"QueueUrl" query:"QueueUrl"`
	visibilityChange
}

type visibilityChange struct {
	ReceiptHandle     string
	VisibilityTimeout *int
}

type changeEntry struct {
	ID string `json:"Id" query:"Id"`
	visibilityChange
}

type changeMessageVisibilityBatchRequest struct {
	QueueURL string        `json:"QueueUrl" query:"QueueUrl"`
	Entries  []changeEntry `query:"ChangeMessageVisibilityBatchRequestEntry"`
}

type changeMessageVisibilityBatchResult struct {
	Successful []identified  `query:"ChangeMessageVisibilityBatchResultEntry"`
	Failed     []failedEntry `query:"BatchResultErrorEntry"`
}

func (e *Engine) changeMessageVisibility(_ *call, in *changeMessageVisibilityRequest) (*none, error) {
	return nil, e.within(in.QueueURL, func(q *queue, now int64) error { return e.change(q, in.visibilityChange, now) })
}

func (e *Engine) changeMessageVisibilityBatch(c *call, in *changeMessageVisibilityBatchRequest) (*changeMessageVisibilityBatchResult, error) {
	id := func(entry changeEntry) string { return entry.ID }
	out := &changeMessageVisibilityBatchResult{}
	return out, e.within(in.QueueURL, func(q *queue, now int64) error {
		if err := checkBatch("ChangeMessageVisibilityBatchRequestEntry", in.Entries, id); err != nil {
			return err
		}
		out.Successful, out.Failed = eachEntry(&c.effect, in.Entries, id, func(entry changeEntry) error {
			return e.change(q, entry.visibilityChange, now)
		})
		return nil
	})
}

// change hides the message that c names until c's timeout has passed.
func (e *Engine) change(q *queue, c visibilityChange, now int64) error {
	if c.VisibilityTimeout == nil {
		return errMissingParameter("VisibilityTimeout")
	}
	timeout := *c.VisibilityTimeout
	if timeout < 0 || timeout > maxVisibility {
		return errInvalidValue(timeout, "VisibilityTimeout", "VisibilityTimeout must be an integer between 0 and 43200")
	}
	r, err := e.receipt(q, c.ReceiptHandle)
	if err != nil {
		return err
	}
	m := q.received[r.message]
	if m == nil || m.receipt != r.number {
		return errInvalidValue(c.ReceiptHandle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
	}
	if q.settings.fifo && m.state != inflight {
		return errNotInflight()
	}
	due := now + seconds(timeout)
	if due-m.received > seconds(maxVisibility) {
		return errInvalidValue(timeout, "VisibilityTimeout", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	}
	m.changed = true
	b := m.batch
	m.batch = nil // It stays in its batch.
	q.detach(m)
	q.hide(m, due)
	m.batch = b
	e.settle(q, now) // A timeout of 0 has passed.
	return nil
}
