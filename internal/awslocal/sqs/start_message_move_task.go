package sqs

import "slices"

// StartMessageMoveTask begins to move the messages of a dead-letter queue to another queue or back to where they came
// from, at a rate if one is given. One task at a time runs for a source.

type startMessageMoveTaskRequest struct {
	SourceArn                    string
	DestinationArn               string
	MaxNumberOfMessagesPerSecond *int
}

type startMessageMoveTaskResult struct {
	TaskHandle string
}

func (e *Engine) startMessageMoveTask(_ *call, in *startMessageMoveTaskRequest) (*startMessageMoveTaskResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if in.SourceArn == "" {
		return nil, errMissingParameter("SourceArn")
	}
	q := e.byARN(in.SourceArn)
	if q == nil {
		return nil, errResourceNotFound("The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	if !e.isDeadLetterQueue(q) {
		return nil, errInvalidParameter("Source queue must be configured as a Dead Letter Queue.")
	}
	if in.DestinationArn != "" && e.byARN(in.DestinationArn) == nil {
		return nil, errResourceNotFound("The resource that you specified for the DestinationArn parameter doesn't exist.")
	}
	if in.DestinationArn == q.arn {
		return nil, errInvalidParameter("Source queue arn and destination queue arn cannot be the same.")
	}
	if n := in.MaxNumberOfMessagesPerSecond; n != nil && (*n < 1 || *n > maxPerSec) {
		return nil, errInvalidValue(*n, "MaxNumberOfMessagesPerSecond", "Must be an integer value between 1 and 500.")
	}
	if e.running(q.arn) != nil {
		return nil, errInvalidParameter("There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
	}
	now := e.now()
	e.settle(q, now)
	t := &moveTask{
		id: uuidString(newUUID()), source: q.arn, destination: in.DestinationArn, started: now, toMove: q.ready, status: taskRunning,
	}
	if in.MaxNumberOfMessagesPerSecond != nil {
		t.rate = *in.MaxNumberOfMessagesPerSecond
	}
	e.keepTask(t)
	t.schedule(e)
	return &startMessageMoveTaskResult{TaskHandle: t.handle()}, nil
}

// isDeadLetterQueue reports whether the redrive policy of some queue names q.
func (e *Engine) isDeadLetterQueue(q *queue) bool {
	for _, other := range e.queues {
		if other.settings.deadLetterARN == q.arn {
			return true
		}
	}
	return false
}

// keepTask remembers t and forgets the oldest tasks of its source beyond those that can be listed.
func (e *Engine) keepTask(t *moveTask) {
	e.tasks = append(e.tasks, t)
	n := 0
	for i := len(e.tasks) - 1; i >= 0; i-- {
		if e.tasks[i].source != t.source {
			continue
		}
		if n++; n > tasksKept {
			e.tasks = slices.Delete(e.tasks, i, i+1)
		}
	}
}
