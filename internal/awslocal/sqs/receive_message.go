package sqs

import (
	"slices"
	"strconv"
	"time"
)

// ReceiveMessage hands over up to ten messages and hides them, and waits for the first if asked to. It gives all that is
// there, up to the number asked for; SQS may give fewer. Attributes can be asked for the current way and the old way.

type receiveMessageRequest struct {
	QueueURL                    string    `json:"QueueUrl" query:"QueueUrl"`
	AttributeNames              []string  `query:"AttributeName"`
	MessageSystemAttributeNames []string  `query:"MessageSystemAttributeName"`
	MessageAttributeNames       selection `query:"MessageAttributeName"`
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	ReceiveRequestAttemptID     *string `json:"ReceiveRequestAttemptId" query:"ReceiveRequestAttemptId"`
}

type receivedMessage struct {
	MessageID              string `json:"MessageId" query:"MessageId"`
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             map[string]string           `json:",omitempty" query:"Attribute"`
	MD5OfMessageAttributes string                      `json:",omitempty"`
	MessageAttributes      map[string]MessageAttribute `json:",omitempty" query:"MessageAttribute"`
}

type receiveMessageResult struct {
	Messages []receivedMessage `json:",omitempty" query:"Message"`
}

func (e *Engine) receiveMessage(c *call, in *receiveMessageRequest) (*receiveMessageResult, error) {
	invalid := in.check()
	if invalid != nil {
		if err := e.within(in.QueueURL, func(*queue, int64) error { return invalid }); err != nil {
			return nil, err
		}
	}
	got, err := e.wait(c.ctx, in.QueueURL, in.request)
	if err == nil {
		err = e.affectReceived(in.QueueURL, &c.effect, got)
	}
	if err != nil {
		return nil, err
	}
	out := &receiveMessageResult{}
	names := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	for i := range got {
		out.Messages = append(out.Messages, got[i].wire(names, in.MessageAttributeNames))
	}
	return out, nil
}

// check applies the rules for the request that hold for every queue.
func (in *receiveMessageRequest) check() error {
	if n := in.MaxNumberOfMessages; n != nil && (*n < 1 || *n > maxEntries) {
		return errInvalidValue(*n, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
	}
	if n := in.WaitTimeSeconds; n != nil && (*n < 0 || *n > 20) {
		return errInvalidValue(*n, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
	}
	if n := in.VisibilityTimeout; n != nil && (*n < 0 || *n > 43_200) {
		return errInvalidValue(*n, "VisibilityTimeout", "Must be >= 0 and <= 43200, if provided.")
	}
	if id := in.ReceiveRequestAttemptID; id != nil && !isID(*id) {
		return errInvalidValue(*id, "ReceiveRequestAttemptId", "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	for _, name := range slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames) {
		if name != "All" && !slices.Contains(systemAttributes, name) {
			return errUnknownAttribute(name)
		}
	}
	return nil
}

// request fills in what the queue decides where the request does not.
func (in *receiveMessageRequest) request(q *queue) (request, time.Duration) {
	r := request{max: 1, visibility: q.settings.visibility}
	wait := q.settings.wait
	if in.MaxNumberOfMessages != nil {
		r.max = *in.MaxNumberOfMessages
	}
	if in.VisibilityTimeout != nil {
		r.visibility = seconds(*in.VisibilityTimeout)
	}
	if in.WaitTimeSeconds != nil {
		wait = seconds(*in.WaitTimeSeconds)
	}
	if in.ReceiveRequestAttemptID != nil {
		r.attempt = *in.ReceiveRequestAttemptID
	}
	return r, time.Duration(wait)
}

// systemAttributes is what SQS knows about a message beside what its producer said.
var systemAttributes = []string{
	"SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "SequenceNumber",
	"MessageDeduplicationId", "MessageGroupId", "AWSTraceHeader", "DeadLetterQueueSourceArn",
}

// wire writes a delivery with the attributes asked for. The digest is over the message attributes that are in the answer.
func (d *delivery) wire(system []string, user selection) receivedMessage {
	picked := user.pick(d.attributes)
	out := receivedMessage{
		MessageID: uuidString(d.id), ReceiptHandle: d.handle, MD5OfBody: hexDigest(d.digest), Body: d.body,
		MD5OfMessageAttributes: attributesDigest(picked),
	}
	if len(picked) > 0 {
		out.MessageAttributes = make(map[string]MessageAttribute, len(picked))
		for _, a := range picked {
			out.MessageAttributes[a.name] = a.wire()
		}
	}
	if slices.Contains(system, "All") {
		system = systemAttributes
	}
	for _, name := range system {
		if value := d.systemAttribute(name); value != "" {
			if out.Attributes == nil {
				out.Attributes = make(map[string]string, len(system))
			}
			out.Attributes[name] = value
		}
	}
	return out
}

// systemAttribute is the value of one system attribute, empty if the message has none.
func (d *delivery) systemAttribute(name string) string {
	switch name {
	case "SenderId":
		return d.sender
	case "SentTimestamp":
		return strconv.FormatInt(milliseconds(d.sent), 10)
	case "ApproximateReceiveCount":
		return strconv.FormatUint(uint64(d.receives), 10)
	case "ApproximateFirstReceiveTimestamp":
		return strconv.FormatInt(milliseconds(d.firstReceived), 10)
	case "SequenceNumber":
		if d.fifo {
			return d.sequence()
		}
	case "MessageDeduplicationId":
		return d.dedupID
	case "MessageGroupId":
		return d.groupID
	case "AWSTraceHeader":
		return d.trace
	case "DeadLetterQueueSourceArn":
		return d.origin
	}
	return ""
}
