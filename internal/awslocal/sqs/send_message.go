package sqs

import "strconv"

// SendMessage puts one message into a queue. It checks everything the service checks about a message; it does not
// encrypt, does not throttle, and evaluates no policy.

type sendMessageRequest struct {
	QueueURL string `json:"QueueUrl" query:"QueueUrl"`
	outgoing
}

func (e *Engine) sendMessage(c *call, in *sendMessageRequest) (*sent, error) {
	m, invalid := in.check(c.sender)
	err := e.within(in.QueueURL, func(q *queue, now int64) error {
		if invalid != nil {
			return invalid
		}
		if m.size > q.settings.maxSize {
			return errInvalidParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", q.settings.maxSize)
		}
		if err := q.checkIdentity(&in.outgoing, errMissingParameter); err != nil {
			return err
		}
		if err := q.checkDelay(in.DelaySeconds); err != nil {
			return err
		}
		if err := e.room(m); err != nil {
			return err
		}
		e.store(q, m, now, &c.effect, 0, 1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &m.answer, nil
}

// inMiB writes a number of bytes for people.
func inMiB(n int64) string { return strconv.FormatInt(n>>20, 10) + " MiB" }
