package sqs

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sluice/internal/awslocal/sigv4"
)

// newEngine returns an Engine with a clock of its own and no server.
func newEngine(t *testing.T) (*Engine, *clock) {
	t.Helper()
	c := newClock()
	e := New(Options{Account: testAccount, Region: testRegion, BaseURL: "http://sqs.test", Now: c.Now})
	t.Cleanup(e.Close)
	return e, c
}

// postJSON makes one request of the JSON protocol in process.
func postJSON(e *Engine, action, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	w := httptest.NewRecorder()
	e.ServeSQS(w, r, []byte(body), sigv4.Identity{UserID: "AIDATEST"})
	return w
}

// postForm makes one request of the query protocol in process.
func postForm(e *Engine, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	e.ServeSQS(w, r, []byte(form.Encode()), sigv4.Identity{UserID: "AIDATEST"})
	return w
}

const (
	model = "com.amazonaws.sqs#"
	coral = "com.amazon.coral.service#"
	wrong = coral + "InvalidParameterValueException"
)

// Queues of TestRefusals, as members of a request.
const (
	onQ     = `"QueueUrl":"http://sqs.test/123456789012/q"`
	onSmall = `"QueueUrl":"http://sqs.test/123456789012/small"`
	onFIFO  = `"QueueUrl":"http://sqs.test/123456789012/q.fifo"`
)

var mib = strings.Repeat("x", 1<<20)

// A refusal is a request that the service refuses, and how.
type refusal struct {
	name, action, body string
	typ, code          string
	status             int
	message            string
}

