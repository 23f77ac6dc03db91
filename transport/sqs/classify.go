package sqs

import (
	"errors"
	"fmt"
	"strings"

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
	case signatureCodes[code] && awscreds.Skewed(err):
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
		e.RetryAfter = awscreds.RetryAfter(awscreds.Header(answer))
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
