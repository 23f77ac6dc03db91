package apigateway

import (
	"net/http"
	"slices"
	"strings"

	"sluice/internal/fault"
)

// A verdict is what an answer means, and what an operator is to do.
type verdict struct {
	class  fault.Class
	reason string
	todo   string
}

var (
	expired       = verdict{fault.Transient, "expired_token", ""}
	clockSkew     = verdict{fault.Transient, "clock_skew", "set the clock"}
	badSignature  = verdict{fault.Blocked, "bad_signature", "check the secret key that the AWS_* settings lead to, SLUICE_APIGATEWAY_REGION, and that no proxy changes the request"}
	keyUnknown    = verdict{fault.Blocked, "key_unknown", "renew or correct the credentials that the AWS_* settings lead to"}
	denied        = verdict{fault.Blocked, "access_denied", "allow the caller execute-api:Invoke on this method, in its policy and in the API's"}
	forbidden     = verdict{fault.Blocked, "api_key_refused", "check SLUICE_APIGATEWAY_API_KEY and its usage plan, the stage in SLUICE_APIGATEWAY_URL, and what stands before the API (firewall, VPC endpoint)"}
	filtered      = verdict{fault.Rejected, "filtered", "look into the log of the web ACL before the API"}
	elsewhere     = verdict{fault.Blocked, "access_denied", "check what stands before the API (proxy, firewall), and its policy"}
	wrongPath     = verdict{fault.Blocked, "wrong_path", "there is no such path or no POST on it; correct SLUICE_APIGATEWAY_URL, or deploy the stage"}
	badBody       = verdict{fault.Rejected, "invalid_body", ""}
	noParameter   = verdict{fault.Blocked, "parameter_missing", "the method demands what no record brings; drop that, or put query parameters into SLUICE_APIGATEWAY_URL"}
	throttled     = verdict{fault.Throttled, "throttled", ""}
	quota         = verdict{fault.Throttled, "quota_exhausted", "raise the quota of the usage plan or wait for its next period"}
	broken        = verdict{fault.Transient, "service_error", ""}
	late          = verdict{fault.Transient, "integration_timeout", "let what is behind the API answer within its limit"}
	unexpected    = verdict{fault.Blocked, "unexpected_answer", "check that SLUICE_APIGATEWAY_URL leads to the API, and SLUICE_APIGATEWAY_SUCCESS"}
	functionError = verdict{fault.Transient, "function_error", "look into the log of the function behind the API"}
)

// staleCredentials are the reasons to try once more with newer credentials.
var staleCredentials = map[string]bool{expired.reason: true, keyUnknown.reason: true}

// A finding is what the rules look at in an answer that is no success.
type finding struct {
	status int
	kind   string // x-amzn-ErrorType, without the suffix "Exception"
	said   string // the message
	json   bool   // it says that it is JSON
	failed bool   // the body is an object with errorMessage
	ours   bool   // it bears a mark of API Gateway, or is at least JSON
	waf    bool   // the owner's template says that it is a response of type WAF_FILTERED
	skewed bool   // its Date is further from the time of signing than a signature may be
}

// refusal reports whether the caller was refused, and not the request.
func (f finding) refusal() bool {
	return f.status == http.StatusForbidden || f.status == http.StatusBadRequest && knownKinds[f.kind]
}

// is reports whether a refusal has one of these types, or begins with one of these texts and has no type that says
// something else. The type of some is not documented, and an owner may drop it; a refused signature has been seen as the
// type of unknown keys.
func (f finding) is(kinds []string, texts ...string) bool {
	if !f.refusal() {
		return false
	}
	vague := !knownKinds[f.kind] || slices.Contains(signatureKinds, f.kind)
	return slices.Contains(kinds, f.kind) && !(slices.Contains(signatureKinds, f.kind) && f.named()) ||
		vague && slices.ContainsFunc(texts, func(t string) bool { return strings.HasPrefix(f.said, t) })
}

