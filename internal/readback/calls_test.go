package readback_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/sqs"

	"sluice/internal/readback"
)

func TestSQSCountsItsCalls(t *testing.T) {
	t.Parallel()
	who, url := standIn(t, "records")
	c := client.NewFromConfig(who.Config())
	const n = 12
	for range n {
		if _, err := c.SendMessage(t.Context(), &client.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(strings.Repeat("x", 20<<10))}); err != nil {
			t.Fatal(err)
		}
	}
	consumer := readback.OpenSQS(who, url, readback.Options{Wait: time.Second, Return: true, Visibility: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	seen := 0
	if err := consumer.Consume(ctx, func(context.Context, readback.Delivery) error {
		seen++
		if seen == 1 {
			return errors.New("not this time")
		}
		if seen == n+1 {
			time.AfterFunc(1500*time.Millisecond, cancel) // one long poll finds nothing
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	got := consumer.Calls()
	if got.Receives < 2 || got.Deletes < 2 || got.Deletes > got.Receives || got.Returns != 1 || got.EmptyReceives < 1 {
		t.Errorf("got %+v, want at least two receives, as many deletes, one return and an empty receive", got)
	}
	// Ten bodies of 20 KiB are 200 KiB: four chunks.
	if got.ReceiveChunks < got.Receives*1 || got.ReceiveChunks < (n+1)*20/64 || got.ReceiveChunks > got.Receives*4 {
		t.Errorf("%d chunks in %d receives of %d bodies of 20 KiB", got.ReceiveChunks, got.Receives, n+1)
	}
}
