package sqs

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Values of the attributes DeduplicationScope and FifoThroughputLimit.
const (
	scopeQueue = "queue"
	scopeGroup = "messageGroup"
	perQueue   = "perQueue"
	perGroup   = "perMessageGroupId"
)

// settings is what a queue's attributes say, in nanoseconds and bytes.
type settings struct {
	fifo       bool
	visibility int64
	delay      int64
	retention  int64
	wait       int64
	maxSize    int

	contentDedup bool
	scope        string
	throughput   string

	redrivePolicy, redriveAllow string // as they were set
	deadLetterARN               string
	maxReceives                 int // 0: no dead-letter queue
	allow                       redriveAllow

	policy, kmsKey string
	kmsReuse       int64
	sse            bool
}

func defaultSettings(fifo bool) settings {
	s := settings{
		fifo:       fifo,
		visibility: seconds(30),
		retention:  seconds(345_600),
		maxSize:    maxMessageBytes,
		kmsReuse:   seconds(300),
		sse:        true,
	}
	if fifo {
		s.scope, s.throughput = scopeQueue, perQueue
	}
	return s
}

func seconds(n int) int64 { return int64(n) * int64(time.Second) }

// When attributes are applied: at the creation of a queue or later.
const (
	creating = true
	changing = false
)

// applyAttributes returns s, the settings of the queue with this ARN, with the attributes set, or the error of the first
// that is refused, in order of name. The lock is held.
func (e *Engine) applyAttributes(arn string, s settings, attrs map[string]string, create bool) (settings, error) {
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		if err := e.applyAttribute(&s, name, attrs[name], create); err != nil {
			return s, err
		}
	}
	if s.throughput == perGroup && s.scope != scopeGroup {
		return s, errInvalidAttributeValue("FifoThroughputLimit", "It can be set to perMessageGroupId only when DeduplicationScope is messageGroup.")
	}
	if value := attrs["RedrivePolicy"]; value != "" && s.deadLetterARN == arn {
		return s, errInvalidValue(value, "RedrivePolicy", "A queue cannot be its own dead-letter queue.")
	} else if value != "" && !e.byARN(s.deadLetterARN).settings.allow.permits(arn) {
		return s, errInvalidValue(value, "RedrivePolicy", "The dead-letter queue's RedriveAllowPolicy does not permit this source queue.")
	}
	if attrs["KmsMasterKeyId"] != "" {
		if attrs["SqsManagedSseEnabled"] == "true" {
			return s, errInvalidAttributeName("You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.")
		}
		s.sse = false
	} else if attrs["SqsManagedSseEnabled"] == "true" {
		s.kmsKey = ""
	}
	return s, nil
}

func (e *Engine) applyAttribute(s *settings, name, value string, create bool) error {
	switch name {
	case "VisibilityTimeout":
		return setSeconds(&s.visibility, name, value, 0, 43_200)
	case "DelaySeconds":
		return setSeconds(&s.delay, name, value, 0, 900)
	case "MessageRetentionPeriod":
		return setSeconds(&s.retention, name, value, 60, 1_209_600)
	case "ReceiveMessageWaitTimeSeconds":
		return setSeconds(&s.wait, name, value, 0, 20)
	case "KmsDataKeyReusePeriodSeconds":
		return setSeconds(&s.kmsReuse, name, value, 60, 86_400)
	case "MaximumMessageSize":
		n, err := parseInRange(name, value, 1024, maxMessageBytes)
		if err == nil {
			s.maxSize = n
		}
		return err
	case "Policy":
		return setJSON(&s.policy, name, value)
	case "KmsMasterKeyId":
		s.kmsKey = value
		return nil
	case "SqsManagedSseEnabled":
		return setBool(&s.sse, name, value)
	case "RedrivePolicy":
		return e.setRedrivePolicy(s, value)
	case "RedriveAllowPolicy":
		return setRedriveAllow(s, value)
	}
	return applyFIFOAttribute(s, name, value, create)
}

