package awscreds

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sluice/internal/fault"
)

// A verdict is what an error code of STS means. What to do ends the sentence an operator reads.
type verdict struct {
	class  fault.Class
	reason string
	todo   string
}

const fixBase = "renew or correct the credentials that the AWS_* settings lead to"

// verdicts on the codes of STS, without the suffix "Exception".
var verdicts = map[string]verdict{
	"AccessDenied":               {fault.Blocked, "role_denied", "check the trust policy of the role, SLUICE_ROLE_EXTERNAL_ID, and that the caller may sts:AssumeRole"},
	"ExpiredToken":               {fault.Blocked, "expired_token", fixBase},
	"InvalidClientTokenId":       {fault.Blocked, "sts_refused", fixBase},
	"UnrecognizedClient":         {fault.Blocked, "sts_refused", fixBase},
	"SignatureDoesNotMatch":      {fault.Blocked, "sts_refused", fixBase},
	"InvalidSignature":           {fault.Blocked, "sts_refused", fixBase},
	"IncompleteSignature":        {fault.Blocked, "sts_refused", fixBase},
	"MissingAuthenticationToken": {fault.Blocked, "sts_refused", fixBase},
	"OptInRequired":              {fault.Blocked, "sts_refused", "subscribe the account"},
	"ValidationError":            {fault.Blocked, "role_invalid", "check SLUICE_ROLE_ARN, and that the role allows SLUICE_ROLE_DURATION (one hour at most if the caller is a role itself)"},
	"MalformedPolicyDocument":    {fault.Blocked, "role_invalid", "check the policies of the role"},
	"PackedPolicyTooLarge":       {fault.Blocked, "role_invalid", "check the policies of the role"},
	"SessionDurationEscalation":  {fault.Blocked, "role_invalid", "set SLUICE_ROLE_DURATION to one hour or less"},
	"RegionDisabled":             {fault.Blocked, "sts_region_disabled", "activate STS in this region or set SLUICE_ROLE_STS_REGION"},
	"RequestExpired":             {fault.Transient, "clock_skew", "set the clock"},
	"RequestTimeTooSkewed":       {fault.Transient, "clock_skew", "set the clock"},
	"Throttling":                 {fault.Throttled, "sts_throttled", ""},
	"Throttled":                  {fault.Throttled, "sts_throttled", ""},
	"TooManyRequests":            {fault.Throttled, "sts_throttled", ""},
	"RequestLimitExceeded":       {fault.Throttled, "sts_throttled", ""},
}

// classifySTS gives the verdict on an error of a call to STS; doing says what was tried, such as "assume arn:…".
func classifySTS(op, doing string, w *Wire, err error) error {
	if known := (*fault.Error)(nil); errors.As(err, &known) {
		return known // the credentials that the call was to be signed with could not be had
	}
	var answer *smithyhttp.ResponseError
	if NoAnswer(err) || !errors.As(err, &answer) {
		return withoutAnswer(op, doing, w, err)
	}
	code := codeOf(err)
	v, ok := verdicts[code]
	switch {
	case Skewed(err):
		v = verdicts["RequestExpired"]
	case !ok && answer.HTTPStatusCode() == 429:
		v = verdicts["Throttling"]
	case !ok && (answer.HTTPStatusCode() == 401 || answer.HTTPStatusCode() == 403):
		v = verdict{fault.Blocked, "sts_refused", fixBase}
	case !ok && answer.HTTPStatusCode() == 407:
		v = verdict{fault.Blocked, "sts_refused", "correct the user and password in HTTPS_PROXY"}
	case !ok:
		v = verdict{fault.Transient, "sts_unavailable", ""}
	}
	err = fmt.Errorf("%s: %s", doing, answerText(err, answer.HTTPStatusCode()))
	if v.todo != "" {
		err = fmt.Errorf("%w; %s", err, v.todo)
	}
	return &fault.Error{Class: v.class, Reason: v.reason, Op: op, Err: err}
}

