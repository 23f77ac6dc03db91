package sqs

import (
	"testing"
	"testing/synctest"
	"time"
)

// bubble runs a test in virtual time with a FIFO queue.
func bubble(t *testing.T, attrs []string, f func(t *testing.T, r *rig, url string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		f(t, r, r.queue("q.fifo", attrs...))
	})
}

// TestDedupWindow checks that the five minutes count from the first send and that a duplicate does not extend them.
func TestDedupWindow(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig, url string) {
		first := r.send(url, "a", "g", "d")
		pass(4 * time.Minute)
		if again := r.send(url, "b", "g", "d"); again != first {
			t.Errorf("got message id %s of a duplicate, want the first one's %s", again, first)
		}
		pass(time.Minute - 1)
		if again := r.send(url, "c", "g", "d"); again != first {
			t.Errorf("a nanosecond before the end: got %s, want %s", again, first)
		}
		pass(1)
		if again := r.send(url, "d", "g", "d"); again == first {
			t.Error("at the end of the window: still taken for a duplicate")
		}
		want(t, r.receive(url, 10, 0), "a", "d")
	})
}

// TestDedupScope checks that the same id in another group is a duplicate, unless the queue's scope is the group.
func TestDedupScope(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig, url string) {
		r.send(url, "a", "g", "d")
		r.send(url, "b", "h", "d")
		want(t, r.receive(url, 10, 0), "a")
	})
	bubble(t, []string{"DeduplicationScope", "messageGroup"}, func(t *testing.T, r *rig, url string) {
		r.send(url, "a", "g", "d")
		r.send(url, "b", "h", "d")
		r.send(url, "c", "h", "d")
		want(t, r.receive(url, 10, 0), "a", "b")
	})
}

// TestFIFOHandlesExpire checks that in a FIFO queue a handle ends with the visibility timeout.
func TestFIFOHandlesExpire(t *testing.T) {
	bubble(t, []string{"VisibilityTimeout", "5"}, func(t *testing.T, r *rig, url string) {
		r.send(url, "a", "g", "1")
		m := r.receive(url, 1, 0)[0]
		pass(5 * time.Second)
		wantRefused(t, r.delete(url, m), "InvalidParameterValue")
		wantRefused(t, r.change(url, m, 1), "AWS.SimpleQueueService.MessageNotInflight")
		again := r.receive(url, 1, 0)
		want(t, again, "a")
		wantRefused(t, r.delete(url, m), "InvalidParameterValue")
		if err := r.delete(url, again[0]); err != nil {
			t.Error(err)
		}
		if err := r.delete(url, again[0]); err != nil {
			t.Errorf("deleting once more: %v", err)
		}
	})
}

// TestReturnedMessagesKeepTheirOrder lets the messages of a group come back at different times.
func TestReturnedMessagesKeepTheirOrder(t *testing.T) {
	bubble(t, []string{"VisibilityTimeout", "30"}, func(t *testing.T, r *rig, url string) {
		for _, body := range []string{"1", "2", "3", "4"} {
			r.send(url, body, "g", body)
		}
		got := r.receive(url, 3, 0)
		want(t, got, "1", "2", "3")
		if err := r.change(url, got[2], 0); err != nil {
			t.Fatal(err)
		}
		want(t, r.receive(url, 10, 0)) // 1 and 2 are still in flight.
		if err := r.change(url, got[0], 10); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second)
		want(t, r.receive(url, 10, 0)) // 2 is.
		pass(20 * time.Second)
		want(t, r.receive(url, 10, 0), "1", "2", "3", "4")
	})
}

// TestFIFODelay checks the queue's delay, that a change of it reaches back, and that it holds back a whole group.
func TestFIFODelay(t *testing.T) {
	bubble(t, []string{"DelaySeconds", "60"}, func(t *testing.T, r *rig, url string) {
		r.send(url, "a", "g", "1")
		pass(10 * time.Second)
		r.set(url, "DelaySeconds", "20")
		r.send(url, "b", "g", "2")
		want(t, r.receive(url, 10, 0))
		pass(10 * time.Second)
		got := r.receive(url, 10, 0)
		want(t, got, "a")
		pass(10 * time.Second)
		want(t, r.receive(url, 10, 0)) // b is due, but a is in flight.
		if err := r.delete(url, got[0]); err != nil {
			t.Fatal(err)
		}
		want(t, r.receive(url, 10, 0), "b")
	})
}

// TestReceiveAttempt checks that a receive can be repeated with its id, and when it no longer can.
func TestReceiveAttempt(t *testing.T) {
	bubble(t, []string{"VisibilityTimeout", "30"}, func(t *testing.T, r *rig, url string) {
		for _, body := range []string{"1", "2", "3"} {
			r.send(url, body, "g", body)
		}
		attempt := func(id string) []receivedMessage {
			two := 2
			return r.receiveCtx(t.Context(), &receiveMessageRequest{QueueURL: url, MaxNumberOfMessages: &two, ReceiveRequestAttemptID: &id})
		}
		first := attempt("A")
		want(t, first, "1", "2")
		pass(20 * time.Second)
		again := attempt("A")
		want(t, again, "1", "2")
		if again[0].ReceiptHandle != first[0].ReceiptHandle {
			t.Error("the retry gave another handle")
		}
		want(t, attempt("B"))
		pass(29 * time.Second) // The retry reset the timeout.
		want(t, attempt("B"))
		if err := r.delete(url, again[0]); err != nil {
			t.Fatal(err)
		}
		want(t, attempt("A")) // Modified: a new receive, and the group is locked.
		pass(time.Second)
		want(t, attempt("A"), "2", "3")
	})
}

// TestFairQueue checks that the groups of a standard queue take turns.
func TestFairQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		url := r.queue("q")
		for _, body := range []string{"a1", "a2", "a3", "a4", "a5"} {
			r.send(url, body, "noisy", "")
		}
		r.send(url, "b1", "quiet", "")
		r.send(url, "n1", "", "")
		r.send(url, "b2", "quiet", "")
		got := r.receive(url, 10, 0)
		want(t, got, "a1", "b1", "n1", "a2", "b2", "a3", "a4", "a5")
		if group, number := got[1].Attributes["MessageGroupId"], got[1].Attributes["SequenceNumber"]; group != "quiet" || number != "" {
			t.Errorf("got group %q and sequence number %q, want quiet and none", group, number)
		}
		r.send(url, "a6", "noisy", "")
		want(t, r.receive(url, 1, 0), "a6") // Groups of a standard queue are not locked.
	})
}
