package sqs

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// redrivePolicy names a queue of this account as the dead-letter queue.
func redrivePolicy(name string, max int) string {
	return fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:%s:%s:%s","maxReceiveCount":"%d"}`, testRegion, testAccount, name, max)
}

// TestRedriveKeepsAge checks that in a standard dead-letter queue a message is as old as it was, and in a FIFO one new.
func TestRedriveKeepsAge(t *testing.T) {
	for _, suffix := range []string{"", ".fifo"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			dlq := r.queue("dlq"+suffix, "MessageRetentionPeriod", "60")
			url := r.queue("q"+suffix, "VisibilityTimeout", "0", "RedrivePolicy", redrivePolicy("dlq"+suffix, 1))
			group, dedup := "", ""
			if suffix != "" {
				group, dedup = "g", "d"
			}
			id := r.send(url, "m", group, dedup)
			want(t, r.receive(url, 10, 0), "m")
			pass(59 * time.Second)
			want(t, r.receive(url, 10, 0)) // moves it
			pass(time.Second)
			got := r.receive(dlq, 10, 0)
			if suffix == "" {
				want(t, got)
				return
			}
			want(t, got, "m")
			if len(got) == 1 && (got[0].MessageID != id || got[0].Attributes["ApproximateReceiveCount"] != "2") {
				t.Errorf("got id %s and %s receives, want %s and 2", got[0].MessageID, got[0].Attributes["ApproximateReceiveCount"], id)
			}
		})
	}
}

// TestRedriveWakesAPoll checks that a receive that waits on the dead-letter queue gets what is moved there.
func TestRedriveWakesAPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		dlq := r.queue("dlq")
		url := r.queue("q", "VisibilityTimeout", "0", "RedrivePolicy", redrivePolicy("dlq", 1))
		r.send(url, "m", "", "")
		want(t, r.receive(url, 10, 0), "m")
		time.AfterFunc(3*time.Second, func() { r.receive(url, 10, 0) })
		start := time.Now()
		want(t, r.receive(dlq, 10, 20), "m")
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("woke after %v, want 3s", took)
		}
	})
}

// TestFIFORedriveGoesOnWithTheGroup checks that the message after a poisoned one is received in the same call.
func TestFIFORedriveGoesOnWithTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.queue("dlq.fifo")
		url := r.queue("q.fifo", "VisibilityTimeout", "5", "RedrivePolicy", redrivePolicy("dlq.fifo", 1))
		r.send(url, "poison", "g", "1")
		r.send(url, "next", "g", "2")
		want(t, r.receive(url, 1, 0), "poison")
		pass(5 * time.Second)
		want(t, r.receive(url, 10, 0), "next")
	})
}

// TestRedrivePolicies checks what is refused as a redrive policy.
func TestRedrivePolicies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	url := r.queue("q")
	r.queue("dlq")
	r.queue("dlq.fifo")
	r.queue("closed", "RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`)
	r.queue("others", "RedriveAllowPolicy", `{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:123456789012:r"]}`)
	r.queue("ours", "RedriveAllowPolicy", `{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:123456789012:q"]}`)
	for _, c := range []struct {
		name, policy string
		ok           bool
	}{
		{"a queue", redrivePolicy("dlq", 1), true},
		{"a queue that permits this one", redrivePolicy("ours", 1000), true},
		{"none", "", true},
		{"a queue that permits others", redrivePolicy("others", 1), false},
		{"a queue that permits nobody", redrivePolicy("closed", 1), false},
		{"a queue of the other type", redrivePolicy("dlq.fifo", 1), false},
		{"a queue that does not exist", redrivePolicy("none", 1), false},
		{"itself", redrivePolicy("q", 1), false},
		{"no receives", redrivePolicy("dlq", 0), false},
		{"too many receives", redrivePolicy("dlq", 1001), false},
		{"no count", `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:dlq"}`, false},
		{"no target", `{"maxReceiveCount":1}`, false},
		{"no JSON", `{`, false},
	} {
		_, err := r.e.setQueueAttributes(r.call(), &setQueueAttributesRequest{QueueURL: url, Attributes: map[string]string{"RedrivePolicy": c.policy}})
		if (err == nil) != c.ok {
			t.Errorf("%s: got %v, want accepted %v", c.name, err, c.ok)
		}
	}
	out, err := r.e.listDeadLetterSourceQueues(r.call(), &listDeadLetterSourceQueuesRequest{QueueURL: r.queue("dlq")})
	if err != nil || len(out.QueueURLs) != 0 {
		t.Errorf("after the policy was removed: got %v, %v, want no sources", out, err)
	}
	r.set(url, "RedrivePolicy", redrivePolicy("dlq", 3))
	out, err = r.e.listDeadLetterSourceQueues(r.call(), &listDeadLetterSourceQueuesRequest{QueueURL: r.queue("dlq")})
	if err != nil || len(out.QueueURLs) != 1 || out.QueueURLs[0] != url {
		t.Errorf("got %v, %v, want %s", out, err, url)
	}
}
