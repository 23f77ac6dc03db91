package rabbitmq

import (
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"sluice/internal/fault"
	"sluice/transport"
)

const (
	keyHeader = "sluice-key"

	shortString = 255 // AMQP: the names of headers, queues and exchanges have at most 255 bytes

	// AMQP: all headers of a message travel in one frame. RabbitMQ: a frame has 128 KiB by default; the rest is for the
	// other properties.
	maxHeaders = 120 << 10
)

// message makes the message of r; copy names this attempt. The error is a Rejected fault: RabbitMQ would refuse r, or
// close the connection.
func (t *Transport) message(r transport.Record, copy string) (amqp.Publishing, error) {
	if len(r.Body) > t.cfg.MaxMessageBytes {
		return amqp.Publishing{}, rejected("record_too_large", "the body has %d bytes, SLUICE_RABBITMQ_MAX_MESSAGE_BYTES allows %d", len(r.Body), t.cfg.MaxMessageBytes)
	}
	if len(r.ID) > shortString {
		return amqp.Publishing{}, rejected("invalid_header", "the ID has %d bytes; a message id has at most %d", len(r.ID), shortString)
	}
	headers := make(amqp.Table, 1+len(r.Headers))
	total := 0
	put := func(name, value string) {
		headers[name] = value
		total += len(name) + len(value) + 6 // AMQP: the length of the name, the type, four bytes of the length of the value
	}
	for name, value := range r.Headers {
		if err := checkHeader(name); err != nil {
			return amqp.Publishing{}, err
		}
		put(name, value)
	}
	if r.Key != "" {
		put(keyHeader, r.Key)
	}
	if total > maxHeaders {
		return amqp.Publishing{}, rejected("headers_too_large", "the headers take %d bytes, which do not fit into a frame; %d do", total, maxHeaders)
	}
	return amqp.Publishing{MessageId: r.ID, CorrelationId: copy, DeliveryMode: amqp.Persistent, Headers: headers, Body: r.Body}, nil
}

// checkHeader says whether a header of this name travels, and means nothing to the broker: CC and BCC are further routing
// keys, and what begins with x- is read or written on the way.
func checkHeader(name string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "" || len(name) > shortString:
		return rejected("invalid_header", "the header name %.40q has %d bytes; AMQP takes 1 to %d", name, len(name), shortString)
	case lower == "cc" || lower == "bcc" || strings.HasPrefix(lower, "x-") || strings.HasPrefix(lower, "sluice-"):
		return rejected("invalid_header", "the header name %.40q has a meaning of its own", name)
	}
	return nil
}

// Size counts as the broker does for its limit: the body alone.
func (t *Transport) Size(r transport.Record) int { return len(r.Body) }

// rejected is a verdict on a record before it is sent.
func rejected(reason, format string, args ...any) error {
	return &fault.Error{Class: fault.Rejected, Reason: reason, Op: opPublish, Err: fmt.Errorf(format, args...)}
}
