package sqs

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"
)

const (
	maxQueues       = 1000    // of one Engine; a bound of the stand-in, SQS has none
	defaultMaxBytes = 2 << 30 // kept in messages and deduplication records; a bound of the stand-in
)

// Options says whose queues they are and where they are reached.
type Options struct {
	Account  string           // 12 digits
	Region   string           // part of every ARN
	BaseURL  string           // queue URLs begin with it; empty: with the scheme and host of the request that asks
	Now      func() time.Time // nil: time.Now
	MaxBytes int64            // most bytes kept, counted with a fixed overhead per message; 0: 2 GiB

	// Arrive is asked about every new message, in order of arrival: by how much it is late in addition to its delay, and
	// whether it is stored twice. It is called under the Engine's lock. nil: never.
	Arrive func() (late time.Duration, twice bool)
	// Batches is how many receives may have messages in flight, a time after the first that found one; further receives
	// find nothing. nil: without bound.
	Batches func(since time.Duration) int
}

// An Engine is a set of queues of one account in one region. Safe for concurrent use.
//
// One lock guards all of it. What happens under it is a few microseconds of pointer work per call: decoding, checking,
// hashing and encoding are done outside.
type Engine struct {
	options Options
	seed    maphash.Seed // signs receipt handles
	done    chan struct{}

	mu      sync.Mutex
	closed  bool
	queues  map[string]*queue // by name
	deleted map[string]int64  // when a queue of this name was deleted, if within the last minute
	serial  uint64            // last number given to a message or a queue
	bytes   int64             // kept now
	touched []*queue          // may have something for a waiting receive
	tasks   []*moveTask       // newest last
}

// New returns an Engine without queues.
func New(o Options) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	return &Engine{
		options: o,
		seed:    maphash.MakeSeed(),
		done:    make(chan struct{}),
		queues:  map[string]*queue{},
		deleted: map[string]int64{},
	}
}

// Close ends long polls, which answer that there is nothing, and message move tasks. Other calls go on being served.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	e.closed = true
	close(e.done)
	for _, q := range e.queues {
		q.stopTimer()
	}
	for _, t := range e.tasks {
		t.stop()
	}
}

// CreateQueue makes a queue, or finds the one that has this name and these attributes, and returns its URL.
func (e *Engine) CreateQueue(name string, attrs map[string]string) (url string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q, err := e.createQueue(name, attrs, nil)
	if err != nil {
		return "", err
	}
	return e.queueURL(e.options.BaseURL, q), nil
}

// Send puts one message into a queue, under the rules of the SendMessage action, and returns its id. An empty group or
// dedup means that none is given.
func (e *Engine) Send(queueURL, body string, attrs map[string]MessageAttribute, group, dedup string) (messageID string, err error) {
	wire := make(map[string]wireAttribute, len(attrs))
	for name, a := range attrs {
		wire[name] = wireAttribute{MessageAttribute: a}
	}
	in := &sendMessageRequest{QueueURL: queueURL, outgoing: outgoing{
		MessageBody: body, MessageAttributes: wire, MessageGroupID: optional(group), MessageDeduplicationID: optional(dedup),
	}}
	out, err := e.sendMessage(&call{sender: e.options.Account}, in)
	if err != nil {
		return "", err
	}
	return out.MessageID, nil
}

// optional turns the empty string into an absent parameter.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// now is the clock in nanoseconds since 1970.
func (e *Engine) now() int64 { return e.options.Now().UnixNano() }

// within runs f on the queue that url names, brought up to date, and then serves the receives that wait. The lock is
// held while f runs.
func (e *Engine) within(url string, f func(q *queue, now int64) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	q, err := e.lookup(url)
	if err != nil {
		return err
	}
	now := e.now()
	e.settle(q, now)
	err = f(q, now)
	e.touch(q)
	e.flush(now)
	return err
}
