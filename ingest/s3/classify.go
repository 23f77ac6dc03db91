package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sluice/internal/awscreds"
	"sluice/internal/fault"
)

// The names of what is tried, in every error of this package.
const (
	op     = "s3"
	opList = "s3.ListObjectsV2"
	opGet  = "s3.GetObject"
)

var (
	// errNoObject says that S3 knows the bucket and no such object in it.
	errNoObject = errors.New("there is no such object")
	// errChanged says that the object is another one than the one that was begun.
	errChanged = errors.New("the object has changed")
)

// A verdict is what an error code of S3 means. What to do ends the sentence an operator reads.
type verdict struct {
	class  fault.Class
	reason string
	todo   string
}

var (
	toldRegion = verdict{fault.Blocked, "wrong_region", "set SLUICE_S3_REGION to the region of the bucket"}
	denied     = verdict{fault.Blocked, "forbidden", "allow the caller s3:ListBucket on the bucket, s3:GetObject on its objects and, where they are encrypted with a key of KMS, kms:Decrypt on that"}
	unknown    = verdict{fault.Blocked, "unauthorized", "renew or correct the credentials that the AWS_* settings lead to"}
	less       = verdict{fault.Throttled, "throttled", ""}
	skewed     = verdict{fault.Transient, "clock_skew", "set the clock"}
	theirs     = verdict{fault.Transient, "server_error", ""}
	noKey      = verdict{fault.Blocked, "decrypt_denied", "enable the key of KMS that the object is encrypted with, or write the object again with another"}
)

// verdicts on the codes of S3 (its API reference, "Error responses").
var verdicts = map[string]verdict{
	"NoSuchBucket":                       {fault.Blocked, "not_found", "check SLUICE_S3_BUCKET"},
	"NoSuchAccessPoint":                  {fault.Blocked, "not_found", "check SLUICE_S3_BUCKET"},
	"InvalidBucketName":                  {fault.Blocked, "not_found", "check SLUICE_S3_BUCKET"},
	"AccessDenied":                       denied,
	"AccountProblem":                     denied,
	"AllAccessDisabled":                  denied,
	"InvalidPayer":                       denied,
	"ExpiredToken":                       unknown,
	"InvalidToken":                       unknown,
	"TokenRefreshRequired":               unknown,
	"InvalidAccessKeyId":                 unknown,
	"SignatureDoesNotMatch":              unknown,
	"InvalidSecurity":                    unknown,
	"NotSignedUp":                        unknown,
	"PermanentRedirect":                  toldRegion,
	"TemporaryRedirect":                  toldRegion,
	"Redirect":                           toldRegion,
	"AuthorizationHeaderMalformed":       toldRegion,
	"IllegalLocationConstraintException": toldRegion,
	"SlowDown":                           less,
	"ServiceUnavailable":                 less,
	"Throttling":                         less,
	"ThrottlingException":                less,
	"TooManyRequests":                    less,
	"RequestLimitExceeded":               less,
	"BandwidthLimitExceeded":             less,
	"RequestTimeTooSkewed":               skewed,
	"RequestExpired":                     skewed,
	"InternalError":                      theirs,
	"OperationAborted":                   theirs,
	"RequestTimeout":                     theirs,
	"InvalidObjectState":                 {fault.Blocked, "object_archived", "restore it to be read, or move it out of the prefix; reading goes on with it then"},
	"KMS.DisabledException":              noKey,
	"KMS.KMSInvalidStateException":       noKey,
	"KMS.InvalidStateException":          noKey,
	"KMS.NotFoundException":              noKey,
	"KMS.ThrottlingException":            less,
}

// stale are the codes that newer credentials may mend.
var stale = map[string]bool{"ExpiredToken": true, "InvalidToken": true, "TokenRefreshRequired": true, "InvalidAccessKeyId": true}

