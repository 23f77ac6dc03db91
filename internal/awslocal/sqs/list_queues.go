package sqs

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
)

// ListQueues returns the URLs of the queues whose names begin with a prefix, in order of name. It gives a NextToken only
// to a request with MaxResults, as SQS does.

type listQueuesRequest struct {
	QueueNamePrefix string
	NextToken       string
	MaxResults      *int
}

type listQueuesResult struct {
	QueueURLs []string `json:"QueueUrls,omitempty" query:"QueueUrl"`
	NextToken string   `json:",omitempty"`
}

func (e *Engine) listQueues(c *call, in *listQueuesRequest) (*listQueuesResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(e.queues)), func(name string) bool {
		return !strings.HasPrefix(name, in.QueueNamePrefix)
	})
	names, next, err := page(names, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &listQueuesResult{NextToken: next}
	for _, name := range names {
		out.QueueURLs = append(out.QueueURLs, e.queueURL(c.base, e.queues[name]))
	}
	return out, nil
}

// page cuts the part out of sorted names that comes after token, and returns the token of the part after it.
func page(names []string, token string, limit *int) (part []string, next string, err error) {
	const most = 1000 // SQS: results in one answer
	if limit != nil && (*limit < 1 || *limit > most) {
		return nil, "", errInvalidValue(*limit, "MaxResults", "Must be an integer value between 1 and 1000.")
	}
	if token != "" {
		after, err := base64.StdEncoding.DecodeString(token)
		if err != nil {
			return nil, "", errInvalidParameter("Invalid or expired next token.")
		}
		i, found := slices.BinarySearch(names, string(after))
		if found {
			i++
		}
		names = names[i:]
	}
	n := most
	if limit != nil {
		n = *limit
	}
	if len(names) <= n {
		return names, "", nil
	}
	if limit != nil {
		next = base64.StdEncoding.EncodeToString([]byte(names[n-1]))
	}
	return names[:n], next, nil
}
