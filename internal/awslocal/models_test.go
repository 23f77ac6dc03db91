package awslocal

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/awslocal/model"
)

// modelled runs f with a server that has these models, in virtual time.
func modelled(t *testing.T, o Options, f func(t *testing.T, v *visitor), ids ...string) {
	t.Helper()
	o.Models = model.Set{IDs: ids, Seed: 42}
	synctest.Test(t, func(t *testing.T) {
		v := visit(t, o)
		defer v.server.Close()
		f(t, v)
	})
}

// timed returns how long f takes on the clock of the bubble.
func timed(t *testing.T, f func() error) time.Duration {
	t.Helper()
	start := time.Now()
	if err := f(); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

// draws returns what a model draws first, with the seed of modelled.
func drawsOf(t *testing.T, id string, n int) (out []time.Duration) {
	t.Helper()
	m, ok := model.Lookup(id)
	if !ok {
		t.Fatalf("there is no model %s", id)
	}
	s := m.Sampler(42, 0)
	for range n {
		out = append(out, s.Next())
	}
	return out
}

// TestRepliesAreLateOnce: each answer to a send comes exactly one draw late, the message is there before it, and other
// calls take no time.
func TestRepliesAreLateOnce(t *testing.T) {
	want := drawsOf(t, "sqs-send-2021", 3)
	modelled(t, Options{}, func(t *testing.T, v *visitor) {
		got := []time.Duration{
			timed(t, func() error { _, err := v.send("1"); return err }),
			timed(t, func() error { _, err := v.batch(t.Context(), "2", "3"); return err }),
		}
		if !slices.Equal(got, want[:2]) {
			t.Errorf("sends took %v, want %v", got, want[:2])
		}
		if d := timed(t, func() error { _, err := v.record(t.Context(), "i", "x"); return err }); d != 0 {
			t.Errorf("a POST took %v, want no time", d)
		}
		if d := timed(t, func() error { _, err := v.take(0); return err }); d != 0 {
			t.Errorf("a receive took %v, want no time", d)
		}
		go func() { _, _ = v.send("early") }()
		if d := timed(t, func() error { _, err := v.take(20); return err }); d != 0 {
			t.Errorf("a waiting receive got the message after %v, want it before the answer to its sender", d)
		}
		if got := v.server.Describe(); got != "sqs-send-2021, seed 42" {
			t.Errorf("described as %q", got)
		}
	}, "sqs-send-2021")
}

// TestMessagesAreLateOnce: a message can be received exactly one draw after it was sent, by a receive that waits too.
func TestMessagesAreLateOnce(t *testing.T) {
	want := drawsOf(t, "sqs-esm-3gb", 3)
	modelled(t, Options{}, func(t *testing.T, v *visitor) {
		if d := timed(t, func() error { _, err := v.send("1"); return err }); d != 0 {
			t.Errorf("a send took %v, want no time", d)
		}
		start := time.Now()
		if got, err := v.take(0); err != nil || len(got) != 0 {
			t.Errorf("at once: got %d messages, %v; want none", len(got), err)
		}
		if got, err := v.take(20); err != nil || len(got) != 1 || time.Since(start) != want[0] {
			t.Errorf("got %d messages after %v, %v; want one after %v", len(got), time.Since(start), err, want[0])
		}
		done := make(chan time.Duration, 1)
		go func() {
			_, err := v.take(20)
			if err != nil {
				t.Error(err)
			}
			done <- time.Since(start)
		}()
		time.Sleep(time.Second)
		start = time.Now()
		if _, err := v.send("2"); err != nil {
			t.Fatal(err)
		}
		if d := <-done; d != want[1] {
			t.Errorf("a receive that waited got the message after %v, want %v", d, want[1])
		}
	}, "sqs-esm-3gb")
}

// TestFIFOKeepsOrderWhenLate: in a group nothing overtakes, however the draws fall; groups do not wait for each other.
func TestFIFOKeepsOrderWhenLate(t *testing.T) {
	modelled(t, Options{Queue: "records.fifo"}, func(t *testing.T, v *visitor) {
		var want []string
		for i := range 60 {
			body := string(rune('A' + i))
			want = append(want, body)
			in := map[string]any{"QueueUrl": *v.url, "MessageBody": body, "MessageGroupId": "g", "MessageDeduplicationId": body}
			if err := v.call(t.Context(), "SendMessage", in, nil); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for len(got) < len(want) {
			messages, err := v.take(20)
			if err != nil || len(messages) == 0 {
				t.Fatalf("got %d messages, %v after %q", len(messages), err, got)
			}
			got = append(got, texts(messages)...)
			for _, m := range messages {
				if err := v.call(t.Context(), "DeleteMessage", map[string]any{"QueueUrl": *v.url, "ReceiptHandle": m.ReceiptHandle}, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want the order in which they were sent", got)
		}
	}, "sqs-fifo-esm-3gb")
}

// TestGatewayTakesItsTime: a round trip is split around the function, whose own time comes on top; a time to the handler
// passes before it.
func TestGatewayTakesItsTime(t *testing.T) {
	for _, c := range []struct {
		id     string
		before func(d time.Duration) time.Duration
	}{
		{"apigw-rest-warm-2gb", func(d time.Duration) time.Duration { return d / 2 }},
		{"apigw-rest-default-mem", func(d time.Duration) time.Duration { return d }},
	} {
		want := drawsOf(t, c.id, 2)
		var begun time.Time
		work := Consume(func(_ context.Context, d Delivery) error {
			begun = time.Now()
			time.Sleep(5 * time.Millisecond)
			return nil
		})
		modelled(t, Options{Records: work}, func(t *testing.T, v *visitor) {
			for _, d := range want {
				start := time.Now()
				got, err := v.record(t.Context(), "i", "x")
				if err != nil || got.status != 200 {
					t.Fatalf("%s: got %v, %v", c.id, got, err)
				}
				if took := time.Since(start); took != d+5*time.Millisecond {
					t.Errorf("%s: took %v, want %v and 5 ms of work", c.id, took, d)
				}
				if after := begun.Sub(start); after != c.before(d) {
					t.Errorf("%s: the function began after %v, want %v", c.id, after, c.before(d))
				}
			}
			v.self.SecretAccessKey += "x"
			if d := timed(t, func() error { _, err := v.record(t.Context(), "i", "x"); return err }); d != 0 {
				t.Errorf("%s: a refusal took %v, want no time", c.id, d)
			}
		}, c.id)
	}
}

// TestColdStarts: an invocation without an idle environment waits for one; one after it, within ten minutes, does not.
func TestColdStarts(t *testing.T) {
	cold := drawsOf(t, "cold-go-arm64", 4)
	const work = time.Millisecond
	modelled(t, Options{Records: Consume(func(context.Context, Delivery) error { time.Sleep(work); return nil })}, func(t *testing.T, v *visitor) {
		post := func() time.Duration {
			return timed(t, func() error { _, err := v.record(t.Context(), "i", "x"); return err }) - work
		}
		if d := post(); d != model.ColdSandbox+cold[0] {
			t.Errorf("first: took %v, want %v", d, model.ColdSandbox+cold[0])
		}
		if d := post(); d != 0 {
			t.Errorf("second: took %v, want no time", d)
		}
		both := make(chan time.Duration, 2)
		for range 2 {
			go func() { both <- post() }()
		}
		if a, b := <-both, <-both; a+b != model.ColdSandbox+cold[1] {
			t.Errorf("two at once: took %v and %v, want one of them cold: %v", a, b, model.ColdSandbox+cold[1])
		}
		time.Sleep(model.IdleLife)
		if d := post(); d != model.ColdSandbox+cold[2] {
			t.Errorf("after ten minutes: took %v, want %v", d, model.ColdSandbox+cold[2])
		}
	}, "cold-go-arm64")
}

// TestGatewayLimits: one more than the account's burst, or than the concurrency of functions, is answered 429.
func TestGatewayLimits(t *testing.T) {
	modelled(t, Options{Records: says(`{}`)}, func(t *testing.T, v *visitor) {
		passed := 0
		for range model.AccountBurst + 100 {
			got, err := v.record(t.Context(), "i", "x")
			if err == nil && got.status == 200 {
				passed++
			} else if err != nil || got.status != 429 {
				t.Fatalf("got %v, %v", got, err)
			}
		}
		if passed != model.AccountBurst {
			t.Errorf("%d passed at once, want %d", passed, model.AccountBurst)
		}
	}, "apigw-account-throttle")
	busy := func(context.Context, []byte) ([]byte, error) { time.Sleep(time.Second); return []byte(`{}`), nil }
	modelled(t, Options{Records: busy}, func(t *testing.T, v *visitor) {
		status := make(chan int, model.Concurrency+5)
		for range cap(status) {
			go func() {
				got, err := v.record(t.Context(), "i", "x")
				if err != nil {
					t.Error(err)
				}
				status <- got.status
			}()
		}
		refused := 0
		for range cap(status) {
			if <-status == 429 {
				refused++
			}
		}
		if refused != 5 {
			t.Errorf("%d of %d refused, want 5", refused, cap(status))
		}
		if got, err := v.record(t.Context(), "i", "x"); err != nil || got.status != 200 {
			t.Errorf("afterwards: got %v, %v; want 200", got, err)
		}
	}, "lambda-concurrency")
}

// TestBatchesRampUp: five receives have messages in flight; a sixth waits until the ramp admits it, or one of them ends.
func TestBatchesRampUp(t *testing.T) {
	modelled(t, Options{}, func(t *testing.T, v *visitor) {
		for range 4 {
			if _, err := v.batch(t.Context(), "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"); err != nil {
				t.Fatal(err)
			}
		}
		one := func(wait int) (handles []string) {
			var out struct {
				Messages []struct{ ReceiptHandle string }
			}
			in := map[string]any{"QueueUrl": *v.url, "MaxNumberOfMessages": 2, "WaitTimeSeconds": wait}
			if err := v.call(t.Context(), "ReceiveMessage", in, &out); err != nil {
				t.Fatal(err)
			}
			for _, m := range out.Messages {
				handles = append(handles, m.ReceiptHandle)
			}
			return handles
		}
		start := time.Now()
		first := one(0)
		for range 4 {
			one(0)
		}
		if got := one(0); got != nil {
			t.Errorf("a sixth receive got %d messages, want none", len(got))
		}
		for i, h := range first { // half a batch is still one in flight
			if err := v.call(t.Context(), "DeleteMessage", map[string]any{"QueueUrl": *v.url, "ReceiptHandle": h}, nil); err != nil {
				t.Fatal(err)
			}
			if got := one(0); (got != nil) != (i == 1) {
				t.Errorf("after %d of 2 deletions: got %d messages", i+1, len(got))
			}
		}
		if got := one(20); len(got) != 2 || time.Since(start) < 200*time.Millisecond || time.Since(start) > 300*time.Millisecond {
			t.Errorf("a receive that waits got %d messages after %v, want 2 after 200 ms: 300 more batches a minute", len(got), time.Since(start))
		}
		time.Sleep(31*time.Second - time.Since(start)) // all are visible again
		if got, err := v.take(0); err != nil || len(got) != 10 {
			t.Errorf("after the visibility timeout: got %d, %v; want 10", len(got), err)
		}
	}, "sqs-esm-ramp")
}

// TestChangedVisibilityStaysInItsBatch: who asks for more time does not make room for another.
func TestChangedVisibilityStaysInItsBatch(t *testing.T) {
	modelled(t, Options{}, func(t *testing.T, v *visitor) {
		for range 6 {
			if _, err := v.send("x"); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5 {
			var out struct {
				Messages []struct{ ReceiptHandle string }
			}
			if err := v.call(t.Context(), "ReceiveMessage", map[string]any{"QueueUrl": *v.url}, &out); err != nil || len(out.Messages) != 1 {
				t.Fatalf("receive %d: got %v, %v", i+1, out, err)
			}
			in := map[string]any{"QueueUrl": *v.url, "ReceiptHandle": out.Messages[0].ReceiptHandle, "VisibilityTimeout": 60}
			if err := v.call(t.Context(), "ChangeMessageVisibility", in, nil); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := v.take(0); err != nil || len(got) != 0 {
			t.Errorf("a sixth receive got %d messages, %v; want none", len(got), err)
		}
	}, "sqs-esm-ramp")
}

// TestChaos: some messages are there twice under one id, and the order is not that of sending; nothing is lost.
func TestChaos(t *testing.T) {
	modelled(t, Options{}, func(t *testing.T, v *visitor) {
		const n = 4000
		for i := range n {
			if err := v.call(t.Context(), "SendMessage", map[string]any{"QueueUrl": *v.url, "MessageBody": string(rune('一' + i))}, nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(model.ReorderWindow)
		seen, twice, overtaken, last := map[string]string{}, 0, 0, ""
		for _, m := range v.drain() {
			body, id := aws.ToString(m.Body), aws.ToString(m.MessageId)
			if seen[body] == id {
				twice++
			}
			if body < last {
				overtaken++
			}
			seen[body], last = id, body
		}
		if len(seen) != n || twice < 1 || twice > 12 || overtaken < n/100 {
			t.Errorf("got %d different of %d, %d twice, %d overtaken; want all, about 4 twice, many overtaken", len(seen), n, twice, overtaken)
		}
	}, "sqs-chaos")
}
