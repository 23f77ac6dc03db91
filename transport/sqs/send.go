package sqs

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"sluice/internal/awscreds"
	"sluice/internal/fault"
	"sluice/transport"
)

// Send makes one SendMessageBatch. A record that SQS would refuse or alter is rejected without being sent; an entry that
// SQS reports as failed is a fault of that record only; the others keep their own results. An entry that the answer does
// not mention may have been accepted.
func (t *Transport) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	ctx, cancel := awscreds.Limit(ctx, t.cfg.Timeout, timeoutVariable)
	defer cancel()
	results := make([]transport.Result, len(recs))
	entries := make([]types.SendMessageBatchRequestEntry, 0, len(recs))
	for i, r := range recs {
		e, err := t.entry(strconv.Itoa(i), r)
		if err != nil {
			results[i].Err = err
			continue
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return results
	}
	out, err := t.exchange(ctx, entries)
	if err != nil {
		refuse(err, entries, results)
		return results
	}
	t.settle(out, entries, results)
	return results
}

// exchange sends the entries.
func (t *Transport) exchange(ctx context.Context, entries []types.SendMessageBatchRequestEntry) (*sqs.SendMessageBatchOutput, error) {
	url, err := t.queueURL(ctx)
	if err != nil {
		return nil, err
	}
	return call(ctx, t, opSend, func(ctx context.Context, with func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
		return t.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: aws.String(url), Entries: entries}, with)
	})
}

// refuse gives all entries the verdict on their request.
func refuse(err error, entries []types.SendMessageBatchRequestEntry, results []transport.Result) {
	if e := fault.From(err); e.Class == fault.Rejected {
		verdict := *e
		verdict.Whole = len(entries) > 1 // I4: SQS does not say which entry it means, unless there is but one
		err = &verdict
	}
	for i := range entries {
		results[indexOf(entries[i])].Err = err
	}
}

// indexOf returns the index of the record that e was made of.
func indexOf(e types.SendMessageBatchRequestEntry) int {
	i, _ := strconv.Atoi(*e.Id) // Send wrote it
	return i
}

// settle gives each entry the result that the answer has for it (I3).
func (t *Transport) settle(out *sqs.SendMessageBatchOutput, entries []types.SendMessageBatchRequestEntry, results []transport.Result) {
	accepted := make(map[string]types.SendMessageBatchResultEntry, len(out.Successful))
	mentions := make(map[string]int, len(entries))
	for _, e := range out.Successful {
		accepted[aws.ToString(e.Id)] = e
		mentions[aws.ToString(e.Id)]++
	}
	failed := make(map[string]types.BatchResultErrorEntry, len(out.Failed))
	for _, e := range out.Failed {
		failed[aws.ToString(e.Id)] = e
		mentions[aws.ToString(e.Id)]++
	}
	for _, e := range entries {
		res := &results[indexOf(e)]
		switch n := mentions[*e.Id]; {
		case n == 0:
			res.Err = &fault.Error{Class: noMention.class, Reason: noMention.reason, Op: opSend, Ambiguous: true, Err: errors.New("the answer does not mention the record")}
		case n > 1:
			res.Err = &fault.Error{Class: mentionedTwice.class, Reason: mentionedTwice.reason, Op: opSend, Ambiguous: true, Err: fmt.Errorf("the answer mentions the record %d times", n)}
		default:
			if f, ok := failed[*e.Id]; ok {
				res.Err = classifyEntry(f, len(entries) == 1)
				continue
			}
			*res = t.accept(accepted[*e.Id], e)
		}
	}
}

// accept is the result of an entry that SQS has taken, unless SQS has taken something else than was sent.
func (t *Transport) accept(got types.SendMessageBatchResultEntry, sent types.SendMessageBatchRequestEntry) transport.Result {
	if t.digest {
		body, attributes := aws.ToString(got.MD5OfMessageBody), aws.ToString(got.MD5OfMessageAttributes)
		if body != "" && body != bodyMD5(*sent.MessageBody) || attributes != "" && attributes != attributesMD5(sent.MessageAttributes) {
			return transport.Result{Err: &fault.Error{Class: mismatch.class, Reason: mismatch.reason, Op: opSend, Ambiguous: true,
				Err: fmt.Errorf("message %s holds something else than was sent; %s", aws.ToString(got.MessageId), mismatch.todo)}}
		}
	}
	return transport.Result{Receipt: aws.ToString(got.MessageId)}
}
