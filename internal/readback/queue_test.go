package readback_test

import (
	"context"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	client "github.com/aws/aws-sdk-go-v2/service/sqs"

	"sluice/internal/awscreds"
	"sluice/internal/awslocal"
	"sluice/internal/readback"
)

// standIn starts a stand-in whose first queue has this name, and returns its user and the queue's address.
func standIn(t *testing.T, queue string) (who *awscreds.AWS, url string) {
	t.Helper()
	_, who, url = standInServer(t, queue)
	return who, url
}

func standInServer(t *testing.T, queue string) (_ *awslocal.Server, who *awscreds.AWS, url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	s, err := awslocal.New(awslocal.Options{BaseURL: "http://" + server.Listener.Addr().String(), Queue: queue})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = s
	server.Start()
	t.Cleanup(func() {
		server.Close()
		s.Close()
	})
	vars := map[string]string{}
	for _, v := range s.Environment() {
		vars[v.Name] = v.Value
	}
	who, err = awscreds.New(aws.Config{Region: vars["AWS_REGION"], BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider(vars["AWS_ACCESS_KEY_ID"], vars["AWS_SECRET_ACCESS_KEY"], "")}, awscreds.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(who.Close)
	return s, who, vars["SLUICE_SQS_QUEUE_URL"]
}

// TestPollUnderWayIsFinished sends a message to a poll whose Consume has been asked to end: given up, the poll could take
// the message with it.
func TestPollUnderWayIsFinished(t *testing.T) {
	t.Parallel()
	server, who, url := standInServer(t, "records")
	c := readback.OpenSQS(who, url, readback.Options{Wait: 2 * time.Second})
	ctx, cancel := context.WithCancel(t.Context())
	handled := 0
	done := make(chan error, 1)
	go func() {
		done <- c.Consume(ctx, func(context.Context, readback.Delivery) error { handled++; return nil })
	}()
	for server.Calls()["ReceiveMessage"] == 0 {
		runtime.Gosched()
	}
	cancel()
	if _, err := client.NewFromConfig(who.Config()).SendMessage(t.Context(), &client.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("late")}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := backlog(t, c); handled != 1 || n != 0 {
		t.Errorf("%d messages handled, %d left, want 1 and none", handled, n)
	}
}

func TestDrainReadsTheGroupOfAFIFOQueue(t *testing.T) {
	t.Parallel()
	who, url := standIn(t, "records.fifo")
	c := client.NewFromConfig(who.Config())
	for _, body := range []string{"one", "two"} {
		if _, err := c.SendMessage(t.Context(), &client.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(body),
			MessageGroupId: aws.String("the-group"), MessageDeduplicationId: aws.String(body)}); err != nil {
			t.Fatal(err)
		}
	}
	q := readback.OpenQueue(who, url)
	got, err := q.Drain(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || string(got[0].Body) != "one" || string(got[1].Body) != "two" {
		t.Fatalf("got %q, want one and two, in order", got)
	}
	if got[0].Key != "the-group" || got[0].ID != "" || got[0].Headers != nil {
		t.Errorf("got %+v, want the group as key, and no id and no headers that nobody sent", got[0])
	}
	if again, err := q.Drain(t.Context(), nil); err != nil || len(again) != 0 {
		t.Errorf("a second Drain: %d records, %v, want none: they were deleted", len(again), err)
	}
}

func TestDrainOfAQueueThatDoesNotExist(t *testing.T) {
	t.Parallel()
	who, url := standIn(t, "records")
	missing := url + "-missing"
	got, err := readback.OpenQueue(who, missing).Drain(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %d records and %v, want an error that names the queue: an empty result would look like a loss", len(got), err)
	}
}
