package sqs

// UntagQueue removes tags from a queue. A key that is not there is no error.

type untagQueueRequest struct {
	QueueURL string   `json:"QueueUrl" query:"QueueUrl"`
	TagKeys  []string `query:"TagKey"`
}

func (e *Engine) untagQueue(_ *call, in *untagQueueRequest) (*none, error) {
	return nil, e.within(in.QueueURL, func(q *queue, _ int64) error {
		if len(in.TagKeys) == 0 {
			return errMissingParameter("TagKeys")
		}
		for _, key := range in.TagKeys {
			delete(q.tags, key)
		}
		return nil
	})
}
