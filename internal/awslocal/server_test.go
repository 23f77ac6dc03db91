package awslocal

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func TestRecordTravelsFromTheAPIToTheQueue(t *testing.T) {
	s := start(t, Options{})
	role := s.role(t)
	body := "{\"n\": 12345678901234567890, \"s\": \"<ä€😀>&\\u0000 \"}\n"
	r := s.request(t, "/v1/records", body)
	r.Header.Set("X-Sluice-Record-Id", "id-1")
	r.Header.Set("X-Sluice-Record-Key", "key-1")
	r.Header.Set("X-Sluice-Header-Trace", "abc")
	s.sign(t, r, role, "execute-api", s.server.options.Now())
	got := send(t, r)
	var answer map[string]string
	if err := json.Unmarshal([]byte(got.body), &answer); got.status != 200 || err != nil || answer["id"] != "id-1" || answer["messageId"] == "" {
		t.Fatalf("got %d %s, want 200 with the ids of message and record", got.status, got.body)
	}
	out, err := s.sqs(t, role).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(s.env["SLUICE_SQS_QUEUE_URL"]), MessageAttributeNames: []string{"All"}})
	if err != nil || len(out.Messages) != 1 {
		t.Fatalf("receive: %v, %v; want one message", out, err)
	}
	m := out.Messages[0]
	if *m.Body != body || *m.MessageId != answer["messageId"] {
		t.Errorf("queue holds %q as %s, want %q as %s", *m.Body, *m.MessageId, body, answer["messageId"])
	}
	for name, want := range map[string]string{"sluice-id": "id-1", "sluice-key": "key-1", "trace": "abc"} {
		if a := m.MessageAttributes[name]; a.StringValue == nil || *a.StringValue != want {
			t.Errorf("attribute %s: got %v, want %s", name, a.StringValue, want)
		}
	}
}