// withoutAnswer gives the verdict on a call to STS that was not answered.
func withoutAnswer(op, doing string, w *Wire, err error) error {
	e := w.Fault(op, err)
	e.Ambiguous = false // asking STS twice does no harm
	called := doing
	if host := w.Host(); host != "" {
		called += ": call STS at " + host
	}
	e.Err = fmt.Errorf("%s: %w", called, e.Err)
	if e.Class == fault.Transient && e.Reason != "cancelled" {
		e.Reason = "sts_unavailable"
		e.Err = fmt.Errorf("%w; check the network, HTTPS_PROXY, and AWS_ENDPOINT_URL_STS if it is set", e.Err)
	}
	return e
}

// codeOf returns the error code of an answer of AWS, without the suffix "Exception"; empty if it has none.
func codeOf(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	return strings.TrimSuffix(api.ErrorCode(), "Exception")
}

// unknownCode is what the SDK puts where an answer has no error code.
const unknownCode = "UnknownError"

// answerText is what the peer said, in one line.
func answerText(err error, status int) string {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorMessage() != "" && api.ErrorCode() != unknownCode {
		return fmt.Sprintf("%s (%s)", FirstLine(api.ErrorMessage()), api.ErrorCode())
	}
	return fmt.Sprintf("answered with status %d and no error that can be read", status)
}

const maxLine = 300

// tokenLike finds what may be a session token that a peer has sent back: nothing that people read is so long and unbroken.
var tokenLike = regexp.MustCompile(`[A-Za-z0-9+/=_-]{100,}`)

// FirstLine is what may be shown of a text that AWS answered: its first line, at most 300 characters, without control
// characters. After it, a refused signature is explained by our own request, session token and all.
func FirstLine(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	text = tokenLike.ReplaceAllString(text, "***")
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	if runes := []rune(text); len(runes) > maxLine {
		text = string(runes[:maxLine]) + "…"
	}
	return strings.TrimSpace(text)
}

const lookedFor = "no credentials found in the environment (AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE), the profile " +
	"(AWS_PROFILE), the container (AWS_CONTAINER_CREDENTIALS_*_URI) or the instance metadata (in a container on EC2 its hop limit must be 2)"

// classifyChain gives the verdict on an error of the default chain. none says that the chain has come to its end, the
// instance metadata, and that nothing has ever been found there.
func classifyChain(err error, none bool) error {
	var api smithy.APIError
	err = fromChain(err)
	switch {
	case none:
		return &fault.Error{Class: fault.Blocked, Reason: "no_credentials", Op: "awscreds",
			Err: fmt.Errorf("%s: %w; provide one of them", lookedFor, err)}
	case errors.As(err, &api) && verdicts[codeOf(err)].class == fault.Blocked && verdicts[codeOf(err)].reason != "":
		return &fault.Error{Class: fault.Blocked, Reason: verdicts[codeOf(err)].reason, Op: "awscreds",
			Err: fmt.Errorf("get the credentials that the AWS_* settings lead to: %w", err)}
	}
	return &fault.Error{Reason: "credentials_unavailable", Op: "awscreds",
		Err: fmt.Errorf("get the credentials that the AWS_* settings lead to: %w", err)}
}

// fromChain is plain, with the name of the call that failed: the chain makes calls of several services.
func fromChain(err error) error {
	var call *smithy.OperationError
	if !errors.As(err, &call) {
		return plain(err)
	}
	return shown{fmt.Sprintf("%s %s: %v", call.ServiceID, call.OperationName, plain(err)), err}
}

// unchanged is the verdict on credentials that a service has refused as expired and that nobody replaces.
func unchanged(rejected aws.Credentials) error {
	return &fault.Error{Class: fault.Blocked, Reason: "expired_token", Op: "awscreds",
		Err: fmt.Errorf("the credentials from %s have expired and there are no newer ones; renew them", sourceOf(rejected))}
}

func sourceOf(c aws.Credentials) string {
	if c.Source == "" {
		return "an unnamed source"
	}
	return c.Source
}
