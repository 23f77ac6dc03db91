package apigateway

import (
	"errors"
	"fmt"
	"strings"

	"sluice/internal/awslocal/sigv4"
)

// authenticate verifies the signature, for the service name execute-api.
func (a *API) authenticate(c *call) *gatewayResponse {
	if c.route.Public {
		return nil
	}
	caller, err := a.options.Verifier.Ahead(c.effect.Skew).Verify(c.r, c.body, "execute-api")
	if err != nil {
		return unauthenticated(err)
	}
	c.caller = &caller
	return nil
}

// unauthenticated words a refusal as the gateway does. The text of a wrong signature shows the canonical request and
// with it the client's own session token, as AWS's does.
func unauthenticated(err error) *gatewayResponse {
	var e *sigv4.Error
	if !errors.As(err, &e) {
		return badGateway
	}
	switch e.Reason {
	case sigv4.MissingToken:
		return missingToken
	case sigv4.Incomplete, sigv4.Presigned:
		return message(403, "IncompleteSignatureException", e.Message)
	case sigv4.UnknownKey, sigv4.InvalidToken:
		return message(403, "UnrecognizedClientException", e.Message)
	case sigv4.ExpiredToken:
		return message(403, "ExpiredTokenException", e.Message)
	case sigv4.SignatureDiffers:
		return message(403, "InvalidSignatureException", fmt.Sprintf(
			"%s\n\nThe Canonical String for this request should have been\n'%s'\n\nThe String-to-Sign should have been\n'%s'\n",
			e.Message, e.CanonicalRequest, e.StringToSign))
	default:
		return message(403, "InvalidSignatureException", e.Message)
	}
}

// authorize asks the policies whether the caller may invoke the method.
func (a *API) authorize(c *call) *gatewayResponse {
	if c.caller == nil && len(a.options.Policy.Resource) == 0 {
		return nil
	}
	because := a.options.Policy.refuses(c.caller, a.methodARN(c, a.options.Account))
	if because == "" {
		return nil
	}
	return a.denied(c, because)
}

// denied is the answer to a caller that may not invoke the method.
func (a *API) denied(c *call, because string) *gatewayResponse {
	who := "anonymous"
	if c.caller != nil {
		who = c.caller.ARN
	}
	account := a.options.Account // observed on AWS: all but the last four digits are masked
	masked := strings.Repeat("*", len(account)-4) + account[len(account)-4:]
	return &gatewayResponse{status: 403, kind: "AccessDeniedException", body: object("Message", fmt.Sprintf(
		"User: %s is not authorized to perform: execute-api:Invoke on resource: %s %s", who, a.methodARN(c, masked), because))}
}
