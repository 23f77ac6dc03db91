package sqs

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

var fifoChecks = []check{
	{"fifo/without-group-id", func(t *testing.T, b *bed) {
		url := b.fifo("q")
		_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("m"), MessageDeduplicationId: aws.String("d")})
		wantCode(t, err, "MissingParameter")
		_, err = b.batch(url, types.SendMessageBatchRequestEntry{Id: aws.String("a"), MessageBody: aws.String("m"), MessageDeduplicationId: aws.String("d")})
		wantCode(t, err, "InvalidParameterValue")
	}},
	{"fifo/without-dedup-id", func(t *testing.T, b *bed) {
		_, err := b.client.SendMessage(b.ctx(), &awssqs.SendMessageInput{QueueUrl: b.fifo("q"), MessageBody: aws.String("m"), MessageGroupId: aws.String("g")})
		wantCode(t, err, "InvalidParameterValue")
	}},
	{"fifo/order-over-5-batches-and-sequence-numbers", func(t *testing.T, b *bed) {
		url := b.fifo("q")
		var want, got []string
		last := ""
		for i := range 5 {
			var batch []types.SendMessageBatchRequestEntry
			for j := range 10 {
				body := fmt.Sprintf("%d-%d", i, j)
				want = append(want, body)
				batch = append(batch, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(j)), MessageBody: &body, MessageGroupId: aws.String("g"), MessageDeduplicationId: &body})
			}
			out, err := b.batch(url, batch...)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range out.Successful {
				if number := aws.ToString(s.SequenceNumber); len(number) != 20 || number <= last {
					t.Errorf("got sequence number %q after %q, want 20 digits and more", number, last)
				}
				last = aws.ToString(s.SequenceNumber)
			}
		}
		for range 5 {
			messages := b.receive(url)
			got = append(got, bodies(messages)...)
			for _, m := range messages {
				b.delete(url, m)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}},
	{"fifo/dedup-outlives-receive-and-delete", func(t *testing.T, b *bed) {
		url := b.fifo("q")
		first := b.sendFIFO(url, "m", "g", "d")
		b.delete(url, b.receive(url)[0])
		again := b.sendFIFO(url, "other", "h", "d")
		if *again.MessageId != *first.MessageId || *again.SequenceNumber != *first.SequenceNumber {
			t.Errorf("got %s and %s, want those of the first: %s and %s", *again.MessageId, *again.SequenceNumber, *first.MessageId, *first.SequenceNumber)
		}
		if got := b.receive(url); len(got) != 0 {
			t.Errorf("got %v, want the duplicate dropped", bodies(got))
		}
		b.clock.pass(5 * time.Minute)
		b.sendFIFO(url, "m", "g", "d")
		if got := b.receive(url); len(got) != 1 {
			t.Errorf("after the window: got %d messages, want 1", len(got))
		}
	}},
	{"fifo/content-dedup", func(t *testing.T, b *bed) {
		url := b.fifo("q", "ContentBasedDeduplication", "true")
		b.sendFIFO(url, "m", "g", "")
		b.sendFIFO(url, "m", "g", "")
		b.sendFIFO(url, "m", "g", "explicit")
		b.sendFIFO(url, "n", "g", "")
		if got, want := bodies(b.receive(url)), []string{"m", "m", "n"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}},
	{"fifo/dedup-inside-a-batch", func(t *testing.T, b *bed) {
		url := b.fifo("q", "ContentBasedDeduplication", "true")
		batch := []types.SendMessageBatchRequestEntry{entry("a", "m"), entry("b", "m")}
		batch[0].MessageGroupId, batch[1].MessageGroupId = aws.String("g"), aws.String("g")
		out, err := b.batch(url, batch...)
		if err != nil || len(out.Successful) != 2 || *out.Successful[0].MessageId != *out.Successful[1].MessageId {
			t.Fatalf("got %+v, %v, want two successes with one message id", out, err)
		}
		if got := b.receive(url); len(got) != 1 {
			t.Errorf("got %d messages, want 1", len(got))
		}
	}},
	{"fifo/group-locked-while-in-flight", func(t *testing.T, b *bed) {
		url := b.fifo("q")
		b.sendFIFO(url, "g1", "g", "1")
		b.sendFIFO(url, "g2", "g", "2")
		b.sendFIFO(url, "h1", "h", "3")
		one := func() []types.Message {
			return b.receiveWith(&awssqs.ReceiveMessageInput{QueueUrl: url})
		}
		first := one()
		if got := bodies(first); !slices.Equal(got, []string{"g1"}) {
			t.Fatalf("got %v, want g1", got)
		}
		if got := bodies(one()); !slices.Equal(got, []string{"h1"}) {
			t.Errorf("got %v, want h1 of the other group", got)
		}
		if got := bodies(one()); len(got) != 0 {
			t.Errorf("got %v while both groups are locked", got)
		}
		b.delete(url, first[0])
		if got := bodies(one()); !slices.Equal(got, []string{"g2"}) {
			t.Errorf("got %v, want g2 after g1 was deleted", got)
		}
	}},
}

var redriveChecks = []check{
	{"redrive/standard", func(t *testing.T, b *bed) { redriveCheck(t, b, b.queue("dlq"), "") }},
	{"redrive/fifo", func(t *testing.T, b *bed) { redriveCheck(t, b, b.fifo("dlq"), ".fifo") }},
	{"redrive/move-task", func(t *testing.T, b *bed) {
		dlq := b.queue("dlq")
		redriveCheck(t, b, dlq, "")
		b.clock.pass(time.Minute)
		_, err := b.client.StartMessageMoveTask(b.ctx(), &awssqs.StartMessageMoveTaskInput{SourceArn: aws.String(b.attribute(dlq, "QueueArn"))})
		if err != nil {
			t.Fatal(err)
		}
		got := b.receiveWith(&awssqs.ReceiveMessageInput{QueueUrl: b.queue("q"), WaitTimeSeconds: 10})
		if !slices.Equal(bodies(got), []string{"poison"}) {
			t.Errorf("got %v, want the message back in its source", bodies(got))
		}
	}},
}

// redriveCheck receives a message twice without deleting it and expects it in the dead-letter queue then.
func redriveCheck(t *testing.T, b *bed, dlq *string, suffix string) {
	t.Helper()
	policy := `{"deadLetterTargetArn":"` + b.attribute(dlq, "QueueArn") + `","maxReceiveCount":2}`
	attrs := []string{"RedrivePolicy", policy, "VisibilityTimeout", "1"}
	if suffix != "" {
		attrs = append(attrs, "FifoQueue", "true")
	}
	url := b.queue("q"+suffix, attrs...)
	if suffix == "" {
		b.send(url, "poison")
	} else {
		b.sendFIFO(url, "poison", "g", "d")
	}
	for i := range 2 {
		if got := b.receive(url); len(got) != 1 {
			t.Fatalf("receive %d: got %d messages, want 1", i+1, len(got))
		}
		b.clock.pass(time.Second)
	}
	if got := b.receive(url); len(got) != 0 {
		t.Errorf("third receive: got %v, want nothing", bodies(got))
	}
	got := b.receiveWith(&awssqs.ReceiveMessageInput{QueueUrl: dlq, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
	if !slices.Equal(bodies(got), []string{"poison"}) {
		t.Fatalf("got %v in the dead-letter queue, want the message", bodies(got))
	}
	if origin, want := got[0].Attributes["DeadLetterQueueSourceArn"], b.attribute(url, "QueueArn"); origin != want {
		t.Errorf("got origin %s, want %s", origin, want)
	}
}
