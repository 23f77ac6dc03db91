package sqs

import "maps"

// CreateQueue makes a queue, or returns the URL of the one that has this name and agrees in every attribute named. It
// checks name and attributes, and refuses a name that was deleted within the last minute. A new queue is usable at once;
// SQS asks to wait a second.

type createQueueRequest struct {
	QueueName  string
	Attributes map[string]string `query:"Attribute"`
	Tags       map[string]string `json:"tags" query:"Tag,Key"`
}

type queueURLResult struct {
	QueueURL string `json:"QueueUrl" query:"QueueUrl"`
}

func (e *Engine) createQueueAction(c *call, in *createQueueRequest) (*queueURLResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q, err := e.createQueue(in.QueueName, in.Attributes, in.Tags)
	if err != nil {
		return nil, err
	}
	return &queueURLResult{QueueURL: e.queueURL(c.base, q)}, nil
}

// createQueue does the work. The lock is held.
func (e *Engine) createQueue(name string, attrs, tags map[string]string) (*queue, error) {
	if err := checkQueueName(name, attrs["FifoQueue"]); err != nil {
		return nil, err
	}
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	now := e.now()
	if q, ok := e.queues[name]; ok {
		return q, q.sameAttributes(attrs)
	}
	maps.DeleteFunc(e.deleted, func(_ string, at int64) bool { return now-at >= deletionPause })
	if _, ok := e.deleted[name]; ok {
		return nil, errQueueDeletedRecently()
	}
	if len(e.queues) >= maxQueues {
		return nil, errOverLimit("The stand-in holds at most 1000 queues; delete some.")
	}
	s, err := e.applyAttributes(e.arn(name), defaultSettings(attrs["FifoQueue"] == "true"), attrs, creating)
	if err != nil {
		return nil, err
	}
	e.serial++
	q := newQueue(name, e.arn(name), e.serial, s, now)
	maps.Copy(q.tags, tags)
	e.queues[name] = q
	return q, nil
}