// refusals is what the service refuses. The texts are AWS's where they were observed.
var refusals = []refusal{
	{name: "missing queue", action: "SendMessage", body: `{"QueueUrl":"http://sqs.test/123456789012/none","MessageBody":"m"}`,
		typ: model + "QueueDoesNotExist", code: "AWS.SimpleQueueService.NonExistentQueue", status: 400, message: "The specified queue does not exist."},
	{name: "queue of another region", action: "SendMessage", body: `{"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/123456789012/q","MessageBody":"m"}`,
		typ: model + "QueueDoesNotExist", code: "AWS.SimpleQueueService.NonExistentQueue", status: 400, message: "The specified queue does not exist."},
	{name: "queue of another account", action: "SendMessage", body: `{"QueueUrl":"http://sqs.test/999999999999/q","MessageBody":"m"}`,
		typ: model + "QueueDoesNotExist", code: "AWS.SimpleQueueService.NonExistentQueue", status: 400, message: "The specified queue does not exist."},
	{name: "body over 1 MiB", action: "SendMessage", body: `{` + onQ + `,"MessageBody":"` + mib + `x"}`,
		typ: wrong, code: "InvalidParameterValue", status: 400, message: "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."},
	{name: "batch over 1 MiB", action: "SendMessageBatch", body: `{` + onQ + `,"Entries":[{"Id":"a","MessageBody":"` + mib + `"},{"Id":"b","MessageBody":"x"}]}`,
		typ: model + "BatchRequestTooLong", code: "AWS.SimpleQueueService.BatchRequestTooLong", status: 400, message: "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."},
	{name: "20 entries", action: "SendMessageBatch", body: `{` + onQ + `,"Entries":[` + strings.Repeat(`{"Id":"a","MessageBody":"m"},`, 19) + `{"Id":"a","MessageBody":"m"}]}`,
		typ: model + "TooManyEntriesInBatchRequest", code: "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", status: 400, message: "Maximum number of entries per request are 10. You have sent 20."},
	{name: "no entries", action: "SendMessageBatch", body: `{` + onQ + `,"Entries":[]}`,
		typ: model + "EmptyBatchRequest", code: "AWS.SimpleQueueService.EmptyBatchRequest", status: 400, message: "There should be at least one SendMessageBatchRequestEntry in the request."},
	{name: "bad entry id", action: "DeleteMessageBatch", body: `{` + onQ + `,"Entries":[{"Id":"a:b","ReceiptHandle":"x"}]}`,
		typ: model + "InvalidBatchEntryId", code: "AWS.SimpleQueueService.InvalidBatchEntryId", status: 400, message: "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."},
	{name: "repeated entry id", action: "SendMessageBatch", body: `{` + onQ + `,"Entries":[{"Id":"a","MessageBody":"m"},{"Id":"a","MessageBody":"m"}]}`,
		typ: model + "BatchEntryIdsNotDistinct", code: "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", status: 400, message: "Id a repeated."},
	{name: "empty body", action: "SendMessage", body: `{` + onQ + `,"MessageBody":""}`,
		typ: coral + "MissingRequiredParameterException", code: "MissingParameter", status: 400, message: "The request must contain the parameter MessageBody."},
	{name: "empty attribute value", action: "SendMessage", body: `{` + onQ + `,"MessageBody":"m","MessageAttributes":{"X":{"DataType":"String","StringValue":""}}}`,
		typ: wrong, code: "InvalidParameterValue", status: 400, message: "Message (user) attribute 'X' must contain a non-empty value of type 'String'."},
	{name: "bad characters", action: "SendMessage", body: `{` + onQ + `,"MessageBody":"a\u0000"}`,
		typ: model + "InvalidMessageContents", code: "InvalidMessageContents", status: 400},
	{name: "11 received at once", action: "ReceiveMessage", body: `{` + onQ + `,"MaxNumberOfMessages":11}`,
		typ: wrong, code: "InvalidParameterValue", status: 400, message: "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."},
	{name: "unknown attribute", action: "GetQueueAttributes", body: `{` + onQ + `,"AttributeNames":["X"]}`,
		typ: model + "InvalidAttributeName", code: "InvalidAttributeName", status: 400, message: "Unknown Attribute X."},
	{name: "FIFO attribute on a standard queue", action: "SetQueueAttributes", body: `{` + onQ + `,"Attributes":{"FifoQueue":"true"}}`,
		typ: model + "InvalidAttributeName", code: "InvalidAttributeName", status: 400, message: "Unknown Attribute FifoQueue."},
	{name: "FIFO queue made standard", action: "SetQueueAttributes", body: `{` + onFIFO + `,"Attributes":{"FifoQueue":"false"}}`,
		typ: model + "InvalidAttributeValue", code: "InvalidAttributeValue", status: 400, message: "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."},
	{name: "two kinds of encryption", action: "SetQueueAttributes", body: `{` + onQ + `,"Attributes":{"KmsMasterKeyId":"k","SqsManagedSseEnabled":"true"}}`,
		typ: model + "InvalidAttributeName", code: "InvalidAttributeName", status: 400, message: "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."},
	{name: "delay on FIFO", action: "SendMessage", body: `{` + onFIFO + `,"MessageBody":"m","MessageGroupId":"g","MessageDeduplicationId":"d","DelaySeconds":2}`,
		typ: wrong, code: "InvalidParameterValue", status: 400, message: "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type."},
	{name: "dedup id on standard", action: "SendMessage", body: `{` + onQ + `,"MessageBody":"m","MessageDeduplicationId":"d"}`,
		typ: wrong, code: "InvalidParameterValue", status: 400},
	{name: "no dedup id on FIFO", action: "SendMessage", body: `{` + onFIFO + `,"MessageBody":"m","MessageGroupId":"g"}`,
		typ: wrong, code: "InvalidParameterValue", status: 400, message: "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"},
	{name: "group id with a space", action: "SendMessage", body: `{` + onQ + `,"MessageBody":"m","MessageGroupId":"a b"}`,
		typ: wrong, code: "InvalidParameterValue", status: 400},
	{name: "no group id on FIFO", action: "SendMessage", body: `{` + onFIFO + `,"MessageBody":"m","MessageDeduplicationId":"d"}`,
		typ: coral + "MissingRequiredParameterException", code: "MissingParameter", status: 400, message: "The request must contain the parameter MessageGroupId."},
	{name: "bad handle", action: "DeleteMessage", body: `{` + onQ + `,"ReceiptHandle":"x"}`,
		typ: model + "ReceiptHandleIsInvalid", code: "ReceiptHandleIsInvalid", status: 404, message: `The input receipt handle "x" is not a valid receipt handle.`},
	{name: "purged twice", action: "PurgeQueue", body: `{` + onQ + `}`,
		typ: model + "PurgeQueueInProgress", code: "AWS.SimpleQueueService.PurgeQueueInProgress", status: 403, message: "Only one PurgeQueue operation on q is allowed every 60 seconds."},
	{name: "other attributes", action: "CreateQueue", body: `{"QueueName":"small","Attributes":{"DelaySeconds":"1"}}`,
		typ: model + "QueueNameExists", code: "QueueAlreadyExists", status: 400, message: "A queue already exists with the same name and a different value for attribute DelaySeconds"},
	{name: "bad dead-letter ARN", action: "SetQueueAttributes", body: `{` + onQ + `,"Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\": \"dummy\", \"maxReceiveCount\": 42}"}}`,
		typ: wrong, code: "InvalidParameterValue", status: 400, message: `Value {"deadLetterTargetArn": "dummy", "maxReceiveCount": 42} for parameter RedrivePolicy is invalid. Reason: Invalid value for deadLetterTargetArn.`},
	{name: "malformed JSON", action: "SendMessage", body: `{`, typ: coral + "SerializationException", code: "MalformedInput", status: 400},
	{name: "not UTF-8", action: "SendMessage", body: "{" + onQ + ",\"MessageBody\":\"\xff\"}", typ: coral + "SerializationException", code: "MalformedInput", status: 400},
	{name: "half a surrogate pair", action: "SendMessage", body: `{` + onQ + `,"MessageBody":"\ud83d"}`, typ: coral + "SerializationException", code: "MalformedInput", status: 400},
	{name: "wrong JSON type", action: "SendMessage", body: `{` + onQ + `,"MessageBody":5}`, typ: coral + "SerializationException", code: "MalformedInput", status: 400},
	{name: "left out", action: "AddPermission", body: `{}`, typ: model + "UnsupportedOperation", code: "AWS.SimpleQueueService.UnsupportedOperation", status: 400},
	{name: "unknown action", action: "Nonsense", body: `{}`, typ: coral + "UnknownOperationException", code: "InvalidAction", status: 400},
	{name: "no queue URL", action: "SendMessage", body: `{"MessageBody":"m"}`, typ: coral + "MissingRequiredParameterException", code: "MissingParameter", status: 400, message: "The request must contain the parameter QueueUrl."},
	{name: "move out of what is no dead-letter queue", action: "StartMessageMoveTask", body: `{"SourceArn":"arn:aws:sqs:us-east-1:123456789012:q"}`,
		typ: wrong, code: "InvalidParameterValue", status: 400, message: "Source queue must be configured as a Dead Letter Queue."},
	{name: "cancel nonsense", action: "CancelMessageMoveTask", body: `{"TaskHandle":"x"}`,
		typ: wrong, code: "InvalidParameterValue", status: 400, message: "Value for parameter TaskHandle is invalid."},
	{name: "body over the queue's limit", action: "SendMessage", body: `{` + onSmall + `,"MessageBody":"` + mib[:1025] + `"}`,
		typ: wrong, code: "InvalidParameterValue", status: 400, message: "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."},
}

