package simulation

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"sluice/ingest"
)

// complaints are what an oracle has found wrong, by the promise.
type complaints []string

func (c *complaints) Errorf(format string, args ...any) {
	*c = append(*c, fmt.Sprintf(format, args...)[:2])
}

// A forgetful checkpoint keeps nothing.
type forgetful struct{}

func (forgetful) Load(context.Context) (ingest.Cursor, error) { return "", nil }
func (forgetful) Save(context.Context, ingest.Cursor) error   { return nil }

// TestTheOracleComplains: an oracle that cannot fail shows nothing.
func TestTheOracleComplains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &simulation{t: t, transport: "sqs"}
		s.build()
		var got complaints
		o := s.oracle
		o.t = &got
		send := func(body string) {
			if _, err := o.queue.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: o.url, MessageBody: aws.String(body)}); err != nil {
				t.Fatal(err)
			}
		}
		first := o.records[o.issue(time.Now())]
		o.issue(time.Now())
		o.place["after one"], o.place["after two"] = 1, 2
		c := watchedCheckpoint{forgetful{}, o}
		for _, step := range []struct {
			what string
			do   func()
			want []string
		}{
			{"all is well", func() { send(first.body); _ = c.Save(t.Context(), "after one") }, nil},
			{"a record has not arrived", func() { _ = c.Save(t.Context(), "after two") }, []string{"P1"}},
			{"the cursor goes back", func() { _ = c.Save(t.Context(), "after one") }, []string{"P3"}},
			{"a cursor that nobody has read", func() { _ = c.Save(t.Context(), "elsewhere") }, []string{"P4", "P3"}},
			{"a checkpoint that forgets", func() { _, _ = c.Load(t.Context()) }, []string{"P3"}},
			{"a body that was not issued", func() { send(first.body + " "); o.drain(t.Context()) }, []string{"P2"}},
		} {
			got = nil
			step.do()
			if !slices.Equal(got, step.want) {
				t.Errorf("%s: it complains of %q, want %q", step.what, got, step.want)
			}
		}
	})
}
