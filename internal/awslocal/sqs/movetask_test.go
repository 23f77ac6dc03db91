package sqs

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// dead makes a queue with a dead-letter queue that holds n messages out of it.
func (r *rig) dead(n int) (source, dlq string) {
	r.t.Helper()
	dlq = r.queue("dlq")
	source = r.queue("q", "VisibilityTimeout", "0", "RedrivePolicy", redrivePolicy("dlq", 1))
	for i := range n {
		r.send(source, strconv.Itoa(i), "", "")
	}
	for range 2 * (n/10 + 1) {
		r.receive(source, 10, 0)
	}
	if got := r.attribute(dlq, "ApproximateNumberOfMessages"); got != strconv.Itoa(n) {
		r.t.Fatalf("got %s dead letters, want %d", got, n)
	}
	return source, dlq
}

const dlqARN = "arn:aws:sqs:" + testRegion + ":" + testAccount + ":dlq"

func (r *rig) startMove(destination string, rate *int) (handle string) {
	r.t.Helper()
	out, err := r.e.startMessageMoveTask(r.call(), &startMessageMoveTaskRequest{SourceArn: dlqARN, DestinationArn: destination, MaxNumberOfMessagesPerSecond: rate})
	if err != nil {
		r.t.Fatalf("start: %v", err)
	}
	return out.TaskHandle
}

func (r *rig) lastMove() moveTaskEntry {
	r.t.Helper()
	out, err := r.e.listMessageMoveTasks(r.call(), &listMessageMoveTasksRequest{SourceArn: dlqARN})
	if err != nil || len(out.Results) != 1 {
		r.t.Fatalf("list: got %+v, %v, want one task", out, err)
	}
	return out.Results[0]
}

// TestMoveTaskRate checks that a task with a rate keeps to it, that it runs alone, and that it can be cancelled.
func TestMoveTaskRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		source, _ := r.dead(10)
		r.set(source, "VisibilityTimeout", "30")
		rate := 2
		handle := r.startMove("", &rate)
		if _, err := r.e.startMessageMoveTask(r.call(), &startMessageMoveTaskRequest{SourceArn: dlqARN}); err == nil {
			t.Error("a second task was accepted while one runs")
		}
		pass(2*time.Second + time.Millisecond)
		if got := r.lastMove(); got.Status != taskRunning || got.ApproximateNumberOfMessagesMoved != 4 || got.ApproximateNumberOfMessagesToMove != 10 || got.TaskHandle != handle {
			t.Errorf("after 2 s at 2 a second: got %+v, want 4 of 10 moved", got)
		}
		out, err := r.e.cancelMessageMoveTask(r.call(), &cancelMessageMoveTaskRequest{TaskHandle: handle})
		if err != nil || out.ApproximateNumberOfMessagesMoved != 4 {
			t.Errorf("cancel: got %+v, %v, want 4 moved", out, err)
		}
		pass(time.Minute)
		if got := r.lastMove(); got.Status != taskCancelled || got.ApproximateNumberOfMessagesMoved != 4 || got.TaskHandle != "" {
			t.Errorf("after the cancellation: got %+v", got)
		}
		got := r.receive(source, 10, 0)
		want(t, got, "0", "1", "2", "3")
		if len(got) > 0 && got[0].Attributes["ApproximateReceiveCount"] != "1" {
			t.Errorf("got %s receives of a moved message, want 1: it is new", got[0].Attributes["ApproximateReceiveCount"])
		}
		_, err = r.e.cancelMessageMoveTask(r.call(), &cancelMessageMoveTaskRequest{TaskHandle: handle})
		wantRefused(t, err, "ResourceNotFoundException")
	})
}

// TestMoveTaskEnds checks completion, and the reasons for failure.
func TestMoveTaskEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		_, dlq := r.dead(1200)
		other := r.queue("other")
		r.startMove("arn:aws:sqs:us-east-1:123456789012:other", nil)
		pass(time.Second)
		if got := r.lastMove(); got.Status != taskCompleted || got.ApproximateNumberOfMessagesMoved != 1200 {
			t.Errorf("got %+v, want 1200 moved", got)
		}
		if got := r.attribute(other, "ApproximateNumberOfMessages"); got != "1200" {
			t.Errorf("got %s messages in the destination, want 1200", got)
		}
		r.send(dlq, "sent there", "", "")
		r.startMove("", nil)
		pass(time.Second)
		if got := r.lastMove(); got.Status != taskFailed || got.FailureReason != noSource {
			t.Errorf("a message that came from nowhere: got %+v", got)
		}
		r.startMove("arn:aws:sqs:us-east-1:123456789012:other", nil)
		if _, err := r.e.deleteQueue(r.call(), &queueRequest{QueueURL: other}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if got := r.lastMove(); got.Status != taskFailed || got.FailureReason != queueGone {
			t.Errorf("destination deleted: got %+v", got)
		}
		for range 12 {
			r.startMove("", nil)
			pass(time.Second)
		}
		if len(r.e.tasks) != tasksKept {
			t.Errorf("got %d tasks remembered, want %d", len(r.e.tasks), tasksKept)
		}
	})
}
