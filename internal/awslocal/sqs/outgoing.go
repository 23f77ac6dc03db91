package sqs

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
)

// An outgoing is a message as a producer gives it, alone or as an entry of a batch.
type outgoing struct {
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]wireAttribute `query:"MessageAttribute"`
	MessageSystemAttributes map[string]wireAttribute `query:"MessageSystemAttribute"`
	MessageGroupID          *string                  `json:"MessageGroupId" query:"MessageGroupId"`
	MessageDeduplicationID  *string                  `json:"MessageDeduplicationId" query:"MessageDeduplicationId"`
}

// A sent is what SendMessage answers for a message.
type sent struct {
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
	MessageID                    string `json:"MessageId" query:"MessageId"`
	SequenceNumber               string `json:",omitempty"`
}

// A checked is an outgoing message that follows the rules that hold in every queue, with all that can be computed before
// the queue is looked at.
type checked struct {
	*message
	answer   sent
	delay    *int
	hasDedup bool
}

// check applies the rules for a message that hold in every queue, but not those for its size.
func (o *outgoing) check(sender string) (*checked, error) {
	if o.MessageBody == "" {
		return nil, errMissingParameter("MessageBody")
	}
	if char, bad := badCharacter(o.MessageBody); bad {
		return nil, errInvalidContents(char)
	}
	if o.DelaySeconds != nil && (*o.DelaySeconds < 0 || *o.DelaySeconds > 900) {
		return nil, errInvalidValue(*o.DelaySeconds, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
	}
	attributes, attributesSize, err := checkAttributes(o.MessageAttributes)
	if err != nil {
		return nil, err
	}
	trace, err := checkTrace(o.MessageSystemAttributes)
	if err != nil {
		return nil, err
	}
	group, err := checkID("MessageGroupId", o.MessageGroupID)
	if err != nil {
		return nil, err
	}
	dedup, err := checkID("MessageDeduplicationId", o.MessageDeduplicationID)
	if err != nil {
		return nil, err
	}
	m := &message{
		body: o.MessageBody, attributes: attributes, trace: trace, sender: sender, groupID: group, dedupID: dedup,
		id: newUUID(), digest: md5.Sum([]byte(o.MessageBody)), size: len(o.MessageBody) + attributesSize,
	}
	answer := sent{
		MD5OfMessageBody:             hexDigest(m.digest),
		MD5OfMessageAttributes:       attributesDigest(attributes),
		MD5OfMessageSystemAttributes: traceDigest(trace),
		MessageID:                    uuidString(m.id),
	}
	return &checked{message: m, answer: answer, delay: o.DelaySeconds, hasDedup: o.MessageDeduplicationID != nil}, nil
}

// checkID applies the rules for a group or deduplication id that is present.
func checkID(parameter string, id *string) (string, error) {
	if id == nil {
		return "", nil
	}
	if !isID(*id) {
		return "", errInvalidValue(*id, parameter, parameter+" can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	return *id, nil
}

// size is what the message counts: body, attribute names, types and values. It is known before anything is checked.
func (o *outgoing) size() int {
	n := len(o.MessageBody)
	for name, a := range o.MessageAttributes {
		n += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	return n
}

// checkIdentity applies the rules of a FIFO queue for the presence of ids. grouped is the error for a missing group.
func (q *queue) checkIdentity(o *outgoing, grouped func(string) error) error {
	if !q.settings.fifo {
		if o.MessageDeduplicationID != nil {
			return errInvalidValue(*o.MessageDeduplicationID, "MessageDeduplicationId", "The request includes a parameter that is not valid for this queue type.")
		}
		return nil
	}
	if o.MessageGroupID == nil || *o.MessageGroupID == "" {
		return grouped("MessageGroupId")
	}
	if o.MessageDeduplicationID == nil && !q.settings.contentDedup {
		return errInvalidParameter("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	}
	return nil
}

// checkDelay applies the rule of a FIFO queue for the delay of a single message. SQS: none, but 0 is taken and means the
// queue's own.
func (q *queue) checkDelay(delay *int) error {
	if q.settings.fifo && delay != nil && *delay > 0 {
		return errInvalidValue(*delay, "DelaySeconds", "The request include parameter that is not valid for this queue type.")
	}
	return nil
}

// put sends a checked message to q, or recognises it as a duplicate of one that was, and completes its answer. It reports
// whether the message is in q.
func (e *Engine) put(q *queue, c *checked, now int64) bool {
	m := c.message
	var key string
	if q.settings.fifo {
		if !c.hasDedup {
			sum := sha256.Sum256([]byte(m.body))
			m.dedupID = hex.EncodeToString(sum[:])
		}
		key = q.dedupKey(m.groupID, m.dedupID)
		if first, ok := q.dedup.find(key); ok {
			c.answer.MessageID, c.answer.SequenceNumber = uuidString(first.id), first.sequence
			return false
		}
	}
	delay := q.settings.delay
	if c.delay != nil && !q.settings.fifo {
		delay = seconds(*c.delay)
	}
	m.sent = now
	late, twice := e.arrive(q, m, delay)
	e.insert(q, m, now+late, now)
	if twice {
		e.again(q, m, now+late, now)
	}
	if q.settings.fifo {
		c.answer.SequenceNumber = m.sequence()
		e.bytes += q.dedup.add(key, dedupRecord{id: m.id, sequence: c.answer.SequenceNumber}, now)
	}
	return true
}

// arrive asks the model, if there is one, by how much a new message is late in addition to its delay, and whether it is
// stored twice. A FIFO queue keeps the order of a group: a message is not there before the one in front of it.
func (e *Engine) arrive(q *queue, m *message, delay int64) (late int64, twice bool) {
	if e.options.Arrive == nil {
		return delay, false
	}
	more, twice := e.options.Arrive()
	late = delay + int64(more)
	if g := q.groups[m.groupID]; g != nil && q.settings.fifo {
		late = max(late, g.due-m.sent)
	}
	return late, twice
}

// room refuses messages that would take the Engine over its byte limit.
func (e *Engine) room(messages ...*checked) error {
	var n int64
	for _, c := range messages {
		n += c.cost()
	}
	if e.bytes+n > e.options.MaxBytes {
		return errOverLimit("The stand-in keeps at most " + inMiB(e.options.MaxBytes) + " of messages in memory; receive and delete some, or purge a queue.")
	}
	return nil
}
