package sqs

import (
	"maps"
	"slices"
)

// ListDeadLetterSourceQueues returns the URLs of the queues whose redrive policy names this one, in order of name.

type listDeadLetterSourceQueuesRequest struct {
	QueueURL   string `json:"QueueUrl" query:"QueueUrl"`
	NextToken  string
	MaxResults *int
}

// The member has a small first letter in JSON, unlike all others of the service.
type listDeadLetterSourceQueuesResult struct {
	QueueURLs []string `json:"queueUrls" query:"QueueUrl"`
	NextToken string   `json:",omitempty"`
}

func (e *Engine) listDeadLetterSourceQueues(c *call, in *listDeadLetterSourceQueuesRequest) (*listDeadLetterSourceQueuesResult, error) {
	out := &listDeadLetterSourceQueuesResult{QueueURLs: []string{}}
	return out, e.within(in.QueueURL, func(q *queue, _ int64) error {
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(e.queues)), func(name string) bool {
			return e.queues[name].settings.deadLetterARN != q.arn
		})
		names, next, err := page(names, in.NextToken, in.MaxResults)
		if err != nil {
			return err
		}
		out.NextToken = next
		for _, name := range names {
			out.QueueURLs = append(out.QueueURLs, e.queueURL(c.base, e.queues[name]))
		}
		return nil
	})
}
