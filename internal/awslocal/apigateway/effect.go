package apigateway

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"sluice/internal/awslocal/sigv4"
)

// An Effect is what a scripted fault makes of one request. The zero Effect changes nothing.
type Effect struct {
	Refuse *Refusal            // the request is refused once it has passed all checks
	Wrap   func(Lambda) Lambda // what is called instead of the route's integration
	Skew   time.Duration       // how far the gateway's clock is ahead when it checks the signature
}

// A Refusal names a gateway response. An empty Message and a Status of 0 are those that go with the code; an unknown code
// is answered as it stands.
type Refusal struct {
	Code, Message string
	Status        int
}

var serviceUnavailable = message(503, "ServiceUnavailableException", "Service Unavailable")

// response is the gateway response that f names.
func (a *API) response(f *Refusal, c *call) *gatewayResponse {
	g := *a.named(strings.TrimSuffix(f.Code, "Exception"), c)
	if g.kind == "" && !g.plain {
		g = *message(400, strings.TrimSuffix(f.Code, "Exception")+"Exception", "The request was refused.")
	}
	if f.Message != "" {
		g.body = object("message", f.Message)
	}
	g.status = cmp.Or(f.Status, g.status)
	return &g
}

// named finds a gateway response by its code; codes of the other services stand for what is nearest to them here. It is
// empty for an unknown code.
func (a *API) named(code string, c *call) *gatewayResponse {
	switch code {
	case "TooManyRequests", "Throttling", "RequestThrottled":
		return tooManyRequests
	case "LimitExceeded":
		return limitExceeded
	case "Forbidden":
		return forbidden
	case "AccessDenied":
		return a.denied(c, "with an explicit deny in a resource-based policy")
	case "InvalidSignature", "SignatureDoesNotMatch":
		return message(http.StatusForbidden, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided.")
	case "ExpiredToken":
		return unauthenticated(&sigv4.Error{Reason: sigv4.ExpiredToken, Message: "The security token included in the request is expired"})
	case "UnrecognizedClient", "InvalidClientTokenId":
		return unauthenticated(&sigv4.Error{Reason: sigv4.UnknownKey, Message: "The security token included in the request is invalid."})
	case "MissingAuthenticationToken":
		return missingToken
	case "InternalError", "InternalFailure", "InternalServerError":
		return message(http.StatusInternalServerError, "InternalServerErrorException", "Internal server error")
	case "BadGateway":
		return badGateway
	case "ServiceUnavailable":
		return serviceUnavailable
	case "GatewayTimeout":
		return timedOut
	case "RequestTooLarge":
		return tooLarge
	}
	return &gatewayResponse{}
}