// applyFIFOAttribute sets one of the attributes that only a FIFO queue knows.
func applyFIFOAttribute(s *settings, name, value string, create bool) error {
	if !s.fifo {
		return errUnknownAttribute(name)
	}
	switch name {
	case "FifoQueue":
		if !create && value != "true" {
			return errInvalidAttributeValue(name, "Modifying queue type is not supported.")
		}
		return nil
	case "ContentBasedDeduplication":
		return setBool(&s.contentDedup, name, value)
	case "DeduplicationScope":
		return setOneOf(&s.scope, name, value, scopeQueue, scopeGroup)
	case "FifoThroughputLimit":
		return setOneOf(&s.throughput, name, value, perQueue, perGroup)
	}
	return errUnknownAttribute(name)
}

func setSeconds(field *int64, name, value string, low, high int) error {
	n, err := parseInRange(name, value, low, high)
	if err == nil {
		*field = seconds(n)
	}
	return err
}

func parseInRange(name, value string, low, high int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		return 0, errInvalidAttributeValue(name, "")
	}
	return n, nil
}

func setBool(field *bool, name, value string) error {
	if value != "true" && value != "false" {
		return errInvalidAttributeValue(name, "")
	}
	*field = value == "true"
	return nil
}

func setOneOf(field *string, name, value string, allowed ...string) error {
	if !slices.Contains(allowed, value) {
		return errInvalidAttributeValue(name, "")
	}
	*field = value
	return nil
}

// attributes is all of q's attributes by name, as GetQueueAttributes gives them. What is not set is absent.
func (q *queue) attributes() map[string]string {
	s := &q.settings
	out := map[string]string{
		"ApproximateNumberOfMessages":           strconv.Itoa(q.ready),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(q.delayed),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(q.inflight),
		"CreatedTimestamp":                      inSeconds(q.created),
		"DelaySeconds":                          inSeconds(s.delay),
		"LastModifiedTimestamp":                 inSeconds(q.modified),
		"MaximumMessageSize":                    strconv.Itoa(s.maxSize),
		"MessageRetentionPeriod":                inSeconds(s.retention),
		"QueueArn":                              q.arn,
		"ReceiveMessageWaitTimeSeconds":         inSeconds(s.wait),
		"SqsManagedSseEnabled":                  strconv.FormatBool(s.sse),
		"VisibilityTimeout":                     inSeconds(s.visibility),
	}
	if s.fifo {
		out["FifoQueue"] = "true"
		out["ContentBasedDeduplication"] = strconv.FormatBool(s.contentDedup)
		out["DeduplicationScope"] = s.scope
		out["FifoThroughputLimit"] = s.throughput
	}
	if s.kmsKey != "" {
		out["KmsMasterKeyId"] = s.kmsKey
		out["KmsDataKeyReusePeriodSeconds"] = inSeconds(s.kmsReuse)
	}
	for name, value := range map[string]string{"Policy": s.policy, "RedrivePolicy": s.redrivePolicy, "RedriveAllowPolicy": s.redriveAllow} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

func inSeconds(n int64) string { return strconv.FormatInt(n/int64(time.Second), 10) }

// sameAttributes refuses the creation of a queue that exists, if one of the attributes asked for has another value.
// SQS: attributes that are not named do not count.
func (q *queue) sameAttributes(attrs map[string]string) error {
	have := q.attributes()
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		if !isQueueAttribute(name) {
			return errUnknownAttribute(name)
		}
		if have[name] != attrs[name] {
			return errQueueNameExists(name)
		}
	}
	return nil
}

// isQueueAttribute reports whether SQS knows a queue attribute of this name.
func isQueueAttribute(name string) bool {
	switch name {
	case "Policy", "VisibilityTimeout", "MaximumMessageSize", "MessageRetentionPeriod", "ApproximateNumberOfMessages",
		"ApproximateNumberOfMessagesNotVisible", "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn",
		"ApproximateNumberOfMessagesDelayed", "DelaySeconds", "ReceiveMessageWaitTimeSeconds", "RedrivePolicy", "FifoQueue",
		"ContentBasedDeduplication", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "DeduplicationScope",
		"FifoThroughputLimit", "RedriveAllowPolicy", "SqsManagedSseEnabled":
		return true
	}
	return false
}
