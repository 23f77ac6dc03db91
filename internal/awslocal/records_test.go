package awslocal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

type message struct {
	MessageId, ReceiptHandle, Body string
	Attributes                     map[string]string
	MessageAttributes              map[string]struct{ StringValue string }
}

// receive takes up to ten messages. It does without the SDK, which closes a request's body as soon as the answer begins,
// so that net/http can give up a connection from which a long answer is still being read: loopback is that fast.
func (s *standin) receive(t *testing.T) []message {
	t.Helper()
	input, err := json.Marshal(map[string]any{"QueueUrl": s.env["SLUICE_SQS_QUEUE_URL"], "MaxNumberOfMessages": 10,
		"MessageAttributeNames": []string{"All"}, "MessageSystemAttributeNames": []string{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.url("/"), bytes.NewReader(input))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "AmazonSQS.ReceiveMessage")
	s.sign(t, r, s.user(), "sqs", time.Time{})
	got := send(t, r)
	var out struct{ Messages []message }
	if err := json.Unmarshal([]byte(got.body), &out); got.status != 200 || err != nil {
		t.Fatalf("receive: %d %s, %v", got.status, got.body, err)
	}
	return out.Messages
}

func TestRecordsReachTheQueueByteForByte(t *testing.T) {
	s := start(t, Options{})
	role := s.role(t)
	for name, c := range map[string]struct{ mediaType, body string }{
		"JSON with all that can be escaped": {"application/json", "{\"n\": 12345678901234567890, \"s\": \"<ä€😀>&\\u0000\u2028\"}\r\n"},
		"text":                              {"text/plain", " a\tb "},
		"bytes that are text":               {"application/octet-stream", "ä\ufffd"},
		"the largest":                       {"application/json", strings.Repeat("x", 1<<20-len("sluice-id"+"String"+"id-1"+"sluice-key"+"String"+"key-1"+"trace"+"String"+"abc"))},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.request(t, "/v1/records", c.body)
			for name, value := range map[string]string{"Content-Type": c.mediaType, "X-Sluice-Record-Id": "id-1", "X-Sluice-Record-Key": "key-1", "X-Sluice-Header-Trace": "abc", "X-Sluice-Header-Empty": ""} {
				r.Header.Set(name, value)
			}
			s.sign(t, r, role, "execute-api", time.Time{})
			got := send(t, r)
			messages := s.receive(t)
			if got.status != 200 || len(messages) != 1 {
				t.Fatalf("got %d %s and %d messages, want 200 and one", got.status, got.body, len(messages))
			}
			m := messages[0]
			if m.Body != c.body {
				t.Errorf("the queue holds %.80q, want %.80q", m.Body, c.body)
			}
			if want := fmt.Sprintf(`{"id":"id-1","messageId":"%s"}`, m.MessageId); got.body != want || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("got %s %s, want %s", got.header.Get("Content-Type"), got.body, want)
			}
			if len(m.MessageAttributes) != 3 {
				t.Errorf("got attributes %v, want three", m.MessageAttributes)
			}
			for name, want := range map[string]string{"sluice-id": "id-1", "sluice-key": "key-1", "trace": "abc"} {
				if a := m.MessageAttributes[name]; a.StringValue != want {
					t.Errorf("attribute %s: got %v, want %s", name, a.StringValue, want)
				}
			}
			if _, err := s.sqs(t, s.user()).DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: aws.String(s.env["SLUICE_SQS_QUEUE_URL"]), ReceiptHandle: &m.ReceiptHandle}); err != nil {
				t.Fatalf("delete: %v", err)
			}
		})
	}
}

