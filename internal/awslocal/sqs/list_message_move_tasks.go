package sqs

// ListMessageMoveTasks returns the last tasks for a source, the newest first: one, or up to ten if asked.

type listMessageMoveTasksRequest struct {
	SourceArn  string
	MaxResults *int
}

type moveTaskEntry struct {
	TaskHandle                        string `json:",omitempty"`
	Status                            string
	SourceArn                         string
	DestinationArn                    string `json:",omitempty"`
	MaxNumberOfMessagesPerSecond      *int   `json:",omitempty"`
	ApproximateNumberOfMessagesMoved  int
	ApproximateNumberOfMessagesToMove int
	FailureReason                     string `json:",omitempty"`
	StartedTimestamp                  int64
}

type listMessageMoveTasksResult struct {
	Results []moveTaskEntry `json:",omitempty" query:"ListMessageMoveTasksResultEntry"`
}

func (e *Engine) listMessageMoveTasks(_ *call, in *listMessageMoveTasksRequest) (*listMessageMoveTasksResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 1
	if in.MaxResults != nil {
		if n = *in.MaxResults; n < 1 || n > tasksKept {
			return nil, errInvalidValue(n, "MaxResults", "Must be an integer value between 1 and 10.")
		}
	}
	if e.byARN(in.SourceArn) == nil {
		return nil, errResourceNotFound("The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	out := &listMessageMoveTasksResult{}
	for i := len(e.tasks) - 1; i >= 0 && len(out.Results) < n; i-- {
		if e.tasks[i].source == in.SourceArn {
			out.Results = append(out.Results, e.tasks[i].wire())
		}
	}
	return out, nil
}

// wire writes a task; its handle only while it can be cancelled.
func (t *moveTask) wire() moveTaskEntry {
	entry := moveTaskEntry{
		Status: t.status, SourceArn: t.source, DestinationArn: t.destination, FailureReason: t.reason,
		ApproximateNumberOfMessagesMoved: t.moved, ApproximateNumberOfMessagesToMove: t.toMove,
		StartedTimestamp: milliseconds(t.started),
	}
	if t.status == taskRunning {
		entry.TaskHandle = t.handle()
	}
	if t.rate > 0 {
		entry.MaxNumberOfMessagesPerSecond = &t.rate
	}
	return entry
}
