package sqs

import (
	"net/http"
	"strings"
)

// Refuse answers a request with an error that was not found but asked for. code is one of the service's, with or without
// its prefix; an unknown one is answered as it stands. An empty message and a status of 0 are those that go with the code.
func (e *Engine) Refuse(w http.ResponseWriter, r *http.Request, code, message string, status int) {
	id := newRequestID(w)
	f := named(code, message, status)
	if isJSON(r) {
		writeJSONError(w, f)
		return
	}
	writeXMLError(w, id, f)
}

// named is the error that a code names.
func named(code, message string, status int) *apiError {
	name := strings.TrimSuffix(strings.TrimPrefix(code, "AWS.SimpleQueueService."), "Exception")
	f, known := namedErrors()[name]
	if !known {
		f = apiError{shape: code, code: code, status: 400, message: "The request was refused."}
	}
	if message != "" {
		f.message, f.query = message, message
	}
	if status != 0 {
		f.status = status
	}
	return &f
}

// namedErrors are the errors of the service by their names without prefix and suffix. Statuses and shapes: the service model
// of AWS's SDKs; texts where they are known.
func namedErrors() map[string]apiError {
	all := map[string]apiError{
		"QueueDoesNotExist": *failure(errQueueDoesNotExist()),
		"NonExistentQueue":  *failure(errQueueDoesNotExist()),
		"OverLimit":         {shape: "OverLimit", code: "OverLimit", status: 403, message: "Too many messages in flight for this queue."},
		"RequestThrottled":  {shape: "RequestThrottled", code: "RequestThrottled", status: 403, message: "The request was denied due to request throttling."},
		"Throttling":        {shape: "ThrottlingException", coral: true, code: "ThrottlingException", status: 400, message: "Rate exceeded"},
		"InternalError":     {shape: "InternalError", coral: true, code: "InternalError", status: 500, message: "The service met an internal error; try again."},
		"InternalFailure":   {shape: "InternalFailure", coral: true, code: "InternalFailure", status: 500, message: "The service met an internal error; try again."},
		"ServiceUnavailable": {
			shape: "ServiceUnavailableException", coral: true, code: "ServiceUnavailable", status: 503, message: "Service Unavailable"},
		"InvalidSecurity":        {shape: "InvalidSecurity", code: "InvalidSecurity", status: 403, message: "The request was not secure."},
		"InvalidAddress":         {shape: "InvalidAddress", code: "InvalidAddress", status: 404, message: "The address https://sqs is not valid for this endpoint."},
		"InvalidMessageContents": *failure(errInvalidContents("#x0")),
		"InvalidParameterValue":  *failure(errInvalidParameter("One or more parameters are invalid.")),
		"BatchRequestTooLong":    *failure(errBatchTooLong(maxMessageBytes + 1)),
		"ReceiptHandleIsInvalid": *failure(errReceiptHandle("")),
	}
	for name, message := range map[string]string{
		"AccessDenied":               "Access to the resource is denied.",
		"ExpiredToken":               "The security token included in the request is expired",
		"InvalidClientTokenId":       "The security token included in the request is invalid.",
		"SignatureDoesNotMatch":      "The request signature we calculated does not match the signature you provided.",
		"IncompleteSignature":        "The request signature does not conform to AWS standards.",
		"MissingAuthenticationToken": "Missing Authentication Token",
	} {
		all[name] = apiError{shape: authShape(name), coral: true, code: name, status: 403, message: message}
	}
	for name, code := range map[string]string{
		"Throttled": "ThrottlingException", "AccessDenied": "AccessDeniedException", "Disabled": "DisabledException",
		"InvalidState": "InvalidStateException", "NotFound": "NotFoundException", "InvalidKeyUsage": "InvalidKeyUsageException",
		"OptInRequired": "OptInRequired",
	} {
		f := apiError{shape: "Kms" + name, code: "KMS." + code, status: 400, message: "The request for a data key was refused: " + name + "."}
		all["Kms"+name], all["KMS."+strings.TrimSuffix(code, "Exception")] = f, f
	}
	return all
}