// named reports whether the text says what is wrong, where the type does not.
func (f finding) named() bool {
	return slices.ContainsFunc(slices.Concat(expiredTexts, unknownTexts), func(t string) bool { return strings.HasPrefix(f.said, t) })
}

// The types and the fixed texts of refusals of the caller.
var (
	expiredKinds   = []string{"ExpiredToken"}
	expiredTexts   = []string{"The security token included in the request is expired"}
	unknownKinds   = []string{"InvalidClientTokenId", "UnrecognizedClient"}
	unknownTexts   = []string{"The security token included in the request is invalid"}
	signatureKinds = []string{"InvalidSignature", "SignatureDoesNotMatch", "IncompleteSignature"}
	signatureTexts = []string{"The request signature we calculated does not match", "Signature expired", "Signature not yet current", "Credential should be scoped"}
	pathKinds      = []string{"MissingAuthenticationToken"}
	pathTexts      = []string{"Missing Authentication Token"}
	deniedKinds    = []string{"AccessDenied"}
	deniedTexts    = []string{"User: "}
	keyKinds       = []string{"Forbidden"}
	keyTexts       = []string{"Forbidden"}
)

// knownKinds are the types by which a refusal is one of the caller.
var knownKinds = func() map[string]bool {
	known := map[string]bool{}
	for _, kind := range slices.Concat(expiredKinds, unknownKinds, signatureKinds, pathKinds, deniedKinds, keyKinds) {
		known[kind] = true
	}
	return known
}()

// A rule is a line of the table.
type rule struct {
	says string // for people
	fits func(finding) bool
	verdict
	doubt bool // the function may have run all the same
}

