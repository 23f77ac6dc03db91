package sqs

// GetQueueAttributes returns the attributes asked for, or all with All, or none where none are asked for. The numbers of
// messages are exact; SQS's are approximate.

type getQueueAttributesRequest struct {
	QueueURL       string   `json:"QueueUrl" query:"QueueUrl"`
	AttributeNames []string `query:"AttributeName"`
}

type getQueueAttributesResult struct {
	Attributes map[string]string `json:",omitempty" query:"Attribute"`
}

func (e *Engine) getQueueAttributes(_ *call, in *getQueueAttributesRequest) (*getQueueAttributesResult, error) {
	out := &getQueueAttributesResult{Attributes: map[string]string{}}
	return out, e.within(in.QueueURL, func(q *queue, _ int64) error {
		have := q.attributes()
		for _, name := range in.AttributeNames {
			if name == "All" {
				out.Attributes = have
				continue
			}
			if !isQueueAttribute(name) {
				return errUnknownAttribute(name)
			}
			if value, ok := have[name]; ok {
				out.Attributes[name] = value
			}
		}
		return nil
	})
}