// byStatus is the verdict on an answer without a code that is known.
func byStatus(status int) verdict {
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return less
	case status >= 500, status == http.StatusRequestTimeout:
		return theirs
	case status == http.StatusUnauthorized:
		return unknown
	case status == http.StatusForbidden:
		return denied
	case status == http.StatusMovedPermanently, status == http.StatusTemporaryRedirect:
		return toldRegion
	case status == http.StatusProxyAuthRequired:
		return verdict{fault.Blocked, "unauthorized", "correct the user and password in HTTPS_PROXY"}
	case status == http.StatusNotFound:
		return verdict{fault.Blocked, "not_found", "check SLUICE_S3_BUCKET, and AWS_ENDPOINT_URL_S3 if it is set"}
	}
	return verdict{fault.Blocked, "refused", "check the settings SLUICE_S3_*, and AWS_ENDPOINT_URL_S3 if it is set"}
}

// call makes one request. If S3 calls the credentials expired or unknown, it is made once more with newer ones. Errors carry a
// verdict, but for errNoObject and errChanged.
func call[O any](ctx context.Context, s *Source, op, key string, do func(context.Context, func(*sdk.Options)) (*O, error)) (*O, error) {
	creds, err := s.aws.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	for again := false; ; again = true {
		watched, wire := awscreds.Watch(ctx)
		out, err := do(watched, func(o *sdk.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return creds, nil })
		})
		if err == nil {
			return out, nil
		}
		refused := s.classify(op, key, wire, err)
		if again || !stale[codeOf(err)] {
			return nil, refused
		}
		newer, err := s.aws.Refresh(ctx, creds)
		if err != nil {
			return nil, awscreds.NotRefreshed("S3", fault.From(refused), err)
		}
		creds = newer
	}
}

// classify is the only place that decides what an answer of S3 means.
func (s *Source) classify(op, key string, wire *awscreds.Wire, err error) error {
	where := s.Stream()
	if key != "" {
		where = s.name(key)
	}
	var answer *smithyhttp.ResponseError
	if awscreds.NoAnswer(err) || !errors.As(err, &answer) {
		e := wire.Fault(op, err)
		e.Ambiguous = false // reading changes nothing
		e.Err = fmt.Errorf("%s: %w", where, e.Err)
		return e
	}
	status, code := answer.HTTPStatusCode(), codeOf(err)
	switch {
	case op == opGet && code == "NoSuchKey":
		return errNoObject
	case op == opGet && (status == http.StatusPreconditionFailed || status == http.StatusRequestedRangeNotSatisfiable):
		return errChanged // nothing is asked for from the end on: it has become shorter where the condition was ignored
	}
	v, ok := verdicts[code]
	switch {
	case v == unknown && awscreds.Skewed(err):
		v = skewed // the SDK signs the next request with the time of S3
	case !ok:
		v = byStatus(status)
	}
	todo := v.todo
	if region := awscreds.Header(answer).Get("X-Amz-Bucket-Region"); v == toldRegion && region != "" {
		todo = "set SLUICE_S3_REGION=" + awscreds.FirstLine(region)
	}
	text := fmt.Sprintf("%s: %s", where, said(err, code, status))
	if todo != "" {
		text += "; " + todo
	}
	e := &fault.Error{Class: v.class, Reason: v.reason, Op: op, Err: errors.New(text)}
	if v.class == fault.Transient || v.class == fault.Throttled {
		e.RetryAfter = awscreds.RetryAfter(awscreds.Header(answer))
	}
	return e
}

// codeOf returns the error code of an answer; empty if it has none that can be read.
func codeOf(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() == "UnknownError" {
		return ""
	}
	return api.ErrorCode()
}

// said is what S3 said, in one line.
func said(err error, code string, status int) string {
	var api smithy.APIError
	if code == "" || !errors.As(err, &api) {
		return fmt.Sprintf("answered with status %d and no error that can be read", status)
	}
	return strings.TrimSpace(awscreds.FirstLine(api.ErrorMessage()) + " (" + awscreds.FirstLine(code) + ")")
}
