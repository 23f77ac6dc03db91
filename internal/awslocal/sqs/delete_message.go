package sqs

// DeleteMessage deletes the message that a handle names, if it is the handle of the last receive. With an older handle it
// succeeds and deletes nothing, and so it does for a message that is gone. A handle of a FIFO queue ends with the
// visibility timeout; of a standard queue it does not. DeleteMessageBatch does the same for up to ten handles.

type deleteMessageRequest struct {
	QueueURL      string `json:"QueueUrl" query:"QueueUrl"`
	ReceiptHandle string
}

type deleteEntry struct {
	ID            string `json:"Id" query:"Id"`
	ReceiptHandle string
}

type deleteMessageBatchRequest struct {
	QueueURL string        `json:"QueueUrl" query:"QueueUrl"`
	Entries  []deleteEntry `query:"DeleteMessageBatchRequestEntry"`
}

type deleteMessageBatchResult struct {
	Successful []identified  `query:"DeleteMessageBatchResultEntry"`
	Failed     []failedEntry `query:"BatchResultErrorEntry"`
}

func (e *Engine) deleteMessage(c *call, in *deleteMessageRequest) (*none, error) {
	return nil, e.within(in.QueueURL, func(q *queue, _ int64) error {
		if c.effect.on(Drop, 0, 1) {
			return nil
		}
		return e.discard(q, in.ReceiptHandle)
	})
}

func (e *Engine) deleteMessageBatch(c *call, in *deleteMessageBatchRequest) (*deleteMessageBatchResult, error) {
	id := func(entry deleteEntry) string { return entry.ID }
	out := &deleteMessageBatchResult{}
	return out, e.within(in.QueueURL, func(q *queue, _ int64) error {
		if err := checkBatch("DeleteMessageBatchRequestEntry", in.Entries, id); err != nil {
			return err
		}
		out.Successful, out.Failed = eachEntry(&c.effect, in.Entries, id, func(entry deleteEntry) error {
			return e.discard(q, entry.ReceiptHandle)
		})
		return nil
	})
}

// discard deletes the message that handle names.
func (e *Engine) discard(q *queue, handle string) error {
	r, err := e.receipt(q, handle)
	if err != nil {
		return err
	}
	m := q.received[r.message]
	if m == nil {
		return nil
	}
	current := m.receipt == r.number
	if q.settings.fifo && !(current && m.state == inflight) {
		return errHandleExpired(handle)
	}
	if current {
		e.remove(q, m)
	}
	return nil
}
