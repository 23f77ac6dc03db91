package sqs

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestInflightLimit comes to a queue's 120,000 places in flight: a standard queue then refuses, a FIFO queue gives nothing.
func TestInflightLimit(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"q", "q.fifo"} {
		r := newRig(t)
		url := r.queue(name)
		for i := range 10 {
			dedup := ""
			if name == "q.fifo" {
				dedup = strconv.Itoa(i)
			}
			r.send(url, strconv.Itoa(i), strconv.Itoa(i), dedup)
		}
		q := r.e.queues[name]
		q.inflight = 120_000 - 3
		got := r.receive(url, 10, 0)
		want(t, got, "0", "1", "2")
		out, err := r.e.receiveMessage(r.call(), &receiveMessageRequest{QueueURL: url})
		if name == "q" {
			wantRefused(t, err, "OverLimit")
		} else if err != nil || len(out.Messages) != 0 {
			t.Errorf("got %v, %v, want nothing", out, err)
		}
		if err := r.delete(url, got[0]); err != nil {
			t.Fatal(err)
		}
		want(t, r.receive(url, 10, 0), "3")
	}
}

// TestInflightLimitWithinAGroup reaches the limit in the middle of a FIFO group, which must be locked all the same.
func TestInflightLimitWithinAGroup(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	url := r.queue("q.fifo", "VisibilityTimeout", "3600")
	q := r.e.queues["q.fifo"]
	for i := range 10 {
		r.send(url, strconv.Itoa(i), "g", strconv.Itoa(i))
	}
	q.inflight = maxInflight - 5 // of other groups
	want(t, r.receive(url, 10, 0), "0", "1", "2", "3", "4")
	q.inflight--
	want(t, r.receive(url, 10, 0))
}

// TestByteLimit checks that the Engine refuses what it has no room for, and has room again after a deletion.
func TestByteLimit(t *testing.T) {
	t.Parallel()
	r := &rig{t: t, e: New(Options{Account: testAccount, Region: testRegion, MaxBytes: 3 << 20})}
	defer r.e.Close()
	url := r.queue("q")
	body := strings.Repeat("x", 1<<20-1000)
	for range 3 {
		r.send(url, body, "", "")
	}
	_, err := r.e.Send(url, body, nil, "", "")
	wantRefused(t, err, "OverLimit")
	if err == nil || !strings.Contains(err.Error(), "3 MiB") {
		t.Errorf("got %v, want the limit in the sentence", err)
	}
	if err := r.delete(url, r.receive(url, 1, 0)[0]); err != nil {
		t.Fatal(err)
	}
	r.send(url, body, "", "")
}

// TestQueueLimit checks the number of queues.
func TestQueueLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range maxQueues {
		r.queue(fmt.Sprintf("q%d", i))
	}
	_, err := r.e.CreateQueue("one-more", nil)
	wantRefused(t, err, "OverLimit")
	r.queue("q7") // One that exists is no problem.
}

// TestVisibilityLimit checks that a message is not kept from others for more than 12 hours from its receive.
func TestVisibilityLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		url := r.queue("q")
		r.send(url, "m", "", "")
		m := r.receive(url, 1, 0)[0]
		pass(10 * time.Second)
		wantRefused(t, r.change(url, m, 43_191), "InvalidParameterValue")
		if err := r.change(url, m, 43_190); err != nil {
			t.Errorf("exactly 12 hours: %v", err)
		}
		_, err := r.e.changeMessageVisibility(r.call(), &changeMessageVisibilityRequest{QueueURL: url, visibilityChange: visibilityChange{ReceiptHandle: m.ReceiptHandle}})
		wantRefused(t, err, "MissingParameter")
		if err := r.delete(url, m); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, r.change(url, m, 1), "InvalidParameterValue")
	})
}

// TestMemoryIsGivenBack checks that a queue that was full and is empty keeps little.
func TestMemoryIsGivenBack(t *testing.T) {
	r := newRig(t)
	url := r.queue("q")
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // what finalizers let go in the first
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	body := strings.Repeat("x", 1000)
	for range 100_000 {
		r.send(url, strings.Clone(body), "", "")
	}
	full := heap() - before
	if perMessage := full / 100_000; perMessage > 1000+600 {
		t.Errorf("got %d bytes a message of 1,000, want under 1,600", perMessage)
	}
	if _, err := r.e.purgeQueue(r.call(), &queueRequest{QueueURL: url}); err != nil {
		t.Fatal(err)
	}
	if left := heap() - before; left > full/10 {
		t.Errorf("got %d bytes left of %d after a purge", left, full)
	}
}

// TestHandlesAreOurs checks that a handle of another queue, of a deleted namesake or of another Engine is invalid.
func TestHandlesAreOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, other := newRig(t), newRig(t)
		url := r.queue("q")
		r.send(url, "m", "", "")
		m := r.receive(url, 1, 0)[0]
		wantRefused(t, r.delete(r.queue("r"), m), "ReceiptHandleIsInvalid")
		wantRefused(t, other.delete(other.queue("q"), m), "ReceiptHandleIsInvalid")
		if _, err := r.e.deleteQueue(r.call(), &queueRequest{QueueURL: url}); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		wantRefused(t, r.delete(r.queue("q"), m), "ReceiptHandleIsInvalid")
		wantRefused(t, r.delete(r.queue("q"), receivedMessage{}), "MissingParameter")
	})
}
