package sqs

// SetQueueAttributes changes attributes of a queue, all or none of them, with effect at once; in SQS it takes up to a
// minute, of the retention period a quarter of an hour. A new delay counts for messages sent later; in a FIFO queue also
// for those that are still delayed, as in SQS.

type setQueueAttributesRequest struct {
	QueueURL   string            `json:"QueueUrl" query:"QueueUrl"`
	Attributes map[string]string `query:"Attribute"`
}

func (e *Engine) setQueueAttributes(_ *call, in *setQueueAttributesRequest) (*none, error) {
	return nil, e.within(in.QueueURL, func(q *queue, now int64) error {
		if len(in.Attributes) == 0 {
			return errMissingParameter("Attribute.Name")
		}
		s, err := e.applyAttributes(q.arn, q.settings, in.Attributes, changing)
		if err != nil {
			return err
		}
		if s.fifo && s.delay != q.settings.delay {
			q.redelay(s.delay)
		}
		q.settings, q.modified = s, now
		e.settle(q, now)
		return nil
	})
}

// redelay applies a new delay to the messages that are delayed.
func (q *queue) redelay(delay int64) {
	var moved []*message
	for _, m := range q.waiting.items {
		if m.state == delayed {
			moved = append(moved, m)
		}
	}
	for _, m := range moved {
		q.waiting.remove(m)
		m.due = m.sent + delay
		q.waiting.push(m)
	}
}
