package sqs

// GetQueueUrl returns the URL of the queue of a name. A queue of another account does not exist here.

type getQueueURLRequest struct {
	QueueName              string
	QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId" query:"QueueOwnerAWSAccountId"`
}

func (e *Engine) getQueueURL(c *call, in *getQueueURLRequest) (*queueURLResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q, ok := e.queues[in.QueueName]
	if !ok || in.QueueOwnerAWSAccountID != "" && in.QueueOwnerAWSAccountID != e.options.Account {
		return nil, errQueueDoesNotExist()
	}
	return &queueURLResult{QueueURL: e.queueURL(c.base, q)}, nil
}
