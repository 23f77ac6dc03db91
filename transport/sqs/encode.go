package sqs

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"sluice/internal/fault"
	"sluice/transport"
)

const (
	idAttribute   = "sluice-id"
	keyAttribute  = "sluice-key"
	stringType    = "String"
	defaultGroup  = "sluice"
	maxAttributes = 10  // SQS: at most 10 attributes in a message
	maxNameLength = 256 // SQS: an attribute name has at most 256 characters
	maxGroup      = 128 // SQS: a message group or deduplication id has at most 128 characters
)

// entry makes the message of r. The error is a Rejected fault: SQS would refuse r, or worse, alter it.
func (t *Transport) entry(id string, r transport.Record) (types.SendMessageBatchRequestEntry, error) {
	if len(r.Body) == 0 {
		return types.SendMessageBatchRequestEntry{}, rejected("empty_body", "the body is empty; SQS takes no empty message")
	}
	if at := firstIllegal(r.Body); at >= 0 {
		return types.SendMessageBatchRequestEntry{}, rejected("invalid_characters",
			"byte %d of the body is no UTF-8 or no character that SQS takes; send text, or encode the body", at)
	}
	if size := t.Size(r); size > t.caps.MaxRecordBytes {
		return types.SendMessageBatchRequestEntry{}, rejected("record_too_large", "the message takes %d bytes, the queue allows %d", size, t.caps.MaxRecordBytes)
	}
	e := types.SendMessageBatchRequestEntry{Id: aws.String(id), MessageBody: aws.String(string(r.Body))}
	if g := t.group(r); g != "" {
		e.MessageGroupId = aws.String(g)
	}
	if t.fifo {
		if !legalGroup(r.ID) {
			return e, rejected("invalid_attribute", "the ID %q is no deduplication id that SQS takes", r.ID)
		}
		e.MessageDeduplicationId = aws.String(r.ID)
	}
	attributes, err := t.attributes(r)
	e.MessageAttributes = attributes
	return e, err
}

// group is the message group of r: its Key if groups are in use and SQS takes it, a stand-in for the Key, or "".
func (t *Transport) group(r transport.Record) string {
	switch {
	case !t.fifo && !t.cfg.FairQueue:
		return ""
	case r.Key == "":
		return defaultGroup
	case legalGroup(r.Key):
		return r.Key
	}
	sum := sha256.Sum256([]byte(r.Key))
	return "sha256-" + hex.EncodeToString(sum[:])
}

// sendsKey reports whether r's Key has to travel as an attribute, because the group does not say it.
func (t *Transport) sendsKey(r transport.Record) bool {
	return r.Key != "" && t.group(r) != r.Key
}

// attributes makes the message attributes of r.
func (t *Transport) attributes(r transport.Record) (map[string]types.MessageAttributeValue, error) {
	out := make(map[string]types.MessageAttributeValue, len(r.Headers)+2)
	put := func(name, value string) error {
		if err := checkAttribute(name, value); err != nil {
			return err
		}
		out[name] = types.MessageAttributeValue{DataType: aws.String(stringType), StringValue: aws.String(value)}
		return nil
	}
	if err := put(idAttribute, r.ID); err != nil {
		return nil, err
	}
	if t.sendsKey(r) {
		if err := put(keyAttribute, r.Key); err != nil {
			return nil, err
		}
	}
	for name, value := range r.Headers {
		if name == idAttribute || name == keyAttribute {
			return nil, rejected("invalid_attribute", "the header %q has the name of one of ours", name)
		}
		if err := put(name, value); err != nil {
			return nil, err
		}
	}
	if len(out) > maxAttributes {
		return nil, rejected("invalid_attribute", "%d headers and our own make %d attributes; SQS takes %d", len(r.Headers), len(out), maxAttributes)
	}
	return out, nil
}

// checkAttribute says whether SQS takes a String attribute of this name and value.
func checkAttribute(name, value string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "" || len(name) > maxNameLength:
		return rejected("invalid_attribute", "the header name %.40q has %d characters; SQS takes 1 to %d", name, len(name), maxNameLength)
	case strings.Trim(name, attributeLetters) != "" || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, ".."):
		return rejected("invalid_attribute", "the header name %q is not of letters, digits, - _ and single inner periods", name)
	case strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."):
		return rejected("invalid_attribute", "the header name %q begins with a prefix that SQS keeps for itself", name)
	case value == "":
		return rejected("invalid_attribute", "the header %q is empty; SQS takes no empty attribute", name)
	case firstIllegal(value) >= 0:
		return rejected("invalid_attribute", "the value of header %q is no UTF-8 or has a character that SQS does not take", name)
	}
	return nil
}

const attributeLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// legalGroup reports whether s can be a message group or deduplication id. SQS: 1 to 128 ASCII letters, digits and
// punctuation characters, no space.
func legalGroup(s string) bool {
	if s == "" || len(s) > maxGroup {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// firstIllegal returns where s has its first byte that SQS does not take, or -1. SQS: tab, line feed, carriage return,
// U+0020 to U+D7FF, U+E000 to U+FFFD, U+10000 to U+10FFFF. What is not UTF-8 would be sent as U+FFFD without a word.
func firstIllegal[T string | []byte](s T) int {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		if r == utf8.RuneError && size == 1 || r == 0xFFFE || r == 0xFFFF {
			return i
		}
		i += size
	}
	return -1
}

// Size counts as SQS does: the body, and the name, the type and the value of each attribute.
func (t *Transport) Size(r transport.Record) int {
	n := len(r.Body) + len(idAttribute) + len(stringType) + len(r.ID)
	if t.sendsKey(r) {
		n += len(keyAttribute) + len(stringType) + len(r.Key)
	}
	for name, value := range r.Headers {
		n += len(name) + len(stringType) + len(value)
	}
	return n
}

// attributesMD5 is the digest that SQS returns for attributes: for each in the order of names, the length and the bytes
// of name and type, a byte that says String, the length and the bytes of the value.
func attributesMD5(attributes map[string]types.MessageAttributeValue) string {
	var buf []byte
	field := func(s string) {
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(s)))
		buf = append(buf, s...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		field(name)
		field(stringType)
		buf = append(buf, 1)
		field(aws.ToString(attributes[name].StringValue))
	}
	sum := md5.Sum(buf)
	return hex.EncodeToString(sum[:])
}

// bodyMD5 is the digest that SQS returns for a body.
func bodyMD5(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// rejected is a verdict on a record before it is sent.
func rejected(reason, format string, args ...any) error {
	return &fault.Error{Class: fault.Rejected, Reason: reason, Op: opSend, Err: fmt.Errorf(format, args...)}
}
