package sqs

import (
	"net/http"
	"slices"
	"strings"

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
	entryRefused   = verdict{fault.Rejected, "entry_refused", ""}
	entryFailed    = verdict{fault.Transient, "entry_failed", ""}
	badEndpoint    = verdict{fault.Blocked, "unexpected_answer", "check that AWS_ENDPOINT_URL_SQS, if it is set, and the proxy lead to SQS"}
	redirected     = verdict{fault.Blocked, "redirected", "set the address that it is redirected to; redirects are not followed"}
	refusedByProxy = verdict{fault.Blocked, "access_denied", "check the credentials, the permission to send to the queue, and the proxy"}
	unclear        = verdict{fault.Transient, "unexpected_answer", ""}
	noMention      = verdict{fault.Transient, "no_answer", ""}
	mentionedTwice = verdict{fault.Transient, "unexpected_answer", ""}
	mismatch       = verdict{fault.Transient, "checksum_mismatch", "look for what alters the answers or the messages on the way to SQS"}
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

// unknownCode is what the SDK puts where an answer has no error code.
const unknownCode = "UnknownError"

// A statusRule is a line of the table for answers without a code that we know: from a proxy, a captive portal, another
// server.
type statusRule struct {
	says      string
	low, high int // statuses, both included
	verdict
}

// statuses are looked at in this order; the first and the last leave no gap.
var statuses = []statusRule{
	{"a success that is not the expected answer, such as HTML", 0, 299, badEndpoint},
	{"3xx; never followed", 300, 399, redirected},
	{"401", http.StatusUnauthorized, http.StatusUnauthorized, refusedByProxy},
	{"403", http.StatusForbidden, http.StatusForbidden, refusedByProxy},
	{"404", http.StatusNotFound, http.StatusNotFound, badURL},
	{"407", http.StatusProxyAuthRequired, http.StatusProxyAuthRequired, refusedByProxy},
	{"408", http.StatusRequestTimeout, http.StatusRequestTimeout, broken},
	{"413", http.StatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge, tooLarge},
	{"429", http.StatusTooManyRequests, http.StatusTooManyRequests, throttled},
	{"5xx", 500, 999, broken},
	{"4xx of any other kind", 400, 999, unclear},
}

func byStatus(status int) verdict {
	i := slices.IndexFunc(statuses, func(r statusRule) bool { return r.low <= status && status <= r.high })
	return statuses[max(i, 0)].verdict
}

// inDoubt reports whether a request with this status may have been carried out.
func inDoubt(status int) bool {
	return status >= 500 || status < 300 || status == http.StatusRequestTimeout
}

// Verdicts is the table of this driver: codes first, then statuses, then what an answer says of one entry.
func Verdicts() []fault.Verdict {
	var all []fault.Verdict
	codes := map[verdict][]string{}
	for code, v := range verdicts {
		codes[v] = append(codes[v], code)
	}
	for v, list := range codes {
		slices.Sort(list)
		line := fault.Verdict{Says: "code " + strings.Join(list, ", "), Class: v.class, Reason: v.reason, Whole: v.class == fault.Rejected, Todo: v.todo}
		if v == broken {
			line.Says += "; certain as the code of an entry"
			line.Ambiguous = true // such an answer has status 5xx
		}
		all = append(all, line)
	}
	slices.SortFunc(all, func(a, b fault.Verdict) int { return strings.Compare(a.Says, b.Says) })
	line := func(says string, v verdict, whole, ambiguous bool) {
		all = append(all, fault.Verdict{Says: says, Class: v.class, Reason: v.reason, Whole: whole, Ambiguous: ambiguous, Todo: v.todo})
	}
	line("any other code that ends in Throttled or Throttling", throttled, false, false)
	line("any other code that begins with KMS", keyUnavailable, false, false)
	line("a refused signature or AccessDenied, and Date is more than 4 min from our time; the next request is signed by that time", skewed, false, false)
	for _, r := range statuses {
		line("no known code, "+r.says, r.verdict, r.class == fault.Rejected, inDoubt(max(r.low, 200)))
	}
	line("entry failed, unknown code, not the sender's fault", entryFailed, false, false)
	line("entry failed, unknown code, the sender's fault", entryRefused, true, false)
	line("entry that the answer does not mention", noMention, false, true)
	line("entry that the answer mentions more than once", mentionedTwice, false, true)
	line("entry accepted with the digest of another body or other attributes", mismatch, false, true)
	return all
}
