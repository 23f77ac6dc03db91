package sqs

// SendMessageBatch puts up to ten messages into a queue, in order. What is wrong with the request as a whole refuses all of
// them: number, ids, total size, and ids that a FIFO queue needs. What is wrong with one message refuses that one.

type sendEntry struct {
	ID string `json:"Id" query:"Id"`
	outgoing
}

type sendMessageBatchRequest struct {
	QueueURL string      `json:"QueueUrl" query:"QueueUrl"`
	Entries  []sendEntry `query:"SendMessageBatchRequestEntry"`
}

type sentEntry struct {
	ID string `json:"Id" query:"Id"`
	sent
}

type sendMessageBatchResult struct {
	Successful []sentEntry   `query:"SendMessageBatchResultEntry"`
	Failed     []failedEntry `query:"BatchResultErrorEntry"`
}

func (e *Engine) sendMessageBatch(c *call, in *sendMessageBatchRequest) (*sendMessageBatchResult, error) {
	whole := in.check()
	messages, invalid := make([]*checked, len(in.Entries)), make([]error, len(in.Entries))
	if whole == nil {
		for i := range in.Entries {
			messages[i], invalid[i] = in.Entries[i].check(c.sender)
			if invalid[i] == nil && c.effect.on(FailEntries, i, len(in.Entries)) {
				invalid[i] = c.effect.failure()
			}
		}
	}
	out := &sendMessageBatchResult{Successful: []sentEntry{}, Failed: []failedEntry{}}
	return out, e.within(in.QueueURL, func(q *queue, now int64) error {
		if whole != nil {
			return whole
		}
		fits, err := e.fitting(q, in.Entries, messages, invalid)
		if err != nil {
			return err
		}
		if err := e.room(fits...); err != nil {
			return err
		}
		for i, entry := range in.Entries {
			if c.effect.on(Ignore, i, len(in.Entries)) {
				continue
			}
			if invalid[i] != nil {
				out.Failed = append(out.Failed, refused(entry.ID, invalid[i]))
				continue
			}
			e.store(q, messages[i], now, &c.effect, i, len(in.Entries))
			out.Successful = append(out.Successful, sentEntry{ID: entry.ID, sent: messages[i].answer})
		}
		out.Successful = affectReply(&c.effect, out.Successful, func(e *sentEntry) *string { return &e.ID })
		return nil
	})
}

// check applies the rules that refuse the whole batch in every queue.
func (in *sendMessageBatchRequest) check() error {
	if err := checkBatch("SendMessageBatchRequestEntry", in.Entries, func(e sendEntry) string { return e.ID }); err != nil {
		return err
	}
	total := 0
	for i := range in.Entries {
		total += in.Entries[i].size()
	}
	if total > maxMessageBytes {
		return errBatchTooLong(total)
	}
	return nil
}

// fitting applies the rules of q: an error refuses the batch; what refuses one entry is noted in invalid. It returns the
// messages that are left.
func (e *Engine) fitting(q *queue, entries []sendEntry, messages []*checked, invalid []error) (fits []*checked, err error) {
	for i := range entries {
		missing := func(name string) error {
			return errInvalidParameter("The request must contain the parameter %s.", name)
		}
		if err := q.checkIdentity(&entries[i].outgoing, missing); err != nil {
			return nil, err
		}
		m := messages[i]
		if invalid[i] == nil && m.size > q.settings.maxSize {
			invalid[i] = errInvalidParameter("One or more parameters cannot be validated. Reason: Message must be shorter than %d bytes.", q.settings.maxSize)
		}
		if invalid[i] == nil {
			invalid[i] = q.checkDelay(entries[i].DelaySeconds)
		}
		if invalid[i] == nil {
			fits = append(fits, m)
		}
	}
	return fits, nil
}
