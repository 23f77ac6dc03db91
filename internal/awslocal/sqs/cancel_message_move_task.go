package sqs

// CancelMessageMoveTask ends a task that runs. What it has moved stays where it is.

type cancelMessageMoveTaskRequest struct {
	TaskHandle string
}

type cancelMessageMoveTaskResult struct {
	ApproximateNumberOfMessagesMoved int
}

func (e *Engine) cancelMessageMoveTask(_ *call, in *cancelMessageMoveTaskRequest) (*cancelMessageMoveTaskResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if in.TaskHandle == "" {
		return nil, errMissingParameter("TaskHandle")
	}
	id, source, ok := parseTaskHandle(in.TaskHandle)
	if !ok {
		return nil, errInvalidParameter("Value for parameter TaskHandle is invalid.")
	}
	if e.byARN(source) == nil {
		return nil, errResourceNotFound("The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	t := e.running(source)
	if t == nil || t.id != id {
		return nil, errResourceNotFound("Task does not exist.")
	}
	t.status = taskCancelled
	t.stop()
	return &cancelMessageMoveTaskResult{ApproximateNumberOfMessagesMoved: t.moved}, nil
}
