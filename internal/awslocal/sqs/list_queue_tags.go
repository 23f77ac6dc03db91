package sqs

import "maps"

// ListQueueTags returns the tags of a queue.

type listQueueTagsResult struct {
	Tags map[string]string `json:",omitempty" query:"Tag,Key"`
}

func (e *Engine) listQueueTags(_ *call, in *queueRequest) (*listQueueTagsResult, error) {
	out := &listQueueTagsResult{}
	return out, e.within(in.QueueURL, func(q *queue, _ int64) error {
		out.Tags = maps.Clone(q.tags)
		return nil
	})
}
