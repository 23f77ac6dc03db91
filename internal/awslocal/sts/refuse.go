package sts

import (
	"cmp"
	"net/http"
	"strings"
)

// refusals are errors by their codes, without the suffix "Exception".
var refusals = map[string]fault{
	"AccessDenied":         {"AccessDenied", 403, "User is not authorized to perform: sts:AssumeRole"},
	"ExpiredToken":         {"ExpiredToken", 403, "The security token included in the request is expired"},
	"InvalidClientTokenId": {"InvalidClientTokenId", 403, "The security token included in the request is invalid"},
	"Throttling":           {"Throttling", 400, "Rate exceeded"},
	"InternalError":        {"InternalFailure", 500, "The service met an internal error; try again."},
	"InternalFailure":      {"InternalFailure", 500, "The service met an internal error; try again."},
	"ServiceUnavailable":   {"ServiceUnavailable", 503, "Service Unavailable"},
}

// Refuse answers a request with an error that was not found but asked for. An unknown code is answered as it stands; an
// empty message and a status of 0 are those that go with the code.
func (e *Engine) Refuse(w http.ResponseWriter, r *http.Request, code, message string, status int) {
	f, known := refusals[strings.TrimSuffix(code, "Exception")]
	if !known {
		f = fault{code, 400, "The request was refused."}
	}
	e.ServeError(w, r, f.code, cmp.Or(message, f.message), cmp.Or(status, f.status))
}
