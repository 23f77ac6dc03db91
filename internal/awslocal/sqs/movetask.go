package sqs

import (
	"encoding/base64"
	"strings"
	"time"
)

// What ListMessageMoveTasks calls the stages of a task.
const (
	taskRunning   = "RUNNING"
	taskCompleted = "COMPLETED"
	taskCancelled = "CANCELLED"
	taskFailed    = "FAILED"
)

const (
	moveBatch  = 500                    // messages that a task without a rate of its own moves in one step
	moveEvery  = 100 * time.Millisecond // time between two steps of such a task
	tasksKept  = 10                     // finished tasks remembered for each source. SQS lists up to 10.
	maxPerSec  = 500                    // SQS: highest rate that can be asked for
	noSource   = "CouldNotDetermineMessageSource"
	queueGone  = "AWS.SimpleQueueService.NonExistentQueue"
	handlePart = ":"
)

// A moveTask moves the messages of a dead-letter queue back to where they came from, or to a queue that is named. A timer
// carries it on; all of it is guarded by the Engine's lock.
type moveTask struct {
	id                  string
	source, destination string // ARNs; destination empty: back to the origin of each
	rate                int    // messages a second; 0: as many as a step takes
	started             int64
	toMove, moved       int
	status, reason      string
	timer               *time.Timer
}

// handle names a task for CancelMessageMoveTask: its id and its source.
func (t *moveTask) handle() string {
	return base64.StdEncoding.EncodeToString([]byte(t.id + handlePart + t.source))
}

// parseTaskHandle reads what handle wrote.
func parseTaskHandle(handle string) (id, source string, ok bool) {
	b, err := base64.StdEncoding.DecodeString(handle)
	if err != nil {
		return "", "", false
	}
	id, source, ok = strings.Cut(string(b), handlePart)
	return id, source, ok && strings.HasPrefix(source, "arn:")
}

// schedule sets the timer for the task's next step.
func (t *moveTask) schedule(e *Engine) {
	d := moveEvery
	if t.rate > 0 {
		d = time.Second / time.Duration(t.rate)
	}
	t.timer = time.AfterFunc(d, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if t.status != taskRunning || e.closed {
			return
		}
		now := e.now()
		t.step(e, now)
		e.flush(now)
		if t.status == taskRunning {
			t.schedule(e)
		}
	})
}

// stop ends the timer.
func (t *moveTask) stop() {
	if t.timer != nil {
		t.timer.Stop()
	}
}

// step moves the next messages, group after group in the order of arrival, and notes when there are no more or it cannot go on. A message that is in
// flight is not moved.
func (t *moveTask) step(e *Engine, now int64) {
	q := e.byARN(t.source)
	if q == nil {
		t.status, t.reason = taskFailed, queueGone
		return
	}
	e.settle(q, now)
	n := moveBatch
	if t.rate > 0 {
		n = 1
	}
	for range n {
		if t.moved >= t.toMove || q.turns.head == nil {
			t.status = taskCompleted
			return
		}
		m := q.turns.head.head
		to := e.byARN(t.target(m))
		if to == nil {
			t.status, t.reason = taskFailed, queueGone
			if t.target(m) == "" {
				t.reason = noSource
			}
			return
		}
		e.moveTo(q, to, m, now)
		t.moved++
	}
	if t.moved >= t.toMove {
		t.status = taskCompleted
	}
}

// target is the ARN of the queue m goes to; empty if it never was in another.
func (t *moveTask) target(m *message) string {
	if t.destination != "" {
		return t.destination
	}
	return m.origin
}

// moveTo puts m into another queue as a new message. SQS: with a new id and time, and its receives forgotten.
func (e *Engine) moveTo(q, to *queue, m *message, now int64) {
	e.remove(q, m)
	m.id, m.sent, m.origin = newUUID(), now, ""
	m.receives, m.firstReceived, m.received = 0, 0, 0
	e.settle(to, now)
	e.insert(to, m, now, now)
	e.touch(to)
}

// running returns the task that moves messages out of the queue with this ARN, or nil.
func (e *Engine) running(source string) *moveTask {
	for _, t := range e.tasks {
		if t.source == source && t.status == taskRunning {
			return t
		}
	}
	return nil
}