// TestRefusals checks type, legacy code, status and text of what the service refuses.
func TestRefusals(t *testing.T) {
	t.Parallel()
	e, _ := newEngine(t)
	for name, attrs := range map[string]map[string]string{
		"q": nil, "small": {"MaximumMessageSize": "1024"}, "q.fifo": {"FifoQueue": "true"},
	} {
		if _, err := e.CreateQueue(name, attrs); err != nil {
			t.Fatal(err)
		}
	}
	if w := postJSON(e, "PurgeQueue", `{"QueueUrl":"http://sqs.test/123456789012/q"}`); w.Code != 200 {
		t.Fatalf("purge: %s", w.Body)
	}
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			w := postJSON(e, c.action, c.body)
			var got map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("answer %s: %v", w.Body, err)
			}
			if w.Code != c.status || got["__type"] != c.typ {
				t.Errorf("got %d %s, want %d %s", w.Code, got["__type"], c.status, c.typ)
			}
			if h := w.Header().Get("x-amzn-query-error"); h != c.code+";Sender" {
				t.Errorf("got x-amzn-query-error %q, want %q", h, c.code+";Sender")
			}
			if id := w.Header().Get("x-amzn-RequestId"); len(id) != 36 {
				t.Errorf("got x-amzn-RequestId %q, want a UUID", id)
			}
			if c.message != "" && got["message"] != c.message {
				t.Errorf("got text  %q\nwant text %q", got["message"], c.message)
			}
		})
	}
}

