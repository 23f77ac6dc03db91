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

// A verdict is what an error code means, and what an operator is to do.
type verdict struct {
	class  fault.Class
	reason string
	todo   string
}

var (
	queueMissing   = verdict{fault.Blocked, "queue_missing", "create it or set SLUICE_SQS_QUEUE_URL"}
	denied         = verdict{fault.Blocked, "access_denied", "allow the caller sqs:SendMessage and sqs:GetQueueAttributes on the queue"}
	keyDenied      = verdict{fault.Blocked, "kms_denied", "allow the caller kms:GenerateDataKey and kms:Decrypt on the queue's key"}
	keyUnavailable = verdict{fault.Blocked, "kms_unavailable", "enable the queue's key, or give the queue another"}
	badURL         = verdict{fault.Blocked, "invalid_queue_url", "correct SLUICE_SQS_QUEUE_URL"}
	badSignature   = verdict{fault.Blocked, "bad_signature", "check the secret key that the AWS_* settings lead to, and the region"}
	keyUnknown     = verdict{fault.Blocked, "key_unknown", "renew or correct the credentials that the AWS_* settings lead to"}
	expired        = verdict{fault.Transient, "expired_token", ""}
	skewed         = verdict{fault.Transient, "clock_skew", "set the clock"}
	throttled      = verdict{fault.Throttled, "throttled", ""}
	keyThrottled   = verdict{fault.Throttled, "kms_throttled", ""}
	broken         = verdict{fault.Transient, "service_error", ""}
	badCharacters  = verdict{fault.Rejected, "invalid_characters", ""}
	badParameter   = verdict{fault.Rejected, "invalid_parameter", ""}
	tooLarge       = verdict{fault.Rejected, "request_too_large", ""}
	protocol       = verdict{fault.Blocked, "request_refused", "check that AWS_ENDPOINT_URL_SQS, if it is set, names a server that speaks SQS"}
)

// staleCredentials are the reasons to try once more with newer credentials.
var staleCredentials = map[string]bool{expired.reason: true, keyUnknown.reason: true}

// verdicts on the codes of SQS as normal leaves them. Codes come first: SQS flags throttling by KMS as the sender's fault.
var verdicts = map[string]verdict{
	"QueueDoesNotExist": queueMissing,
	"NonExistentQueue":  queueMissing,
	"ResourceNotFound":  queueMissing,

	"AccessDenied":    denied,
	"NotAuthorized":   denied,
	"OptInRequired":   {fault.Blocked, "access_denied", "subscribe the account"},
	"InvalidSecurity": {fault.Blocked, "insecure_request", "use https and AWS credentials"},

	"InvalidAddress":       badURL,
	"UnsupportedOperation": protocol,

	"KmsAccessDenied": keyDenied, "KMS.AccessDenied": keyDenied,
	"KmsDisabled": keyUnavailable, "KMS.Disabled": keyUnavailable,
	"KmsNotFound": keyUnavailable, "KMS.NotFound": keyUnavailable,
	"KmsInvalidState": keyUnavailable, "KMS.InvalidState": keyUnavailable,
	"KmsInvalidKeyUsage": keyUnavailable, "KMS.InvalidKeyUsage": keyUnavailable,
	"KmsOptInRequired": keyUnavailable, "KMS.OptInRequired": keyUnavailable,
	"KmsThrottled": keyThrottled, "KMS.Throttling": keyThrottled,

	"RequestThrottled": throttled, "Throttling": throttled, "Throttled": throttled, "SlowDown": throttled,
	"TooManyRequests": throttled, "RequestLimitExceeded": throttled, "BandwidthLimitExceeded": throttled, "OverLimit": throttled,

	"ExpiredToken": expired, "TokenRefreshRequired": expired,
	"InvalidClientTokenId": keyUnknown, "UnrecognizedClient": keyUnknown, "InvalidAccessKeyId": keyUnknown,
	"InvalidSignature": badSignature, "SignatureDoesNotMatch": badSignature, "IncompleteSignature": badSignature,
	"AuthFailure": badSignature, "MissingAuthenticationToken": badSignature,
	"RequestTimeTooSkewed": skewed, "RequestExpired": skewed,

	"InternalError": broken, "InternalFailure": broken, "InternalServerError": broken, "ServiceUnavailable": broken,
	"ServiceFailure": broken, "RequestTimeout": broken,

	"InvalidMessageContents":       badCharacters,
	"InvalidParameterValue":        badParameter,
	"InvalidParameterCombination":  badParameter,
	"InvalidAttributeName":         badParameter,
	"InvalidAttributeValue":        badParameter,
	"ValidationError":              badParameter,
	"Validation":                   badParameter,
	"BatchRequestTooLong":          tooLarge,
	"TooManyEntriesInBatchRequest": tooLarge,

	"EmptyBatchRequest": protocol, "InvalidBatchEntryId": protocol, "BatchEntryIdsNotDistinct": protocol,
	"MalformedInput": protocol, "Serialization": protocol, "UnknownOperation": protocol, "InvalidAction": protocol,
	"UnsupportedProtocol": protocol,
	"MissingParameter":    protocol, "MissingRequiredParameter": protocol, // all our entries have the same
}

