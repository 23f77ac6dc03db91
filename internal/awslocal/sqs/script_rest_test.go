package sqs_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func (p *player) batch(step string, url *string, entries ...types.SendMessageBatchRequestEntry) {
	out, err := p.client.SendMessageBatch(p.ctx, &awssqs.SendMessageBatchInput{QueueUrl: url, Entries: slices.Concat([]types.SendMessageBatchRequestEntry{}, entries)})
	if err != nil {
		p.note(step, err)
		return
	}
	failed := []string{}
	for _, f := range out.Failed {
		failed = append(failed, *f.Id+" "+*f.Code)
	}
	p.note(step, nil, len(out.Successful), "ok, failed:", failed)
}

// numbered makes n entries with the ids and bodies 0, 1, 2 and so on.
func numbered(n int) (out []types.SendMessageBatchRequestEntry) {
	for i := range n {
		out = append(out, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(strconv.Itoa(i))})
	}
	return out
}

func (p *player) batches() {
	q := p.must("batches", map[string]string{"MaximumMessageSize": "1024"})
	p.batch("batch of 10", q, numbered(10)...)
	p.batch("batch of none", q)
	p.batch("batch of 11", q, numbered(11)...)
	p.batch("batch with a repeated id", q, numbered(1)[0], numbered(1)[0])
	p.batch("batch with a bad id", q, types.SendMessageBatchRequestEntry{Id: aws.String("a:b"), MessageBody: aws.String("m")})
	large := numbered(10)
	large[3].MessageBody = aws.String(strings.Repeat("x", 1025))
	p.batch("batch with one too large", q, large...)
	half := numbered(2)
	half[0].MessageBody, half[1].MessageBody = aws.String(strings.Repeat("x", 1<<19)), aws.String(strings.Repeat("x", 1<<19+1))
	p.batch("batch too large together", p.must("large", nil), half...)
	bad := numbered(10)
	bad[7].MessageBody = aws.String("\x00")
	p.batch("batch with one bad character", p.must("bad", nil), bad...)
}

func (p *player) receives() {
	q := p.must("receives", map[string]string{"VisibilityTimeout": "60"})
	got, err := p.take(q, 10, 1)
	p.note("wait for nothing", err, found(got))
	p.batch("batch to receive", q, numbered(3)...)
	_, err = p.take(q, 11, 0)
	p.note("receive 11", err)
	_, err = p.take(q, 1, 21)
	p.note("wait too long", err)
	got, err = p.take(q, 10, 1)
	p.note("receive", err, found(got))
	again, err := p.take(q, 10, 0)
	p.note("receive what is in flight", err, found(again))
	if len(got) != 3 {
		return
	}
	change := func(handle *string, seconds int32) error {
		_, err := p.client.ChangeMessageVisibility(p.ctx, &awssqs.ChangeMessageVisibilityInput{QueueUrl: q, ReceiptHandle: handle, VisibilityTimeout: seconds})
		return err
	}
	p.note("hide too long", change(got[0].ReceiptHandle, 43_201))
	p.note("hide by a bad handle", change(aws.String("x"), 1))
	p.note("show", change(got[0].ReceiptHandle, 0))
	again, err = p.take(q, 10, 1)
	p.note("receive what was shown", err, found(again))
	p.note("hide for a second", change(got[1].ReceiptHandle, 1))
	back, err := p.take(q, 10, 5)
	p.note("wait for it", err, found(back))
	remove := func(handle *string) error {
		_, err := p.client.DeleteMessage(p.ctx, &awssqs.DeleteMessageInput{QueueUrl: q, ReceiptHandle: handle})
		return err
	}
	p.note("delete", remove(got[2].ReceiptHandle))
	p.note("delete again", remove(got[2].ReceiptHandle))
	p.note("delete by a bad handle", remove(aws.String("x")))
	entries := []types.DeleteMessageBatchRequestEntry{{Id: aws.String("bad"), ReceiptHandle: aws.String("x")}}
	for i, m := range slices.Concat(again, back) {
		entries = append(entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
	}
	out, err := p.client.DeleteMessageBatch(p.ctx, &awssqs.DeleteMessageBatchInput{QueueUrl: q, Entries: entries})
	if err == nil {
		failed := []string{}
		for _, f := range out.Failed {
			failed = append(failed, *f.Id+" "+*f.Code)
		}
		p.note("delete a batch", nil, len(out.Successful), "ok, failed:", failed)
	}
	counts, err := p.client.GetQueueAttributes(p.ctx, &awssqs.GetQueueAttributesInput{QueueUrl: q, AttributeNames: []types.QueueAttributeName{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}})
	if err == nil {
		p.note("left", nil, counts.Attributes)
	}
}

func (p *player) fifo() {
	q := p.must("f.fifo", map[string]string{"FifoQueue": "true", "VisibilityTimeout": "60"})
	_, err := p.sendFIFO(q, "m", "", "d")
	p.note("FIFO without group", err)
	_, err = p.sendFIFO(q, "m", "g", "")
	p.note("FIFO without dedup id", err)
	first, err := p.sendFIFO(q, "1", "g", "d1")
	if err == nil {
		p.note("FIFO send", nil, len(aws.ToString(first.SequenceNumber)))
	}
	again, err := p.sendFIFO(q, "1", "g", "d1")
	if err == nil && first != nil {
		p.note("FIFO duplicate", nil, *again.MessageId == *first.MessageId)
	}
	for i := 2; i <= 4; i++ {
		n := strconv.Itoa(i)
		_, err = p.sendFIFO(q, n, "g", "d"+n)
		p.note("FIFO send "+n, err)
	}
	got, err := p.take(q, 2, 1)
	p.note("FIFO receive two", err, inOrder(got))
	more, err := p.take(q, 10, 0)
	p.note("FIFO locked group", err, inOrder(more))
	for _, m := range got {
		_, err = p.client.DeleteMessage(p.ctx, &awssqs.DeleteMessageInput{QueueUrl: q, ReceiptHandle: m.ReceiptHandle})
		p.note("FIFO delete "+*m.Body, err)
	}
	more, err = p.take(q, 10, 1)
	p.note("FIFO receive the rest", err, inOrder(more))
	_, err = p.sendFIFO(q, "1", "g", "d1")
	p.note("FIFO duplicate of a deleted one", err)
	for _, m := range more {
		_, err = p.client.DeleteMessage(p.ctx, &awssqs.DeleteMessageInput{QueueUrl: q, ReceiptHandle: m.ReceiptHandle})
		p.note("FIFO delete "+*m.Body, err)
	}
	more, err = p.take(q, 10, 1)
	p.note("FIFO receive after the duplicate", err, inOrder(more))
	c := p.must("c.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"})
	for _, body := range []string{"same", "same", "other"} {
		_, err = p.sendFIFO(c, body, "g", "")
		p.note("FIFO send by content "+body, err)
	}
	got, err = p.take(c, 10, 1)
	p.note("FIFO receive by content", err, inOrder(got))
}

