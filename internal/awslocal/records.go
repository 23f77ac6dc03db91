package awslocal

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/internal/awslocal/apigateway"
	"sluice/internal/awslocal/sqs"
)

// seedModel is the example of request validation, on the path /seed.
const seedModel = `{
  "$schema": "http://json-schema.org/draft-04/schema#",
  "title": "seed",
  "type": "object",
  "properties": {"accountid": {"type": "string"}, "priority": {"type": "string"}},
  "required": ["accountid", "priority"]
}`

// Headers of a record on its way through the gateway.
const (
	idHeader     = "X-Sluice-Record-Id"
	keyHeader    = "X-Sluice-Record-Key"
	headerPrefix = "X-Sluice-Header-"
)

const (
	maxMessage    = 1 << 20 // SQS: bytes of a message with its attributes
	maxAttributes = 10      // SQS: attributes of a message
)

// record is the integration behind the record route: it puts the body, byte for byte, into the queue, and the record's
// id, key and headers beside it as attributes. What SQS cannot store it refuses with a sentence.
func (s *Server) record(_ context.Context, ev apigateway.ProxyEvent) (apigateway.ProxyResponse, error) {
	body, err := eventBody(ev)
	if err != nil {
		return apigateway.ProxyResponse{}, err
	}
	id, key := ev.Headers[idHeader], ev.Headers[keyHeader]
	attributes, size := recordAttributes(ev, id, key)
	fifo := strings.HasSuffix(s.options.Queue, ".fifo")
	switch badName := slices.IndexFunc(slices.Sorted(maps.Keys(attributes)), notAttributeName); {
	case body == "":
		return refuse(http.StatusBadRequest, "The record is empty; a queue holds messages of at least one byte."), nil
	case !storable(body):
		return refuse(http.StatusBadRequest, "The record has characters that a queue cannot hold: it has to be UTF-8 of the characters that XML allows."), nil
	case len(body)+size > maxMessage:
		return refuse(http.StatusRequestEntityTooLarge, "The record and its headers have %d bytes; a queue holds messages of at most %d.", len(body)+size, maxMessage), nil
	case len(attributes) > maxAttributes:
		return refuse(http.StatusBadRequest, "The record has %d headers, its id and key among them; a message holds at most %d.", len(attributes), maxAttributes), nil
	case badName >= 0:
		return refuse(http.StatusBadRequest, "The record has a header %q, which is no name for a message attribute.", slices.Sorted(maps.Keys(attributes))[badName]), nil
	case fifo && id == "":
		return refuse(http.StatusBadRequest, "The queue is FIFO, so the record needs an id in the header %s.", idHeader), nil
	}
	group, dedup := "", ""
	if fifo {
		group, dedup = fifoID(key), fifoID(id)
	}
	message, err := s.sqs.Send(s.queueURL, body, attributes, group, dedup)
	if err != nil {
		return apigateway.ProxyResponse{}, err
	}
	return reply(http.StatusOK, "messageId", message, "id", id), nil
}

// notAttributeName reports whether SQS refuses name as that of a message attribute.
func notAttributeName(name string) bool {
	reserved := strings.HasPrefix(name, "aws.") || strings.HasPrefix(name, "amazon.")
	dots := strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..")
	return reserved || dots || len(name) > 256 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_-.") != ""
}

// fifoID returns s, or its hash where s is no id of a message group or of a deduplication: 1 to 128 visible ASCII characters.
func fifoID(s string) string {
	if s != "" && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return s
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(s)))
}

func refuse(status int, format string, args ...any) apigateway.ProxyResponse {
	return reply(status, "message", fmt.Sprintf(format, args...))
}

func eventBody(ev apigateway.ProxyEvent) (string, error) {
	if ev.Body == nil {
		return "", nil
	}
	if !ev.IsBase64Encoded {
		return *ev.Body, nil
	}
	b, err := base64.StdEncoding.DecodeString(*ev.Body)
	return string(b), err
}

// recordAttributes returns the attributes of the message and their size as SQS counts it. A header without a value
// makes no attribute, since an attribute cannot be empty.
func recordAttributes(ev apigateway.ProxyEvent, id, key string) (map[string]sqs.MessageAttribute, int) {
	attributes := map[string]sqs.MessageAttribute{}
	size := 0
	add := func(name, value string) {
		if value != "" {
			attributes[name] = sqs.MessageAttribute{DataType: "String", StringValue: value}
			size += len(name) + len("String") + len(value)
		}
	}
	add("sluice-id", id)
	add("sluice-key", key)
	for name, value := range ev.Headers {
		if rest, ok := strings.CutPrefix(name, headerPrefix); ok && rest != "" {
			add(strings.ToLower(rest), value)
		}
	}
	return attributes, size
}

// storable reports whether SQS takes s as a message. SQS: UTF-8, and of the control characters only tab and line ends.
func storable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	})
}

// reply is a JSON object of the given members.
func reply(status int, pairs ...string) apigateway.ProxyResponse {
	object := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		object[pairs[i]] = pairs[i+1]
	}
	b, err := json.Marshal(object)
	if err != nil {
		panic(err) // strings always marshal
	}
	return apigateway.ProxyResponse{StatusCode: status, Headers: map[string]string{"Content-Type": "application/json"}, Body: string(b)}
}
