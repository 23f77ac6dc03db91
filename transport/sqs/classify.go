package sqs

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sluice/internal/awscreds"
	"sluice/internal/fault"
)

// classify gives the verdict on a request that failed as a whole.
func (t *Transport) classify(op string, wire *awscreds.Wire, err error) *fault.Error {
	var answer *smithyhttp.ResponseError
	if awscreds.NoAnswer(err) || !errors.As(err, &answer) {
		e := wire.Fault(op, err)
		e.Err = fmt.Errorf("queue %q in %s: %w", t.cfg.where(), t.region, e.Err)
		return e
	}
	status := answer.HTTPStatusCode()
	code := ""
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != unknownCode {
		code = normal(api.ErrorCode())
	}
	v, ok := lookUp(code)
	switch {
	case signatureCodes[code] && sdkFoundSkew(err):
		v = skewed
	case !ok:
		v = byStatus(status)
	}
	if v.class == fault.Rejected && op != opSend {
		v = protocol // I4: there is no record in this request
	}
	e := &fault.Error{Class: v.class, Reason: v.reason, Op: op, Err: t.text(v, api, code, status)}
	e.Ambiguous = op == opSend && inDoubt(status)
	if v.class == fault.Transient || v.class == fault.Throttled {
		e.RetryAfter = retryAfter(answer.Response)
	}
	return e
}

// text is what an operator reads.
func (t *Transport) text(v verdict, api smithy.APIError, code string, status int) error {
	said := fmt.Sprintf("answered with status %d and no error that can be read", status)
	if api != nil && code != "" {
		said = awscreds.FirstLine(api.ErrorMessage())
		if said == "" {
			said = fmt.Sprintf("status %d", status)
		}
		said += " (" + code + ")"
	}
	if v.todo != "" {
		said += "; " + v.todo
	}
	return fmt.Errorf("queue %q in %s: %s", t.cfg.where(), t.region, said)
}

// sdkFoundSkew reports whether the SDK found that the clocks differ by more than SQS allows. It signs the next request
// of this client with the time of SQS, and stops doing so when the clocks agree again.
func sdkFoundSkew(err error) bool {
	var s interface{ RetryableError() bool }
	return errors.As(err, &s) && s.RetryableError()
}

// classifyEntry gives the verdict on one entry that SQS reports as failed. alone says that no other was in its request.
func classifyEntry(f types.BatchResultErrorEntry, alone bool) error {
	v, ok := lookUp(aws.ToString(f.Code))
	whole := false
	switch {
	case !ok && f.SenderFault:
		v = entryRefused
		whole = !alone // I4: nobody knows the code, so the record is asked about once more by itself
	case !ok:
		v = entryFailed
	}
	text := strings.TrimSpace(awscreds.FirstLine(aws.ToString(f.Message)) + " (" + aws.ToString(f.Code) + ")")
	if v.todo != "" {
		text += "; " + v.todo
	}
	return &fault.Error{Class: v.class, Reason: v.reason, Op: opSend, Whole: whole, Err: errors.New(text)}
}

// notRefreshed is the verdict where SQS refused the credentials and there are no newer ones.
func notRefreshed(refused *fault.Error, err error) error {
	e := *fault.From(err)
	if e.Class == fault.Blocked {
		e.Reason = refused.Reason // the reason of SQS is nearer to the cause
	}
	e.Err = fmt.Errorf("%w (SQS had refused the last ones: %w)", e.Err, refused.Err)
	return &e
}

// retryAfter reads how long the answer asks to wait: seconds or a date in Retry-After, milliseconds in x-amz-retry-after.
func retryAfter(resp *smithyhttp.Response) time.Duration {
	if resp == nil || resp.Response == nil {
		return 0
	}
	if ms, err := strconv.ParseFloat(resp.Header.Get("X-Amz-Retry-After"), 64); err == nil {
		return clamp(ms / 1000)
	}
	value := resp.Header.Get("Retry-After")
	if s, err := strconv.ParseFloat(value, 64); err == nil {
		return clamp(s)
	}
	if at, err := http.ParseTime(value); err == nil {
		return clamp(time.Until(at).Seconds())
	}
	return 0
}

// clamp turns seconds that a stranger named into a wait between none and an hour.
func clamp(seconds float64) time.Duration {
	if math.IsNaN(seconds) || seconds <= 0 {
		return 0
	}
	return time.Duration(min(seconds, 3600) * float64(time.Second))
}
