package jetstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	api "github.com/nats-io/nats.go/jetstream"

	"sluice/internal/fault"
)

// A verdict is what an error means, and what an operator is to do.
type verdict struct {
	class  fault.Class
	reason string
	todo   string
}

var (
	streamMissing  = verdict{fault.Blocked, "stream_missing", "create a stream that listens to the subject, or correct SLUICE_JETSTREAM_SUBJECT"}
	streamMismatch = verdict{fault.Blocked, "stream_mismatch", "correct SLUICE_JETSTREAM_STREAM or SLUICE_JETSTREAM_SUBJECT, or the subjects of the streams"}
	streamSealed   = verdict{fault.Blocked, "stream_sealed", "publish to a stream that takes messages"}
	noJetStream    = verdict{fault.Blocked, "jetstream_disabled", "enable JetStream on the server and for the account"}
	denied         = verdict{fault.Blocked, "access_denied", "allow the user to publish to the subject and to subscribe to _INBOX.>"}
	lookDenied     = verdict{fault.Blocked, "access_denied", "allow the user to publish to $JS.API.STREAM.NAMES and $JS.API.STREAM.INFO.*"}
	authRefused    = verdict{fault.Blocked, "auth_refused", "correct SLUICE_JETSTREAM_USERNAME and PASSWORD, TOKEN, or CREDS, or CERT_FILE"}
	tlsFailed      = verdict{fault.Blocked, "tls_failed", "use tls:// if the server speaks TLS, and check SLUICE_JETSTREAM_CA_FILE and CERT_FILE"}
	tooLarge       = verdict{fault.Rejected, "record_too_large", ""}
	headersLarge   = verdict{fault.Rejected, "headers_too_large", ""}
	// A stream that refuses new messages when it is full lets them through again as soon as its readers have made
	// room, without anybody's help. So it asks for less; it is not broken.
	streamFull  = verdict{fault.Throttled, "stream_full", "raise the limits of the stream, or let its readers catch up"}
	noResources = verdict{fault.Throttled, "no_resources", "give the server or the account more storage"}
	throttled   = verdict{fault.Throttled, "throttled", ""}
	pending     = verdict{fault.Throttled, "too_many_pending", ""}
	connections = verdict{fault.Throttled, "connection_limit", "raise the number of connections that the server or the account allows"}
	duplicate   = verdict{fault.Transient, "duplicate_pending", ""} // the first copy is on its way through the cluster
	broken      = verdict{fault.Transient, "service_error", ""}
	unclear     = verdict{fault.Transient, "unexpected_answer", ""}
	leaderless  = verdict{fault.Transient, "stream_missing", ""} // its cluster may be electing a leader
	stranger    = verdict{fault.Blocked, "unexpected_answer", "let nobody but the stream answer on the subject"}
	silent      = verdict{fault.Transient, "no_answer", ""}
	cut         = verdict{fault.Transient, "disconnected", ""}
	noServer    = verdict{fault.Transient, "unreachable", ""}
)

// verdicts on the error codes of JetStream. Those with a name in the client library bear it; the others are named as the
// server's list of errors names them.
var verdicts = map[api.ErrorCode]verdict{
	api.JSErrCodeStreamNotFound:                streamMissing,
	api.JSErrCodeJetStreamNotEnabled:           noJetStream,
	api.JSErrCodeJetStreamNotEnabledForAccount: noJetStream,
	api.JSErrCodeStreamMessageExceedsMaximum:   tooLarge,

	10097: headersLarge,   // JSStreamHeaderExceedsMaximumErr
	10060: streamMismatch, // JSStreamNotMatchErr
	10109: streamSealed,   // JSStreamSealedErr
	10077: streamFull,     // JSStreamStoreFailedF: maximum messages, bytes or messages per subject exceeded
	10023: noResources,    // JSInsufficientResourcesErr
	10028: noResources,    // JSMemoryResourcesExceededErr
	10047: noResources,    // JSStorageResourcesExceededErr
	10002: noResources,    // JSAccountResourcesExceededErr
	10167: throttled,      // JSStreamTooManyRequests
	10158: duplicate,      // JSStreamDuplicateMessageConflict
	10008: broken,         // JSClusterNotAvailErr
	10009: broken,         // JSClusterNotLeaderErr
}

// classifyAck gives the verdict on what came in place of an acknowledgement.
func (t *Transport) classifyAck(l *link, err error) error {
	var said *api.APIError
	switch {
	case errors.As(err, &said):
		v, known := verdicts[said.ErrorCode]
		switch {
		case known:
		case said.Code >= 500:
			v = broken
		case said.Code == 429:
			v = throttled
		default:
			v = unclear
		}
		return t.verdict(v, opPublish, fmt.Sprintf("%.200s (code %d)", strings.ToValidUTF8(said.Description, "?"), said.ErrorCode))
	case errors.Is(err, api.ErrNoStreamResponse):
		if since := time.Since(time.Unix(0, t.accepted.Load())); since < t.electing {
			return &fault.Error{Class: leaderless.class, Reason: leaderless.reason, Op: opPublish, Err: errors.New("nobody listens to the subject at the moment")}
		}
		return t.verdict(streamMissing, opPublish, "no stream listens to the subject")
	case disconnected(err):
		e := lost(l.nc.LastError())
		e.Ambiguous = true
		return e
	case errors.Is(err, api.ErrInvalidJSAck):
		return t.verdict(stranger, opPublish, "the answer is no acknowledgement of a stream")
	}
	return &fault.Error{Class: silent.class, Reason: silent.reason, Op: opPublish, Ambiguous: true, // the library's own timeout
		Err: fmt.Errorf("no acknowledgement within %v (%s)", t.cfg.Timeout, timeoutVariable)}
}