func TestRecordsThatAQueueCannotHold(t *testing.T) {
	s := start(t, Options{})
	role := s.role(t)
	for _, c := range []struct {
		name, body string
		header     http.Header
		status     int
		want       string
	}{
		{"empty", "", nil, 400, "is empty"},
		{"NUL", "a\x00b", nil, 400, "characters that a queue cannot hold"},
		{"U+FFFF", "a\uffffb", nil, 400, "characters that a queue cannot hold"},
		{"not UTF-8, sent as bytes", "a\xffb", http.Header{"Content-Type": {"application/octet-stream"}}, 400, "characters that a queue cannot hold"},
		{"a byte too long", strings.Repeat("x", 1<<20+1), nil, 413, "1048577 bytes"},
		{"too long with its id", strings.Repeat("x", 1<<20), http.Header{"X-Sluice-Record-Id": {"i"}}, 413, "1048592 bytes"},
		{"header with a name SQS refuses", "x", http.Header{"X-Sluice-Header-A!": {"1"}}, 400, `"a!"`},
		{"reserved name", "x", http.Header{"X-Sluice-Header-Aws.x": {"1"}}, 400, `"aws.x"`},
		{"too many headers", "x", http.Header{"X-Sluice-Record-Id": {"i"}, "X-Sluice-Header-1": {"1"}, "X-Sluice-Header-2": {"1"}, "X-Sluice-Header-3": {"1"},
			"X-Sluice-Header-4": {"1"}, "X-Sluice-Header-5": {"1"}, "X-Sluice-Header-6": {"1"}, "X-Sluice-Header-7": {"1"}, "X-Sluice-Header-8": {"1"},
			"X-Sluice-Header-9": {"1"}, "X-Sluice-Header-10": {"1"}}, 400, "11 headers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.request(t, "/v1/records", c.body)
			for name, values := range c.header {
				r.Header[name] = values
			}
			s.sign(t, r, role, "execute-api", time.Time{})
			if got := send(t, r); got.status != c.status || !strings.Contains(strings.ReplaceAll(got.body, `\"`, `"`), c.want) {
				t.Errorf("got %d %s, want %d and %q", got.status, got.body, c.status, c.want)
			}
		})
	}
	if m := s.receive(t); len(m) != 0 {
		t.Errorf("the queue holds %d messages, want none of the refused", len(m))
	}
}

// TestRecordsInAFIFOQueue: the key is the group, the id makes a repeated record one message, and neither has to be
// something that SQS takes as an id.
func TestRecordsInAFIFOQueue(t *testing.T) {
	s := start(t, Options{Queue: "records.fifo"})
	role := s.role(t)
	post := func(id, key string) result {
		r := s.request(t, "/v1/records", "{}")
		r.Header.Set("X-Sluice-Record-Id", id)
		r.Header.Set("X-Sluice-Record-Key", key)
		s.sign(t, r, role, "execute-api", time.Time{})
		return send(t, r)
	}
	first, again, odd := post("id-1", "key-1"), post("id-1", "key-1"), post("id with spaces", "ä")
	if first.status != 200 || first.body != again.body || odd.status != 200 {
		t.Errorf("got %v, %v, %v; want 200 for all and the same answer to a repeated record", first, again, odd)
	}
	if got := post("", "key-1"); got.status != 400 || !strings.Contains(got.body, "X-Sluice-Record-Id") {
		t.Errorf("no id: got %d %s, want 400 and the name of the header", got.status, got.body)
	}
	messages := s.receive(t)
	if len(messages) != 2 || messages[0].Attributes["MessageGroupId"] != "key-1" || messages[0].Attributes["MessageDeduplicationId"] != "id-1" {
		t.Errorf("got %d messages, first %v; want two, the first in group key-1", len(messages), messages[0].Attributes)
	}
}

// TestQueueGone: what the integration cannot do is 502, as with a function that fails.
func TestQueueGone(t *testing.T) {
	s := start(t, Options{})
	role := s.role(t)
	if _, err := s.sqs(t, role).DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: aws.String(s.env["SLUICE_SQS_QUEUE_URL"])}); err != nil {
		t.Fatal(err)
	}
	if got := s.post(t, role, "/v1/records", "{}"); got.status != 502 || got.body != `{"message": "Internal server error"}` {
		t.Errorf("got %d %s, want 502", got.status, got.body)
	}
}