// signatureCodes may mean that the clock is wrong, which the SDK finds out from the Date of the answer.
var signatureCodes = map[string]bool{"InvalidSignature": true, "SignatureDoesNotMatch": true, "AuthFailure": true, "AccessDenied": true}

// normal strips what differs between servers and protocols from an error code.
func normal(code string) string {
	if _, after, ok := strings.Cut(code, "#"); ok {
		code = after
	}
	code, _, _ = strings.Cut(code, ":")
	code = strings.TrimPrefix(code, "AWS.SimpleQueueService.")
	return strings.TrimSuffix(code, "Exception")
}

// lookUp returns the verdict on a code, and whether there is one.
func lookUp(code string) (verdict, bool) {
	code = normal(code)
	if v, ok := verdicts[code]; ok {
		return v, true
	}
	switch {
	case strings.HasSuffix(code, "Throttled"), strings.HasSuffix(code, "Throttling"):
		return throttled, true
	case strings.HasPrefix(strings.ToUpper(code), "KMS"): // I4: the key's state, though flagged as the sender's fault
		return keyUnavailable, true
	}
	return verdict{}, false
}

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
	e.Ambiguous = op == opSend && (status >= 500 || status < 300)
	if v.class == fault.Transient || v.class == fault.Throttled {
		e.RetryAfter = retryAfter(answer.Response)
	}
	return e
}

// unknownCode is what the SDK puts where an answer has no error code.
const unknownCode = "UnknownError"

// byStatus gives the verdict on an answer without a code we know: from a proxy, a captive portal, another server.
func byStatus(status int) verdict {
	switch {
	case status < 300:
		return verdict{fault.Blocked, "unexpected_answer", "check that AWS_ENDPOINT_URL_SQS, if it is set, and the proxy lead to SQS"}
	case status < 400:
		return verdict{fault.Blocked, "redirected", "set the address that it is redirected to; redirects are not followed"}
	case status == http.StatusRequestEntityTooLarge:
		return tooLarge
	case status == http.StatusTooManyRequests:
		return throttled
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return verdict{fault.Blocked, "access_denied", "check the credentials, the permission to send to the queue, and the proxy"}
	case status == http.StatusNotFound:
		return badURL
	case status == http.StatusRequestTimeout, status >= 500:
		return broken
	}
	return verdict{fault.Transient, "unexpected_answer", ""}
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

// classifyEntry gives the verdict on one entry that SQS reports as failed.
func classifyEntry(f types.BatchResultErrorEntry) error {
	v, ok := lookUp(aws.ToString(f.Code))
	switch {
	case !ok && f.SenderFault:
		v = verdict{fault.Rejected, "entry_refused", ""}
	case !ok:
		v = verdict{fault.Transient, "entry_failed", ""}
	}
	text := strings.TrimSpace(awscreds.FirstLine(aws.ToString(f.Message)) + " (" + aws.ToString(f.Code) + ")")
	if v.todo != "" {
		text += "; " + v.todo
	}
	return &fault.Error{Class: v.class, Reason: v.reason, Op: opSend, Err: errors.New(text)}
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
