package sqs

import (
	"net/url"
	"strings"
)

// arn names a queue of this account and region.
func (e *Engine) arn(name string) string {
	return "arn:aws:sqs:" + e.options.Region + ":" + e.options.Account + ":" + name
}

// queueURL is where q is reached, seen from base.
func (e *Engine) queueURL(base string, q *queue) string {
	if base == "" {
		base = "http://localhost"
	}
	return base + "/" + e.options.Account + "/" + q.name
}

// lookup finds a queue by its URL. Account and name decide; the host is only looked at when it is one of AWS's own, since
// a URL of another region names a queue that does not exist in this one. The lock is held.
func (e *Engine) lookup(queueURL string) (*queue, error) {
	if queueURL == "" {
		return nil, errMissingParameter("QueueUrl")
	}
	u, err := url.Parse(queueURL)
	if err != nil {
		return nil, errQueueDoesNotExist()
	}
	account, name, ok := splitQueuePath(u.Path)
	if !ok || account != e.options.Account || !e.inRegion(u.Hostname()) {
		return nil, errQueueDoesNotExist()
	}
	q, ok := e.queues[name]
	if !ok {
		return nil, errQueueDoesNotExist()
	}
	return q, nil
}

// splitQueuePath splits "/123456789012/name".
func splitQueuePath(path string) (account, name string, ok bool) {
	account, name, ok = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return account, name, ok && account != "" && name != "" && !strings.Contains(name, "/")
}

// inRegion reports whether host is not the SQS endpoint of another region.
func (e *Engine) inRegion(host string) bool {
	region, ok := strings.CutPrefix(host, "sqs.")
	if !ok {
		return true
	}
	region, ok = strings.CutSuffix(region, ".amazonaws.com")
	return !ok || region == e.options.Region
}

// byARN finds a queue by its ARN, or nil. The lock is held.
func (e *Engine) byARN(arn string) *queue {
	name := arn[strings.LastIndexByte(arn, ':')+1:]
	if q, ok := e.queues[name]; ok && q.arn == arn {
		return q
	}
	return nil
}

// checkQueueName applies the rules for the name of a queue whose FifoQueue attribute is fifo.
// SQS: 1 to 80 letters, digits, hyphens and underscores; of a FIFO queue the suffix ".fifo" belongs to the 80.
func checkQueueName(name, fifo string) error {
	stem := name
	if fifo == "true" {
		var ok bool
		if stem, ok = strings.CutSuffix(name, ".fifo"); !ok || len(name) > 80 || !isEntryID(stem) {
			return errInvalidParameter("The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")
		}
		return nil
	}
	if len(name) > 80 || !isEntryID(stem) {
		return errInvalidParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	return nil
}

// isEntryID reports whether s is 1 to 80 letters, digits, hyphens and underscores, as names and batch entry ids are.
func isEntryID(s string) bool {
	if s == "" || len(s) > 80 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
