package awscreds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Limit returns a ctx that ends after d, the value of the variable. Where that end is what fails a request, the text of
// Wire.Fault says so. An empty variable means that d cannot be set.
func Limit(ctx context.Context, d time.Duration, variable string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, &limit{d, variable})
}

// A limit is a time limit of ours that was reached.
type limit struct {
	d        time.Duration
	variable string
}

// Error names the limit.
func (l *limit) Error() string {
	if l.variable == "" {
		return fmt.Sprintf("no answer within %v", l.d)
	}
	return fmt.Sprintf("no answer within %v (%s)", l.d, l.variable)
}

// Unwrap says that a limit is a deadline.
func (l *limit) Unwrap() error { return context.DeadlineExceeded }

// NoAnswer reports whether err of the SDK is that no answer came, or that the connection broke or time was up while it
// came in. The SDK gives such errors an answer with status 0.
func NoAnswer(err error) bool {
	var answer *smithyhttp.ResponseError
	var n net.Error
	return !errors.As(err, &answer) || answer.HTTPStatusCode() == 0 ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled) || errors.As(err, &n)
}

// A shown error shows a text in place of its own.
type shown struct {
	text string
	err  error
}

// Error returns the text.
func (s shown) Error() string { return s.text }

// Unwrap returns the error itself.
func (s shown) Unwrap() error { return s.err }

// plain returns err with the text that an operator reads: what happened, in one line, without what the SDK and net/http
// put around it, which names operations, statuses that are none, and whole addresses with their query.
func plain(err error) error {
	core := bare(err)
	var api smithy.APIError
	var text string
	switch {
	case errors.As(core, &api) && api.ErrorCode() != "" && api.ErrorCode() != unknownCode:
		text = FirstLine(api.ErrorMessage() + " (" + api.ErrorCode() + ")")
	case core == io.EOF, errors.Is(core, io.ErrUnexpectedEOF):
		text = "the connection was closed before the answer was complete"
	case core == context.DeadlineExceeded:
		text = "no answer in time"
	case core == context.Canceled:
		text = "interrupted"
	default:
		text = FirstLine(core.Error())
	}
	return shown{text, err}
}

// bare unwraps what the SDK and net/http put around an error.
func bare(err error) error {
	for {
		inner := inside(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// inside returns what the outermost wrapper of the SDK or net/http in err holds, nil if there is none.
func inside(err error) error {
	var (
		operation *smithy.OperationError
		attempts  *retry.MaxAttemptsError
		answer    *smithyhttp.ResponseError
		sending   *smithyhttp.RequestSendError
		decoding  *smithy.DeserializationError
		cancelled *smithy.CanceledError
		address   *url.Error
	)
	switch {
	case errors.As(err, &operation):
		return operation.Err
	case errors.As(err, &attempts):
		return attempts.Err
	case errors.As(err, &answer):
		return answer.Err
	case errors.As(err, &sending):
		return sending.Err
	case errors.As(err, &decoding):
		return decoding.Err
	case errors.As(err, &cancelled):
		return cancelled.Err
	case errors.As(err, &address):
		return address.Err
	}
	return nil
}
