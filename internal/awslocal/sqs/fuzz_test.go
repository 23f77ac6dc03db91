package sqs

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sluice/internal/awslocal/sigv4"
)

// fuzzEngine has one queue of each kind with a message in it, and ends no call later than at once.
func fuzzEngine(t testing.TB) *Engine {
	e := New(Options{Account: testAccount, Region: testRegion, BaseURL: "http://sqs.test", MaxBytes: 1 << 20})
	for _, name := range []string{"q", "q.fifo"} {
		attrs := map[string]string{}
		if name != "q" {
			attrs = map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"}
		}
		url, err := e.CreateQueue(name, attrs)
		if err == nil {
			_, err = e.Send(url, "m", nil, "g", "")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	e.Close()
	return e
}

// FuzzSQSJSON sends any document to any action: the answer is always JSON, never a fault of ours.
func FuzzSQSJSON(f *testing.F) {
	for _, seed := range [][2]string{
		{"SendMessage", `{"QueueUrl":"http://sqs.test/123456789012/q","MessageBody":"m","MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"AAEC"}},"DelaySeconds":1}`},
		{"SendMessageBatch", `{"QueueUrl":"http://sqs.test/123456789012/q.fifo","Entries":[{"Id":"a","MessageBody":"\ud83d\ude00","MessageGroupId":"g"},{"Id":"b","MessageBody":"\\ud83d\\"}]}`},
		{"ReceiveMessage", `{"QueueUrl":"http://sqs.test/123456789012/q","AttributeNames":["All"],"MessageAttributeNames":["a.*"],"MaxNumberOfMessages":10,"VisibilityTimeout":0,"WaitTimeSeconds":20}`},
		{"DeleteMessageBatch", `{"QueueUrl":"http://sqs.test/123456789012/q","Entries":[{"Id":"a","ReceiptHandle":"AQEBAAAAAAAAAAE="}]}`},
		{"ChangeMessageVisibilityBatch", `{"QueueUrl":"http://sqs.test/123456789012/q","Entries":[{"Id":"a","ReceiptHandle":"x","VisibilityTimeout":-1}]}`},
		{"CreateQueue", `{"QueueName":"r","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:123456789012:q\",\"maxReceiveCount\":5}"},"tags":{"a":"b"}}`},
		{"SetQueueAttributes", `{"QueueUrl":"http://sqs.test/123456789012/q.fifo","Attributes":{"DelaySeconds":"5","RedriveAllowPolicy":"{\"redrivePermission\":\"denyAll\"}"}}`},
		{"ListQueues", `{"MaxResults":1,"NextToken":"cQ=="}`}, {"CancelMessageMoveTask", `{"TaskHandle":"eDphcm46"}`}, {"TagQueue", `{}`}, {"", ``},
	} {
		f.Add(seed[0], []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, action string, body []byte) {
		e := fuzzEngine(t)
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header["X-Amz-Target"] = []string{targetPrefix + action}
		w := httptest.NewRecorder()
		e.ServeSQS(w, r, body, sigv4.Identity{UserID: "AIDATEST"})
		if !json.Valid(w.Body.Bytes()) || w.Code >= 500 {
			t.Errorf("got %d %q", w.Code, w.Body)
		}
		if w.Code != 200 && w.Header().Get("x-amzn-query-error") == "" {
			t.Errorf("got %d without x-amzn-query-error", w.Code)
		}
	})
}

// FuzzSQSQuery sends any form: the answer is always XML, never a fault of ours.
func FuzzSQSQuery(f *testing.F) {
	for _, seed := range []string{
		"Action=SendMessage&MessageBody=m&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=v",
		"Action=SendMessageBatch&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=%00&SendMessageBatchRequestEntry.2=x",
		"Action=ReceiveMessage&AttributeName.1=All&MessageAttributeName.1=All&MaxNumberOfMessages=10&WaitTimeSeconds=20",
		"Action=CreateQueue&QueueName=r&Attribute.1.Name=Policy&Attribute.1.Value=%7B%7D&Tag.1.Key=k&Tag.2.Value=v",
		"Action=GetQueueAttributes&AttributeName.1=All", "Action=UntagQueue&TagKey.1=a&TagKey.x=b", "Action=ListQueueTags",
		"Action=ListDeadLetterSourceQueues&MaxResults=99999999999", "Action=DeleteMessage&ReceiptHandle=..&ReceiptHandle=x", "%zz", "a.b.c.d.e.f.g.h.i.j.k=1",
	} {
		f.Add("/123456789012/q", seed)
	}
	f.Fuzz(func(t *testing.T, path, body string) {
		e := fuzzEngine(t)
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.URL = &url.URL{Path: path}
		w := httptest.NewRecorder()
		e.ServeSQS(w, r, []byte(body), sigv4.Identity{UserID: "AIDATEST"})
		if w.Code >= 500 {
			t.Errorf("got %d %q", w.Code, w.Body)
		}
		for d := xml.NewDecoder(strings.NewReader(w.Body.String())); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%v in %q", err, w.Body)
			}
		}
	})
}

// FuzzCharacters compares the search for forbidden characters with SQS's list of the allowed ones.
func FuzzCharacters(f *testing.F) {
	for _, seed := range []string{"", "\x00", "\uFFFE", "é\uD7FF\uE000\uFFFD😀", "\x7f\u0085"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := false
		for _, r := range strings.ToValidUTF8(s, "\uFFFE") {
			want = want || !(r == 9 || r == 10 || r == 13 || 0x20 <= r && r <= 0xD7FF || 0xE000 <= r && r <= 0xFFFD || 0x10000 <= r && r <= 0x10FFFF)
		}
		if _, got := badCharacter(s); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	})
}