// verdict makes the error of a verdict, with what was said.
func (t *Transport) verdict(v verdict, op, said string) *fault.Error {
	text := fmt.Sprintf("subject %q: %s", t.cfg.Subject, said)
	if v.todo != "" {
		text += "; " + v.todo
	}
	return &fault.Error{Class: v.class, Reason: v.reason, Op: op, Err: errors.New(text)}
}

// classifyPublish gives the verdict on a message that could not be handed to the connection. last is the connection's
// last error.
func classifyPublish(err, last error) *fault.Error {
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return &fault.Error{Class: tooLarge.class, Reason: tooLarge.reason, Op: opPublish, Err: errors.New("the message is larger than the server allows")}
	case errors.Is(err, api.ErrTooManyStalledMsgs):
		return &fault.Error{Class: pending.class, Reason: pending.reason, Op: opPublish, Err: errors.New("too many acknowledgements are outstanding")}
	case disconnected(err):
		e := lost(last)
		e.Op = opPublish
		return e
	}
	return &fault.Error{Class: cut.class, Reason: cut.reason, Op: opPublish, Ambiguous: true, Err: fmt.Errorf("the connection broke: %w", err)}
}

// lost is the verdict while there is no connection; last says why. Nothing was sent.
func lost(last error) *fault.Error {
	if last != nil && !errors.Is(last, nats.ErrPermissionViolation) { // that is no reason to close a connection
		if e := classifyConnect(last); e.Reason != noServer.reason {
			return e
		}
		return &fault.Error{Class: cut.class, Reason: cut.reason, Op: opConnect, Err: fmt.Errorf("the connection was lost: %w", last)}
	}
	return &fault.Error{Class: cut.class, Reason: cut.reason, Op: opConnect, Err: errors.New("the connection was lost")}
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
		host      x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		unproven  *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		network   *net.OpError
	)
	switch {
	case errors.Is(err, nats.ErrPermissionViolation):
		return give(denied)
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrAccountAuthExpired), errors.Is(err, nats.ErrNkeysNotSupported):
		return give(authRefused)
	case errors.Is(err, nats.ErrMaxConnectionsExceeded), errors.Is(err, nats.ErrMaxAccountConnectionsExceeded):
		return give(connections)
	case errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted), errors.As(err, &host),
		errors.As(err, &authority), errors.As(err, &invalid), errors.As(err, &unproven), errors.As(err, &record),
		errors.As(err, &network) && network.Op == "remote error", // an alert of TLS, or
		errors.Is(err, nats.ErrTLS):                              // a server that hangs up after the handshake, before its alert was read
		return give(tlsFailed)
	}
	return give(noServer)
}

// classifyLook gives the verdict on a look at the stream.
func (t *Transport) classifyLook(ctx context.Context, l *link, err error) error {
	var said *api.APIError
	switch {
	case errors.As(err, &said):
		v, known := verdicts[said.ErrorCode]
		if !known {
			v = broken
		}
		return t.verdict(v, opLook, fmt.Sprintf("%.200s (code %d)", strings.ToValidUTF8(said.Description, "?"), said.ErrorCode))
	case errors.Is(err, api.ErrStreamNotFound):
		return t.verdict(streamMissing, opLook, "no stream listens to the subject")
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, api.ErrJetStreamNotEnabled), errors.Is(err, api.ErrJetStreamNotEnabledForAccount):
		return t.verdict(noJetStream, opLook, "the server does not answer for JetStream")
	case disconnected(err):
		return lost(l.nc.LastError())
	}
	var refused *fault.Error
	switch {
	case errors.As(context.Cause(ctx), &refused):
		return refused
	case ctx.Err() != nil:
		return ended(ctx, opLook)
	}
	return &fault.Error{Op: opLook, Reason: unclear.reason, Err: err}
}

// What the server may refuse outside of answers.
const (
	refusedPublish = iota
	refusedAnswers // we do not hear answers any more
	refusedLook
)

// refusal is the verdict on an error that the server reports outside of answers, nil if it is none of ours. The protocol
// has no codes for them: the subject in quotes says what was refused.
func refusal(subject string, err error) (refused *fault.Error, what int) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return nil, 0
	}
	give := func(v verdict, op string, ambiguous bool) *fault.Error {
		return &fault.Error{Class: v.class, Reason: v.reason, Op: op, Ambiguous: ambiguous, Err: fmt.Errorf("%w; %s", err, v.todo)}
	}
	switch text := err.Error(); {
	case strings.Contains(text, `"`+nats.InboxPrefix):
		return give(denied, opPublish, true), refusedAnswers
	case strings.Contains(text, strconv.Quote(subject)):
		return give(denied, opPublish, true), refusedPublish // others of the same Send may have passed
	case strings.Contains(text, `"$JS.API.`):
		return give(lookDenied, opLook, false), refusedLook
	}
	return nil, 0
}
