package sqs

import (
	"maps"
	"time"
)

// DeleteQueue deletes a queue with all its messages, at once; in SQS it takes up to a minute. Receives that wait on it
// end with nothing. Its name cannot be used again for a minute, and so cannot its handles ever.

// deletionPause is how long the name of a deleted queue is blocked. SQS: 60 seconds.
const deletionPause = int64(time.Minute)

type queueRequest struct {
	QueueURL string `json:"QueueUrl" query:"QueueUrl"`
}

func (e *Engine) deleteQueue(_ *call, in *queueRequest) (*none, error) {
	return nil, e.within(in.QueueURL, func(q *queue, now int64) error {
		e.empty(q)
		e.bytes -= q.dedup.cost()
		q.dedup = dedupTable{}
		q.dismiss()
		delete(e.queues, q.name)
		maps.DeleteFunc(e.deleted, func(_ string, at int64) bool { return now-at >= deletionPause })
		e.deleted[q.name] = now
		return nil
	})
}
