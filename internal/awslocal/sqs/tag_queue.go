package sqs

// TagQueue adds tags to a queue. They mean nothing to the stand-in.

type tagQueueRequest struct {
	QueueURL string            `json:"QueueUrl" query:"QueueUrl"`
	Tags     map[string]string `query:"Tag,Key"`
}

func (e *Engine) tagQueue(_ *call, in *tagQueueRequest) (*none, error) {
	return nil, e.within(in.QueueURL, func(q *queue, _ int64) error {
		if len(in.Tags) == 0 {
			return errMissingParameter("Tags")
		}
		all, err := q.withTags(in.Tags)
		if err == nil {
			q.tags = all
		}
		return err
	})
}
