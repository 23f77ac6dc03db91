package sqs

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// A waking is something that makes a message visible to a receive that waits.
type waking struct {
	name  string
	attrs []string
	fifo  bool
	after time.Duration
	// make prepares a message and returns what to do a second into the wait.
	make func(r *rig, url string) func()
}

var wakings = []waking{
	{name: "a send", after: time.Second, make: func(r *rig, url string) func() {
		return func() { r.send(url, "m", "", "") }
	}},
	{name: "the end of a delay", attrs: []string{"DelaySeconds", "7"}, after: 7 * time.Second, make: func(r *rig, url string) func() {
		r.send(url, "m", "", "")
		return nil
	}},
	{name: "the end of a visibility timeout", attrs: []string{"VisibilityTimeout", "9"}, after: 9 * time.Second, make: func(r *rig, url string) func() {
		r.send(url, "m", "", "")
		r.receive(url, 1, 0)
		return nil
	}},
	{name: "a timeout set to nothing", after: time.Second, make: func(r *rig, url string) func() {
		r.send(url, "m", "", "")
		m := r.receive(url, 1, 0)[0]
		return func() {
			if err := r.change(url, m, 0); err != nil {
				r.t.Error(err)
			}
		}
	}},
	{name: "a timeout made shorter", after: 4 * time.Second, make: func(r *rig, url string) func() {
		r.send(url, "m", "", "")
		m := r.receive(url, 1, 0)[0]
		return func() {
			if err := r.change(url, m, 3); err != nil {
				r.t.Error(err)
			}
		}
	}},
	{name: "a FIFO group unlocked by a deletion", fifo: true, after: time.Second, make: func(r *rig, url string) func() {
		r.send(url, "first", "g", "1")
		r.send(url, "m", "g", "2")
		m := r.receive(url, 1, 0)[0]
		return func() {
			if err := r.delete(url, m); err != nil {
				r.t.Error(err)
			}
		}
	}},
}

// TestLongPollWakes checks, for everything that can make a message visible, that a receive wakes then and not later.
func TestLongPollWakes(t *testing.T) {
	for _, c := range wakings {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				name := "q"
				if c.fifo {
					name = "q.fifo"
				}
				url := r.queue(name, c.attrs...)
				if do := c.make(r, url); do != nil {
					time.AfterFunc(time.Second, do)
				}
				start := time.Now()
				want(t, r.receive(url, 1, 20), "m")
				if took := time.Since(start); took != c.after {
					t.Errorf("woke after %v, want %v", took, c.after)
				}
			})
		})
	}
}

// TestLongPollEnds checks that a receive that finds nothing ends with its wait, with its caller, with the queue and with
// the Engine.
func TestLongPollEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration
		do    func(r *rig, url string, cancel func())
	}{
		{"its wait is over", 20 * time.Second, func(*rig, string, func()) {}},
		{"its caller is gone", time.Second, func(_ *rig, _ string, cancel func()) { cancel() }},
		{"the queue is deleted", time.Second, func(r *rig, url string, _ func()) {
			if _, err := r.e.deleteQueue(r.call(), &queueRequest{QueueURL: url}); err != nil {
				r.t.Error(err)
			}
		}},
		{"the Engine is closed", time.Second, func(r *rig, _ string, _ func()) { r.e.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				url := r.queue("q", "ReceiveMessageWaitTimeSeconds", "20")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(time.Second, func() { c.do(r, url, cancel) })
				start := time.Now()
				want(t, r.receiveCtx(ctx, &receiveMessageRequest{QueueURL: url}))
				if took := time.Since(start); took != c.after {
					t.Errorf("ended after %v, want %v", took, c.after)
				}
			})
		})
	}
}

// TestLongPollLosesNothing lets many receives wait, some of them leaving at the very moment messages arrive, and counts.
func TestLongPollLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		url := r.queue("q")
		const consumers, messages = 20, 200
		got := make(chan string, messages)
		for i := range consumers {
			go func() {
				for !closed(r.e) {
					wait := i%3 + 1
					for _, m := range r.receive(url, 3, wait) {
						got <- m.Body
						if err := r.delete(url, m); err != nil {
							t.Error(err)
						}
					}
				}
			}()
		}
		for i := range messages {
			r.send(url, strconv.Itoa(i), "", "")
			if i%7 == 0 {
				pass(time.Second) // The moment at which some of the waits end.
			}
		}
		seen := map[string]bool{}
		for range messages {
			seen[<-got] = true
		}
		if len(seen) != messages {
			t.Errorf("got %d different messages, want %d", len(seen), messages)
		}
		if left := r.attribute(url, "ApproximateNumberOfMessages"); left != "0" {
			t.Errorf("got %s messages left, want 0", left)
		}
		r.e.Close()
		pass(4 * time.Second)
	})
}

// TestLeavingPollKeepsItsAnswer lets a poll be answered after it has given up and before it is off the list:
// its wait ends; a send answers it; it leaves → without care the message is hidden and nobody has it.
func TestLeavingPollKeepsItsAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	url := r.queue("q")
	q, p := r.e.queues["q"], &poll{request: request{max: 1}, answer: make(chan []delivery, 1)}
	q.polls = append(q.polls, p)
	r.send(url, "m", "", "")
	if got := r.e.leave(q, p); len(got) != 1 || got[0].body != "m" {
		t.Errorf("got %v, want the message", got)
	}
	if got := r.e.leave(q, &poll{}); got != nil || len(q.polls) != 0 {
		t.Errorf("got %v and %d polls, want nothing", got, len(q.polls))
	}
}

// TestCloseIsPromptAndRepeatable checks that a closed Engine answers at once.
func TestCloseIsPromptAndRepeatable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		url := r.queue("q")
		r.e.Close()
		r.e.Close()
		start := time.Now()
		want(t, r.receive(url, 1, 20))
		if took := time.Since(start); took != 0 {
			t.Errorf("a receive after Close waited %v", took)
		}
		r.send(url, "m", "", "")
		want(t, r.receive(url, 1, 0), "m")
	})
}

func closed(e *Engine) bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}
