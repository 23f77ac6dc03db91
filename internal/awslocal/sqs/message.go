package sqs

import (
	"encoding/hex"
	"math/rand/v2"
	"strconv"
)

const (
	maxMessageBytes = 1 << 20 // SQS: 1,048,576 bytes of body, attribute names, types and values, for a message and for a batch
	messageOverhead = 384     // bytes a message costs beside its texts, roughly
)

// A state says where in its queue a message is.
type state uint8

const (
	gone     state = iota // in no queue
	ready                 // in the list of its group
	delayed               // waits for its first visibility
	inflight              // handed to a consumer, hidden from the others
)

// A message is one message in one queue. What a producer gave never changes; the rest is guarded by the Engine's lock.
type message struct {
	body       string
	attributes []attribute // sorted by name
	trace      string      // AWSTraceHeader
	sender     string
	groupID    string
	dedupID    string
	origin     string // ARN of the queue it was dead-lettered from
	id         [16]byte
	digest     [16]byte // MD5 of body
	size       int      // as the service counts it: body and attributes

	serial        uint64 // order of arrival in its queue; unique in the Engine
	sent          int64
	firstReceived int64
	received      int64 // last
	due           int64 // when it becomes visible, if delayed or in flight
	receipt       uint32
	receives      uint32 // in all queues
	receivesHere  uint32 // in this queue: what a redrive policy counts
	state         state
	changed       bool // its visibility was changed since it was received

	batch        *batch // of the receive that has it; nil unless batches are counted
	group        *group
	prev, next   *message // in the list of its group
	waitingIndex int      // in queue.waiting
	ageIndex     int      // in queue.ages
}

// cost is what the message takes of the Engine's byte limit.
func (m *message) cost() int64 { return int64(m.size + messageOverhead) }

// sequence is the SequenceNumber of a message of a FIFO queue: 20 digits, rising. SQS leaves gaps; so do we.
func (m *message) sequence() string {
	return strconv.FormatUint(10_000_000_000_000_000_000+m.serial<<8, 10)
}

// newUUID returns a random version 4 UUID. It identifies; it is no secret.
func newUUID() (id [16]byte) {
	a, b := rand.Uint64(), rand.Uint64()
	for i := range 8 {
		id[i], id[8+i] = byte(a>>(8*i)), byte(b>>(8*i))
	}
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// uuidString writes id in the usual form, 36 characters.
func uuidString(id [16]byte) string {
	var s [36]byte
	hex.Encode(s[0:8], id[0:4])
	hex.Encode(s[9:13], id[4:6])
	hex.Encode(s[14:18], id[6:8])
	hex.Encode(s[19:23], id[8:10])
	hex.Encode(s[24:36], id[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