// rules judge an answer that is no success: the first that fits counts. The status comes first, because API Gateway lets
// its owner rewrite the rest of an answer; then the type, then the text.
var rules = []rule{
	{"200 and JSON with errorMessage: a function that failed behind an integration that is no proxy",
		func(f finding) bool { return f.status < 300 && f.json && f.failed }, functionError, true},
	{"2xx with anything else that is not the expected answer: HTML, nothing, half an object, a list",
		func(f finding) bool { return f.status < 300 }, unexpected, true},
	{"3xx; never followed", func(f finding) bool { return f.status < 400 },
		verdict{fault.Blocked, "redirected", "set the address that it is redirected to; redirects are not followed"}, false},

	{"refused, type ExpiredToken or \"The security token included in the request is expired\"; renewed and tried once more",
		func(f finding) bool { return f.is(expiredKinds, expiredTexts...) }, expired, false},
	{"refused, type InvalidClientTokenId or UnrecognizedClient or \"The security token included in the request is invalid\"; renewed and tried once more",
		func(f finding) bool { return f.is(unknownKinds, unknownTexts...) }, keyUnknown, false},
	{"refused signature, and Date is more than 4 min from our time; signed by that time and tried once more",
		func(f finding) bool { return f.is(signatureKinds, signatureTexts...) && f.skewed }, clockSkew, false},
	{"refused, type InvalidSignature, SignatureDoesNotMatch or IncompleteSignature or the text of a refused signature",
		func(f finding) bool { return f.is(signatureKinds, signatureTexts...) }, badSignature, false},
	{"403 type MissingAuthenticationToken or \"Missing Authentication Token\": no such path or method",
		func(f finding) bool { return f.is(pathKinds, pathTexts...) }, wrongPath, false},
	{"403 type AccessDenied or \"User: … is not authorized\"",
		func(f finding) bool { return f.is(deniedKinds, deniedTexts...) }, denied, false},
	{"403 and \"WAF_FILTERED\" in the answer, where its template shows $context.error.responseType",
		func(f finding) bool { return f.status == http.StatusForbidden && f.waf }, filtered, false},
	{"403 type Forbidden or \"Forbidden\": API key, wrong stage, or a firewall that does not say so",
		func(f finding) bool { return f.is(keyKinds, keyTexts...) }, forbidden, false},
	{"403 in any other words", status(http.StatusForbidden), elsewhere, false},

	{"429 type LimitExceeded, or without a type \"Limit Exceeded\": the quota is used up; not before 5 min", func(f finding) bool {
		return f.status == http.StatusTooManyRequests && (f.kind == "LimitExceeded" || f.kind == "" && f.said == "Limit Exceeded")
	}, quota, false},
	{"429 of any other kind; not before 1 s", status(http.StatusTooManyRequests), throttled, false},

	// I4: somebody on the way does not understand the request; that is not the record's fault.
	{"400 or 422 without a mark of API Gateway that is not JSON", func(f finding) bool { return f.bad() && !f.ours }, unexpected, false},
	// I4: all records are alike in what they do not bring.
	{"400 or 422 \"Missing required request parameters\", and none of them is a header of the record", func(f finding) bool {
		return f.bad() && strings.HasPrefix(f.said, missingParameters) && !strings.Contains(strings.ToLower(f.said), ownHeaders)
	}, noParameter, false},
	{"400 or 422 of any other kind: the model or the function refuses the body", finding.bad, badBody, false},

	{"401", status(http.StatusUnauthorized),
		verdict{fault.Blocked, "unauthorized", "the API wants something else than AWS_IAM; correct its authorization or SLUICE_APIGATEWAY_URL"}, false},
	{"404, 405", status(http.StatusNotFound, http.StatusMethodNotAllowed), wrongPath, false},
	{"407", status(http.StatusProxyAuthRequired), verdict{fault.Blocked, "proxy_refused", "correct the user and password in HTTPS_PROXY"}, false},
	{"408", status(http.StatusRequestTimeout), verdict{fault.Transient, "timeout", ""}, true},
	{"413", status(http.StatusRequestEntityTooLarge), verdict{fault.Rejected, "record_too_large", ""}, false},
	{"414", status(http.StatusRequestURITooLong), verdict{fault.Blocked, "url_too_long", "shorten SLUICE_APIGATEWAY_URL"}, false},
	{"415", status(http.StatusUnsupportedMediaType), verdict{fault.Blocked, "unsupported_media_type", "correct SLUICE_APIGATEWAY_CONTENT_TYPE"}, false},
	{"431", status(http.StatusRequestHeaderFieldsTooLarge), verdict{fault.Blocked, "headers_too_large", "shorten the headers that all records have"}, false},
	{"504: the integration did not answer in time, or failed", status(http.StatusGatewayTimeout), late, true},
	{"500, 502, 503 and other 5xx", func(f finding) bool { return f.status >= 500 }, broken, true},
	{"4xx of any other kind", func(finding) bool { return true }, verdict{fault.Transient, "unexpected_answer", ""}, false},
}

// status fits answers with one of these.
func status(list ...int) func(finding) bool {
	return func(f finding) bool { return slices.Contains(list, f.status) }
}

func (f finding) bad() bool {
	return f.status == http.StatusBadRequest || f.status == http.StatusUnprocessableEntity
}

// judge returns the rule for a finding, as its index.
func judge(f finding) int {
	return slices.IndexFunc(rules, func(r rule) bool { return r.fits(f) }) // the last fits all
}

const (
	missingParameters = "Missing required request parameters" // how API Gateway begins; the names follow
	ownHeaders        = "x-sluice-"                           // the headers that records differ in
	wafResponse       = "WAF_FILTERED"                        // API Gateway: the type of the response to what AWS WAF has blocked
)

// Verdicts is the table of this driver, with what happens without an answer.
func Verdicts() []fault.Verdict {
	var all []fault.Verdict
	for _, r := range rules {
		all = append(all, fault.Verdict{Says: r.says, Class: r.class, Reason: r.reason, Ambiguous: r.doubt, Todo: r.todo})
	}
	return append(all, fault.Verdict{Says: "500 or 502 to one record SLUICE_APIGATEWAY_REJECT_AFTER times, while others are accepted; off unless set",
		Class: keepsFailing.class, Reason: keepsFailing.reason, Ambiguous: true, Todo: keepsFailing.todo})
}