func inOrder(messages []types.Message) string {
	out := ""
	for _, m := range messages {
		out += *m.Body + " "
	}
	return out
}

func (p *player) redrive() {
	dlq := p.must("dlq", nil)
	out, err := p.client.GetQueueAttributes(p.ctx, &awssqs.GetQueueAttributesInput{QueueUrl: dlq, AttributeNames: []types.QueueAttributeName{"QueueArn"}})
	if err != nil {
		p.note("ARN of the dead-letter queue", err)
		return
	}
	arn := out.Attributes["QueueArn"]
	q := p.must("poisoned", map[string]string{"VisibilityTimeout": "1", "RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":2}`, arn)})
	_, err = p.send(q, "poison", nil)
	p.note("send poison", err)
	for i := range 3 {
		got, err := p.take(q, 1, 3)
		p.note(fmt.Sprint("receive poison ", i+1), err, found(got))
	}
	got, err := p.take(dlq, 1, 1)
	p.note("receive the dead letter", err, found(got))
	sources, err := p.client.ListDeadLetterSourceQueues(p.ctx, &awssqs.ListDeadLetterSourceQueuesInput{QueueUrl: dlq})
	if err == nil {
		p.note("sources of the dead-letter queue", nil, len(sources.QueueUrls))
	}
	_, err = p.client.SetQueueAttributes(p.ctx, &awssqs.SetQueueAttributesInput{QueueUrl: q, Attributes: map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + arn + `"}`}})
	p.note("redrive without a count", err)
	_, err = p.client.SetQueueAttributes(p.ctx, &awssqs.SetQueueAttributesInput{QueueUrl: q, Attributes: map[string]string{"VisibilityTimeout": "x"}})
	p.note("set a bad attribute", err)
}

func (p *player) ends(q *string) {
	_, err := p.client.PurgeQueue(p.ctx, &awssqs.PurgeQueueInput{QueueUrl: q})
	p.note("purge", err)
	_, err = p.client.PurgeQueue(p.ctx, &awssqs.PurgeQueueInput{QueueUrl: q})
	p.note("purge again", err)
	_, err = p.client.DeleteQueue(p.ctx, &awssqs.DeleteQueueInput{QueueUrl: q})
	p.note("delete queue", err)
	_, err = p.send(q, "m", nil)
	p.note("send to a deleted queue", err)
	_, err = p.create("q", nil)
	p.note("recreate at once", err)
}
