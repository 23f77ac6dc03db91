package sqs

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sluice/internal/awslocal/sigv4"
)

// form makes the fields of a request of the query protocol from pairs.
func form(action string, pairs ...string) url.Values {
	v := url.Values{"Action": {action}, "Version": {"2012-11-05"}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// wantXML posts a form and reads the answer into into.
func wantXML(t *testing.T, e *Engine, path string, v url.Values, status int, into any) {
	t.Helper()
	w := postForm(e, path, v)
	if w.Code != status {
		t.Fatalf("%s: got %d %s, want %d", v.Get("Action"), w.Code, w.Body, status)
	}
	if err := xml.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%s: %v in %s", v.Get("Action"), err, w.Body)
	}
}

type xmlAttribute struct{ Name, Value string }

type xmlMessageAttribute struct {
	Name  string
	Value struct{ DataType, StringValue, BinaryValue string }
}

type xmlReceived struct {
	XMLName  xml.Name `xml:"http://queue.amazonaws.com/doc/2012-11-05/ ReceiveMessageResponse"`
	Messages []struct {
		MessageID              string `xml:"MessageId"`
		ReceiptHandle, Body    string
		MD5OfBody              string
		MD5OfMessageAttributes string
		Attribute              []xmlAttribute
		MessageAttribute       []xmlMessageAttribute
	} `xml:"ReceiveMessageResult>Message"`
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

// TestQueryProtocol sends, receives and deletes as clients of 2023 and before do.
func TestQueryProtocol(t *testing.T) {
	t.Parallel()
	e, _ := newEngine(t)
	var created struct {
		URL string `xml:"CreateQueueResult>QueueUrl"`
	}
	wantXML(t, e, "/", form("CreateQueue", "QueueName", "q", "Attribute.1.Name", "VisibilityTimeout", "Attribute.1.Value", "0", "Tag.1.Key", "k", "Tag.1.Value", "v"), 200, &created)
	if want := "http://sqs.test/123456789012/q"; created.URL != want {
		t.Fatalf("got %s, want %s", created.URL, want)
	}
	const path = "/123456789012/q"

	var sent struct {
		Result struct{ MD5OfMessageBody, MD5OfMessageAttributes, MessageId string } `xml:"SendMessageResult"`
	}
	wantXML(t, e, path, form("SendMessage", "MessageBody", "a<b>&\"c\"\r\n😀",
		"MessageAttribute.1.Name", "Binary", "MessageAttribute.1.Value.DataType", "Binary", "MessageAttribute.1.Value.BinaryValue", "AAEC",
		"MessageAttribute.2.Name", "Text", "MessageAttribute.2.Value.DataType", "String", "MessageAttribute.2.Value.StringValue", "v"), 200, &sent)

	var got xmlReceived
	wantXML(t, e, path, form("ReceiveMessage", "AttributeName.1", "All", "MessageAttributeName.1", "All", "MaxNumberOfMessages", "10"), 200, &got)
	if len(got.Messages) != 1 || got.RequestID == "" {
		t.Fatalf("got %+v, want one message", got)
	}
	m := got.Messages[0]
	if m.Body != "a<b>&\"c\"\r\n😀" || m.MD5OfBody != sent.Result.MD5OfMessageBody || m.MessageID != sent.Result.MessageId || m.MD5OfMessageAttributes != sent.Result.MD5OfMessageAttributes {
		t.Errorf("got %+v, want what was sent: %+v", m, sent)
	}
	if len(m.MessageAttribute) != 2 || m.MessageAttribute[0].Value.BinaryValue != "AAEC" || m.MessageAttribute[1].Value.StringValue != "v" {
		t.Errorf("got attributes %+v", m.MessageAttribute)
	}
	if len(m.Attribute) != 4 || m.Attribute[0] != (xmlAttribute{"ApproximateFirstReceiveTimestamp", "1770091506000"}) {
		t.Errorf("got system attributes %+v", m.Attribute)
	}

	var deleted struct {
		XMLName   xml.Name `xml:"http://queue.amazonaws.com/doc/2012-11-05/ DeleteMessageResponse"`
		RequestID string   `xml:"ResponseMetadata>RequestId"`
	}
	wantXML(t, e, path, form("DeleteMessage", "ReceiptHandle", m.ReceiptHandle), 200, &deleted)
	var attributes struct {
		Attribute []xmlAttribute `xml:"GetQueueAttributesResult>Attribute"`
	}
	wantXML(t, e, "/", form("GetQueueAttributes", "QueueUrl", created.URL, "AttributeName.1", "ApproximateNumberOfMessages"), 200, &attributes)
	if want := (xmlAttribute{"ApproximateNumberOfMessages", "0"}); len(attributes.Attribute) != 1 || attributes.Attribute[0] != want {
		t.Errorf("got %v, want %v", attributes.Attribute, want)
	}
	var tags struct {
		Tag []struct{ Key, Value string } `xml:"ListQueueTagsResult>Tag"`
	}
	wantXML(t, e, path, form("ListQueueTags"), 200, &tags)
	if len(tags.Tag) != 1 || tags.Tag[0].Key != "k" || tags.Tag[0].Value != "v" {
		t.Errorf("got tags %v", tags.Tag)
	}
}

// TestQueryBatch checks the flat lists of a batch, in the order of their numbers and not of their texts.
func TestQueryBatch(t *testing.T) {
	t.Parallel()
	e, _ := newEngine(t)
	if _, err := e.CreateQueue("q.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"}); err != nil {
		t.Fatal(err)
	}
	const path = "/123456789012/q.fifo"
	v := form("SendMessageBatch")
	for i, n := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"} {
		p := "SendMessageBatchRequestEntry." + n + "."
		v.Set(p+"Id", n)
		v.Set(p+"MessageBody", string(rune('a'+i)))
		v.Set(p+"MessageGroupId", "g")
	}
	v.Set("SendMessageBatchRequestEntry.4.MessageBody", "\x01")
	var sent struct {
		Successful []struct {
			ID             string `xml:"Id"`
			SequenceNumber string
		} `xml:"SendMessageBatchResult>SendMessageBatchResultEntry"`
		Failed []struct {
			ID          string `xml:"Id"`
			SenderFault bool
			Code        string
		} `xml:"SendMessageBatchResult>BatchResultErrorEntry"`
	}
	wantXML(t, e, path, v, 200, &sent)
	if len(sent.Successful) != 9 || len(sent.Failed) != 1 || sent.Failed[0].ID != "4" || !sent.Failed[0].SenderFault || sent.Failed[0].Code != "InvalidMessageContents" {
		t.Fatalf("got %+v, want all but entry 4", sent)
	}
	var got xmlReceived
	wantXML(t, e, path, form("ReceiveMessage", "MaxNumberOfMessages", "10"), 200, &got)
	order := ""
	for _, m := range got.Messages {
		order += m.Body
	}
	if order != "abcefghij" {
		t.Errorf("got order %s, want abcefghij", order)
	}
}

