package apigateway

import (
	"encoding/json"
	"net/http"
	"strings"
)

// A gatewayResponse is an answer that the gateway itself gives.
type gatewayResponse struct {
	status int
	kind   string // x-amzn-ErrorType
	body   string
	plain  bool // text/plain, and no error type
}

// The default gateway responses. Where a body has a space after its colon, so has AWS's.
var (
	missingToken         = message(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
	forbidden            = message(403, "ForbiddenException", "Forbidden")
	tooManyRequests      = message(429, "TooManyRequestsException", "Too Many Requests")
	limitExceeded        = message(429, "LimitExceededException", "Limit Exceeded")
	invalidBody          = message(400, "BadRequestException", "Invalid request body")
	unsupportedMediaType = message(415, "BadRequestException", "Unsupported Media Type")
	uriTooLong           = message(414, "RequestTooLargeException", "Request URI too long")
	requestTooLong       = message(413, "RequestTooLargeException", "Request Too Long")
	timedOut             = message(504, "InternalServerErrorException", "Endpoint request timed out")
	badGateway           = &gatewayResponse{status: 502, kind: "InternalServerErrorException", body: `{"message": "Internal server error"}`}
	tooLarge             = &gatewayResponse{status: 413, body: "HTTP content length exceeded 10485760 bytes.", plain: true}
)

func message(status int, kind, text string) *gatewayResponse {
	return &gatewayResponse{status: status, kind: kind, body: object("message", text)}
}

// object is a JSON object of one member, with no escapes that JSON does not ask for.
func object(key, text string) string {
	return `{"` + key + `":` + quote(text) + `}`
}

// quote makes a JSON string of text, and leaves <, > and & as they are.
func quote(text string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		panic(err) // a string always marshals
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (g *gatewayResponse) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if g.plain {
		h.Set("Content-Type", "text/plain")
	} else {
		h.Set("Content-Type", "application/json")
		h.Set("X-Amzn-Errortype", g.kind)
	}
	w.WriteHeader(g.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(g.body))
	}
}

// TooLarge answers a request whose body is over MaxBody and was therefore not read.
func TooLarge(w http.ResponseWriter, r *http.Request) { tooLarge.write(w, r) }
