package awslocal

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"sluice/internal/awslocal/faults"
)

func TestDeliverTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		if _, err := v.batch(t.Context(), "1", "2"); err != nil {
			t.Fatal(err)
		}
		got := v.drain()
		if b := texts(got); !slices.Equal(b, []string{"1", "2", "2"}) || *got[1].MessageId != *got[2].MessageId || *got[1].ReceiptHandle == *got[2].ReceiptHandle {
			t.Errorf("a send: got %q, want the second twice under one id", b)
		}
		for _, m := range got {
			if n := m.Attributes["ApproximateReceiveCount"]; n != "1" {
				t.Errorf("a send: receive count %s, want 1: each copy is received for the first time", n)
			}
		}
		if _, err := v.record(t.Context(), "i", "3"); err != nil {
			t.Fatal(err)
		}
		if got := v.drain(); len(got) != 2 || *got[0].MessageId == *got[1].MessageId {
			t.Errorf("a POST: got %d messages, want two of different ids", len(got))
		}
	},
		faults.Rule{Do: faults.DeliverTwice, Calls: []string{"SendMessageBatch"}, Entries: faults.Entries{Positions: []int{2}}},
		faults.Rule{Do: faults.DeliverTwice, Calls: []string{"POST /records"}},
	)
	inBubble(t, func(t *testing.T, v *visitor) {
		if _, err := v.send("1"); err != nil {
			t.Fatal(err)
		}
		got := v.drain()
		if len(got) != 2 || *got[0].MessageId != *got[1].MessageId || got[1].Attributes["ApproximateReceiveCount"] != "2" ||
			got[0].Attributes["ApproximateFirstReceiveTimestamp"] != got[1].Attributes["ApproximateFirstReceiveTimestamp"] {
			t.Errorf("a receive: got %d messages %v, want the same again with receive count 2", len(got), got)
		}
	}, faults.Rule{Do: faults.DeliverTwice, Calls: []string{"ReceiveMessage"}, Times: 1})
}

// TestCorruptionPassesEveryDigest: the SDK checks the MD5 of what it sends and receives, and sees nothing.
func TestCorruptionPassesEveryDigest(t *testing.T) {
	for _, call := range []string{"SendMessage", "ReceiveMessage", "POST /records"} {
		inBubble(t, func(t *testing.T, v *visitor) {
			body := `{"n": 1234567890}`
			var err error
			if call == "POST /records" {
				_, err = v.record(t.Context(), "i", body)
			} else {
				_, err = v.send(body)
			}
			if err != nil {
				t.Fatalf("%s: send: %v", call, err)
			}
			if got := texts(v.drain()); len(got) != 1 || got[0] == body || len(got[0]) != len(body) {
				t.Errorf("%s: got %q, want another body of the same length than %q", call, got, body)
			}
		}, faults.Rule{Do: faults.Corrupt, Calls: []string{call}})
	}
}

// TestWrongMD5: the SDK sees it, in the answers to sends and to receives; the body is unharmed.
func TestWrongMD5(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		if _, err := v.send("1"); err == nil || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("send: got %v, want a wrong checksum", err)
		}
		if _, err := v.batch(t.Context(), "2"); err == nil || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("batch: got %v, want a wrong checksum", err)
		}
		if _, err := v.take(0); err == nil || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("receive: got %v, want a wrong checksum", err)
		}
		time.Sleep(31 * time.Second)
		v.wantBodies("1", "2")
	},
		faults.Rule{Do: faults.WrongMD5, Calls: []string{"SendMessage", "SendMessageBatch"}},
		faults.Rule{Do: faults.WrongMD5, Calls: []string{"ReceiveMessage"}, Times: 1},
	)
}

func TestDrop(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		out, err := v.batch(t.Context(), "1", "2")
		if err != nil || len(out.Successful) != 2 {
			t.Errorf("batch: got %+v, %v; want two that look done", out, err)
		}
		if got, err := v.record(t.Context(), "id-3", "3"); err != nil || got.status != 200 || !strings.Contains(got.body, `"id":"id-3"`) {
			t.Errorf("POST: got %v, %v; want what looks like a success", got, err)
		}
		if _, err := v.send("4"); err != nil {
			t.Errorf("send: %v", err)
		}
		got, err := v.take(0)
		if b := texts(got); err != nil || !slices.Equal(b, []string{"2"}) {
			t.Fatalf("got %q, %v; want the second of the batch alone", b, err)
		}
		if _, err := v.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: v.url, ReceiptHandle: got[0].ReceiptHandle}); err != nil {
			t.Errorf("delete: %v", err)
		}
		time.Sleep(31 * time.Second)
		if got, err := v.take(0); err != nil || len(got) != 1 || got[0].Attributes["ApproximateReceiveCount"] != "2" {
			t.Errorf("after a dropped deletion: got %v, %v; want the message again", got, err)
		}
	},
		faults.Rule{Do: faults.Drop, Calls: []string{"SendMessageBatch"}, Entries: faults.Entries{Positions: []int{1}}},
		faults.Rule{Do: faults.Drop, Calls: []string{"POST /records", "SendMessage", "DeleteMessage"}},
	)
}

func TestPartialAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		for i, want := range []string{"ac", "abbc"} {
			out, err := v.batch(t.Context(), "1", "2", "3")
			if err != nil {
				t.Fatal(err)
			}
			ids := ""
			for _, s := range out.Successful {
				ids += *s.Id
			}
			if ids != want || len(out.Failed) != 0 {
				t.Errorf("batch %d: got ids %q and %d failed, want %q and none", i+1, ids, len(out.Failed), want)
			}
		}
		v.wantBodies("1", "1", "2", "2", "3", "3")
	},
		faults.Rule{Do: faults.Partial, Nth: []faults.Range{{From: 1, To: 1}}, Reply: faults.Missing, Entries: faults.Entries{Positions: []int{2}}},
		faults.Rule{Do: faults.Partial, Reply: faults.Doubled, Entries: faults.Entries{Positions: []int{2}}},
	)
}

// TestQueryProtocolMeetsFaultsToo: effects are below the protocols.
func TestQueryProtocolMeetsFaultsToo(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		form := "Action=SendMessageBatch&Version=2012-11-05&QueueUrl=" + *v.url +
			"&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=1&SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.MessageBody=2"
		for i, want := range []string{"<BatchResultErrorEntry><Id>b</Id><SenderFault>false</SenderFault><Code>InternalError</Code>", "<Code>ThrottlingException</Code>"} {
			r := v.newRequest(t.Context(), "/", form)
			r.Header.Set("Content-Type", formType)
			v.sign(t, r, v.self, "sqs", time.Time{})
			if got, err := v.do(r); err != nil || !strings.Contains(got.body, want) {
				t.Errorf("call %d: got %v, %v; want %s", i+1, got, err, want)
			}
		}
		v.wantBodies("1")
	},
		faults.Rule{Do: faults.FailEntries, Times: 1, Entries: faults.Entries{Positions: []int{2}}},
		faults.Rule{Do: faults.FailRequest, Calls: []string{"SendMessageBatch"}, Code: "ThrottlingException"},
	)
}
