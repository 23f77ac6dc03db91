package sqs

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"sluice/internal/awslocal/sigv4"
)

// A call is one request on its way through an action.
type call struct {
	ctx    context.Context
	sender string // unique id of the caller, for SenderId
	base   string // what the queue URLs in the answer begin with
	effect Effect // of a scripted fault
}

// A handler decodes the input of one action with decode, carries the action out and returns its output, which is nil for
// an action that answers nothing.
type handler func(e *Engine, c *call, decode func(into any) error) (out any, err error)

// action makes a handler of a method with typed input and output.
func action[In, Out any](f func(*Engine, *call, *In) (*Out, error)) handler {
	return func(e *Engine, c *call, decode func(any) error) (any, error) {
		in := new(In)
		if err := decode(in); err != nil {
			return nil, err
		}
		out, err := f(e, c, in)
		if err != nil || out == nil {
			return nil, err
		}
		return out, nil
	}
}

// A none is the output of an action that has none.
type none struct{}

// find returns the handler of the action of this name, or an error for one that the service does not have or the
// stand-in leaves out.
func find(name string) (handler, error) {
	switch name {
	case "CreateQueue":
		return action((*Engine).createQueueAction), nil
	case "DeleteQueue":
		return action((*Engine).deleteQueue), nil
	case "ListQueues":
		return action((*Engine).listQueues), nil
	case "GetQueueUrl":
		return action((*Engine).getQueueURL), nil
	case "GetQueueAttributes":
		return action((*Engine).getQueueAttributes), nil
	case "SetQueueAttributes":
		return action((*Engine).setQueueAttributes), nil
	case "PurgeQueue":
		return action((*Engine).purgeQueue), nil
	case "SendMessage":
		return action((*Engine).sendMessage), nil
	case "SendMessageBatch":
		return action((*Engine).sendMessageBatch), nil
	case "ReceiveMessage":
		return action((*Engine).receiveMessage), nil
	case "DeleteMessage":
		return action((*Engine).deleteMessage), nil
	case "DeleteMessageBatch":
		return action((*Engine).deleteMessageBatch), nil
	case "ChangeMessageVisibility":
		return action((*Engine).changeMessageVisibility), nil
	case "ChangeMessageVisibilityBatch":
		return action((*Engine).changeMessageVisibilityBatch), nil
	}
	return findRare(name)
}

// findRare is the rest of find: tags, dead-letter queues and what is left out.
func findRare(name string) (handler, error) {
	switch name {
	case "TagQueue":
		return action((*Engine).tagQueue), nil
	case "UntagQueue":
		return action((*Engine).untagQueue), nil
	case "ListQueueTags":
		return action((*Engine).listQueueTags), nil
	case "ListDeadLetterSourceQueues":
		return action((*Engine).listDeadLetterSourceQueues), nil
	case "StartMessageMoveTask":
		return action((*Engine).startMessageMoveTask), nil
	case "ListMessageMoveTasks":
		return action((*Engine).listMessageMoveTasks), nil
	case "CancelMessageMoveTask":
		return action((*Engine).cancelMessageMoveTask), nil
	case "AddPermission", "RemovePermission":
		return nil, errUnsupported(name)
	}
	return nil, errUnknownOperation(name)
}

// ServeSQS answers one request whose signature has been verified and whose body has been read. It speaks AWS JSON 1.0 to
// a request that has the header X-Amz-Target or a JSON content type, and the query protocol to all others. A long poll
// ends with the request's context.
func (e *Engine) ServeSQS(w http.ResponseWriter, r *http.Request, body []byte, caller sigv4.Identity) {
	e.ServeAffected(w, r, body, caller, Effect{})
}

// ServeAffected is ServeSQS for a call that a scripted fault makes something of.
func (e *Engine) ServeAffected(w http.ResponseWriter, r *http.Request, body []byte, caller sigv4.Identity, f Effect) {
	c := &call{ctx: r.Context(), sender: caller.UserID, base: e.options.BaseURL, effect: f}
	if c.base == "" {
		c.base = "http://" + r.Host
	}
	if isJSON(r) {
		e.serveJSON(w, r, body, c)
		return
	}
	e.serveQuery(w, r, body, c)
}

// ServeError answers a request whose caller could not be established or is not allowed, in the protocol that the request
// speaks. code is the query protocol's, such as SignatureDoesNotMatch.
func (e *Engine) ServeError(w http.ResponseWriter, r *http.Request, code, message string, status int) {
	id := newRequestID(w)
	f := &apiError{shape: authShape(code), coral: true, code: code, status: status, message: message}
	if isJSON(r) {
		writeJSONError(w, f)
		return
	}
	writeXMLError(w, id, f)
}

// authShape is the name that the JSON protocol's framework has for an authentication failure of the query protocol.
func authShape(code string) string {
	switch code {
	case "InvalidClientTokenId":
		return "UnrecognizedClientException"
	case "SignatureDoesNotMatch":
		return "InvalidSignatureException"
	case "AccessDenied", "ExpiredToken", "IncompleteSignature", "MissingAuthenticationToken":
		return code + "Exception"
	}
	return code
}

// isJSON reports whether r speaks AWS JSON.
func isJSON(r *http.Request) bool {
	return r.Header.Get("X-Amz-Target") != "" || strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-amz-json-")
}

// newRequestID invents the id of a request and sets the header that every answer has.
func newRequestID(w http.ResponseWriter) string {
	id := uuidString(newUUID())
	w.Header().Set("x-amzn-RequestId", id)
	return id
}

// failure is err as an answer; one that is not an apiError is the stand-in's own fault.
func failure(err error) *apiError {
	var f *apiError
	if errors.As(err, &f) {
		return f
	}
	return errInternal(err)
}
