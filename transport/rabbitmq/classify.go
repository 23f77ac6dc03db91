package rabbitmq

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"sluice/internal/fault"
)

// A verdict is what a reply code means, and what an operator is to do.
type verdict struct {
	class  fault.Class
	reason string
	todo   string
}

var (
	queueMissing    = verdict{fault.Blocked, "queue_missing", "create a quorum queue of that name, or correct SLUICE_RABBITMQ_QUEUE"}
	exchangeMissing = verdict{fault.Blocked, "exchange_missing", "create the exchange, or correct SLUICE_RABBITMQ_EXCHANGE"}
	unroutable      = verdict{fault.Blocked, "unroutable", "bind a queue to the exchange with the routing key, or correct SLUICE_RABBITMQ_ROUTING_KEY"}
	denied          = verdict{fault.Blocked, "access_denied", "give the user the permission to write to the exchange (the default exchange is called amq.default)"}
	authRefused     = verdict{fault.Blocked, "auth_refused", "correct SLUICE_RABBITMQ_USERNAME and PASSWORD, and let the user into the virtual host; the user guest is let in from the broker's own machine only"}
	vhostMissing    = verdict{fault.Blocked, "vhost_missing", "create the virtual host, or correct the path of SLUICE_RABBITMQ_URL"}
	tlsFailed       = verdict{fault.Blocked, "tls_failed", "check SLUICE_RABBITMQ_CA_FILE and CERT_FILE, and that the port is one for amqps"}
	noBroker        = verdict{fault.Blocked, "unexpected_answer", "check that SLUICE_RABBITMQ_URL leads to a port for AMQP 0-9-1, and to one for amqps if it says so"}
	// RabbitMQ closes the channel with 406 for a message above its limit. The code has other meanings, none for a message
	// as this driver makes it.
	messageRefused = verdict{fault.Rejected, "message_refused", "if it is too long, set SLUICE_RABBITMQ_MAX_MESSAGE_BYTES to the broker's max_message_size"}
	tooMany        = verdict{fault.Throttled, "too_many_channels", "allow more channels in a connection"}
	broken         = verdict{fault.Transient, "service_error", ""}
	gone           = verdict{fault.Transient, "disconnected", ""}
	nacked         = verdict{fault.Transient, "nacked", "look at the log of the broker, and at the limits of the queue"}
	alarmed        = verdict{fault.Throttled, "connection_blocked", "look at the alarms of the broker: memory or disk space is short"}
	silent         = verdict{fault.Transient, "no_answer", ""}
	noServer       = verdict{fault.Transient, "unreachable", ""}
)

// verdicts on the reply codes of AMQP 0-9-1 with which a broker closes a channel or a connection.
var verdicts = map[int]verdict{
	amqp.ContentTooLarge:    messageRefused,
	amqp.PreconditionFailed: messageRefused,
	amqp.AccessRefused:      denied,
	amqp.ConnectionForced:   gone, // the broker stops, or somebody closed the connection
	amqp.ResourceLocked:     {fault.Blocked, "access_denied", "use a queue that belongs to no other connection"},
	amqp.NotAllowed:         {fault.Blocked, "access_denied", "look at the log of the broker"},
	amqp.NotImplemented:     noBroker,
	amqp.ResourceError:      {fault.Throttled, "service_error", "look at the log of the broker"},
	amqp.InternalError:      broken,
}

// classify gives the verdict on an error of the library about an open connection.
func (t *Transport) classify(op string, err error) *fault.Error {
	var said *amqp.Error
	switch {
	case !errors.As(err, &said):
		return &fault.Error{Reason: gone.reason, Op: op, Err: fmt.Errorf("the connection broke: %w", err)}
	case said == amqp.ErrClosed:
		return &fault.Error{Reason: gone.reason, Op: op, Err: errors.New("the connection was lost")}
	case said == amqp.ErrChannelMax:
		return t.verdict(tooMany, op, said)
	case said.Code == amqp.NotFound && t.cfg.Exchange != "":
		return t.verdict(exchangeMissing, op, said)
	case said.Code == amqp.NotFound:
		return t.verdict(queueMissing, op, said)
	}
	v, known := verdicts[said.Code]
	if !known { // the other codes are about frames
		v = gone
	}
	return t.verdict(v, op, said)
}

// verdict makes the error of a verdict, with what the broker said.
func (t *Transport) verdict(v verdict, op string, said *amqp.Error) *fault.Error {
	text := fmt.Sprintf("%s: %.200s (%d)", t.cfg.where(), strings.ToValidUTF8(said.Reason, "?"), said.Code)
	if v.todo != "" {
		text += "; " + v.todo
	}
	return &fault.Error{Class: v.class, Reason: v.reason, Op: op, Err: errors.New(text)}
}

// lost is the verdict on a channel that was closed: what the broker said, or else what the library said.
func (t *Transport) lost(c *channel, err error) *fault.Error {
	if said := c.why(); said != nil {
		err = said
	}
	return t.classify(opPublish, err)
}

// unroutable is the verdict on a message that came back.
func (t *Transport) unroutable(r amqp.Return) *fault.Error {
	v := queueMissing
	if t.cfg.Exchange != "" {
		v = unroutable
	}
	return t.verdict(v, opPublish, &amqp.Error{Code: int(r.ReplyCode), Reason: r.ReplyText})
}

// classifyConnect gives the verdict on an attempt to connect.
func classifyConnect(err error) *fault.Error {
	give := func(v verdict) *fault.Error {
		text := err.Error()
		if v.todo != "" {
			text += "; " + v.todo
		}
		return &fault.Error{Class: v.class, Reason: v.reason, Op: opConnect, Err: errors.New(text)}
	}
	var (
		said      *amqp.Error
		host      x509.HostnameError
		authority x509.UnknownAuthorityError
		unproven  *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		network   *net.OpError
	)
	switch {
	case errors.Is(err, amqp.ErrCredentials), errors.Is(err, amqp.ErrSASL):
		return give(authRefused)
	case errors.Is(err, amqp.ErrVhost):
		return give(vhostMissing)
	case errors.As(err, &said) && (said.Code == amqp.AccessRefused || said.Code == amqp.NotAllowed):
		return give(authRefused)
	case errors.As(err, &said) && isStranger(said):
		return give(noBroker)
	case errors.As(err, &host), errors.As(err, &authority), errors.As(err, &unproven), errors.As(err, &record),
		errors.As(err, &network) && network.Op == "remote error": // an alert of TLS
		return give(tlsFailed)
	}
	return give(noServer)
}

// isStranger reports whether what answered an attempt to connect is no broker. The library reports every connection that
// breaks with the code of a bad frame, and puts into its reason what it was.
func isStranger(said *amqp.Error) bool {
	return said.Code == amqp.SyntaxError || said.Code == amqp.CommandInvalid ||
		said.Reason == amqp.ErrFrame.Error() || said.Reason == amqp.ErrFrameTooLarge.Error() || said.Reason == amqp.ErrSyntax.Error()
}

// ended is the verdict where ctx ended before anything was sent.
func ended(ctx context.Context, op string) *fault.Error {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return &fault.Error{Reason: "interrupted", Op: op, Err: fmt.Errorf("interrupted: %w", cause)}
	case cause == context.DeadlineExceeded: // whose limit it was, the one who set it knows
		cause = fmt.Errorf("no answer in time: %w", cause)
	}
	return &fault.Error{Class: silent.class, Reason: silent.reason, Op: op, Err: cause}
}