// TestRefusedEntry checks the text of an entry that alone is over its queue's limit.
func TestRefusedEntry(t *testing.T) {
	t.Parallel()
	e, _ := newEngine(t)
	url, err := e.CreateQueue("small", map[string]string{"MaximumMessageSize": "1024"})
	if err != nil {
		t.Fatal(err)
	}
	w := postJSON(e, "SendMessageBatch", `{"QueueUrl":"`+url+`","Entries":[{"Id":"a","MessageBody":"`+strings.Repeat("x", 1025)+`"}]}`)
	const want = `{"Successful":[],"Failed":[{"Id":"a","SenderFault":true,"Code":"InvalidParameterValue","Message":"One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."}]}`
	if got := w.Body.String(); w.Code != 200 || got != want {
		t.Errorf("got  %d %s\nwant 200 %s", w.Code, got, want)
	}
}

// TestBatchAnswersHaveBothLists checks that clients find the lists under their names even when they are empty.
func TestBatchAnswersHaveBothLists(t *testing.T) {
	t.Parallel()
	e, _ := newEngine(t)
	url, err := e.CreateQueue("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	for action, entry := range map[string]string{
		"SendMessageBatch":             `{"Id":"a","MessageBody":"m"}`,
		"DeleteMessageBatch":           `{"Id":"a","ReceiptHandle":"x"}`,
		"ChangeMessageVisibilityBatch": `{"Id":"a","ReceiptHandle":"x","VisibilityTimeout":1}`,
	} {
		var got map[string][]map[string]any
		w := postJSON(e, action, `{"QueueUrl":"`+url+`","Entries":[`+entry+`]}`)
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got["Successful"] == nil || got["Failed"] == nil || len(got["Successful"])+len(got["Failed"]) != 1 {
			t.Errorf("%s: got %s, want one entry in two lists", action, w.Body)
		}
	}
}

// TestEmptyReceive checks that an empty receive is the empty document, as observed on AWS 2025-02.
func TestEmptyReceive(t *testing.T) {
	t.Parallel()
	e, _ := newEngine(t)
	url, err := e.CreateQueue("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := postJSON(e, "ReceiveMessage", `{"QueueUrl":"`+url+`"}`).Body.String(); got != "{}" {
		t.Errorf("got %s, want {}", got)
	}
}

// TestAuthenticationFailures checks both shapes of what a verifier refuses.
func TestAuthenticationFailures(t *testing.T) {
	t.Parallel()
	e, _ := newEngine(t)
	for _, c := range []struct {
		code, typ, key string
		status         int
	}{
		{"InvalidClientTokenId", "UnrecognizedClientException", "message", 403},
		{"SignatureDoesNotMatch", "InvalidSignatureException", "message", 403},
		{"IncompleteSignature", "IncompleteSignatureException", "message", 400},
		{"ExpiredToken", "ExpiredTokenException", "message", 403},
		{"AccessDenied", "AccessDeniedException", "Message", 403},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("X-Amz-Target", "AmazonSQS.SendMessage")
		w := httptest.NewRecorder()
		e.ServeError(w, r, c.code, "why", c.status)
		var got map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if w.Code != c.status || got["__type"] != coral+c.typ || got[c.key] != "why" || w.Header().Get("x-amzn-query-error") != c.code+";Sender" {
			t.Errorf("%s: got %d %v with header %q", c.code, w.Code, got, w.Header().Get("x-amzn-query-error"))
		}

		w = httptest.NewRecorder()
		e.ServeError(w, httptest.NewRequest(http.MethodPost, "/", nil), c.code, "why", c.status)
		var x xmlError
		if err := xml.Unmarshal(w.Body.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		if w.Code != c.status || x.Error.Code != c.code || x.Error.Type != "Sender" || x.Error.Message != "why" || x.RequestID == "" {
			t.Errorf("%s in the query protocol: got %d %+v", c.code, w.Code, x)
		}
	}
}

// xmlError is an error of the query protocol.
type xmlError struct {
	XMLName xml.Name `xml:"http://queue.amazonaws.com/doc/2012-11-05/ ErrorResponse"`
	Error   struct {
		Type, Code, Message string
	}
	RequestID string `xml:"RequestId"`
}