// TestQueryErrors checks the envelope of refusals, and the one text that differs from the JSON protocol's.
func TestQueryErrors(t *testing.T) {
	t.Parallel()
	e, _ := newEngine(t)
	for _, c := range []struct {
		path    string
		form    url.Values
		status  int
		code    string
		message string
	}{
		{"/123456789012/none", form("SendMessage", "MessageBody", "m"), 400, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist for this wsdl version."},
		{"/", form("Nonsense"), 400, "InvalidAction", "The action Nonsense is not valid for this endpoint."},
		{"/", form("ListQueues", "MaxResults", "many"), 400, "InvalidParameterValue", "Value many for parameter MaxResults is invalid. Reason: Must be an integer."},
		{"/", form("CreateQueue", "QueueName", "a b"), 400, "InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"},
	} {
		var got xmlError
		wantXML(t, e, c.path, c.form, c.status, &got)
		if got.Error.Code != c.code || got.Error.Message != c.message || got.Error.Type != "Sender" {
			t.Errorf("got %+v, want %s %q", got.Error, c.code, c.message)
		}
	}
}

// TestQueryByGet checks a GET with the action in the URL, and one without.
func TestQueryByGet(t *testing.T) {
	t.Parallel()
	e, _ := newEngine(t)
	get := func(target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		e.ServeSQS(w, httptest.NewRequest(http.MethodGet, target, nil), nil, sigv4.Identity{})
		return w
	}
	if w := get("/?Action=ListQueues"); w.Code != 200 || !strings.Contains(w.Body.String(), "<ListQueuesResponse") {
		t.Errorf("got %d %s, want a list", w.Code, w.Body)
	}
	if w := get("/123456789012/q"); w.Code != 404 || !strings.Contains(w.Body.String(), "UnknownOperationException") {
		t.Errorf("got %d %s, want 404 UnknownOperationException", w.Code, w.Body)
	}
}
