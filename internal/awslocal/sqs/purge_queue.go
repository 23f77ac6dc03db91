package sqs

import "time"

// PurgeQueue deletes all messages of a queue, those in flight too, at once; in SQS it takes up to a minute. It is allowed
// once a minute. Deduplication goes on as if the messages had been received.

// purgePause is the time between two purges of a queue. SQS: 60 seconds.
const purgePause = int64(time.Minute)

func (e *Engine) purgeQueue(_ *call, in *queueRequest) (*none, error) {
	return nil, e.within(in.QueueURL, func(q *queue, now int64) error {
		if q.purged != 0 && now-q.purged < purgePause {
			return errPurgeInProgress(q.name)
		}
		q.purged = now
		e.empty(q)
		return nil
	})
}
