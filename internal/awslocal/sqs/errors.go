package sqs

import "fmt"

// An apiError is an answer that is not a success, in the terms of both protocols.
type apiError struct {
	shape   string // name after the "#" of __type
	coral   bool   // the shape is the framework's, not the service model's
	code    string // of the query protocol, and in the header x-amzn-query-error
	status  int
	message string
	query   string // text in the query protocol where it differs
}

// Error gives the code and the sentence.
func (e *apiError) Error() string { return e.code + ": " + e.message }

// typ is the value of __type.
func (e *apiError) typ() string {
	if e.coral {
		return "com.amazon.coral.service#" + e.shape
	}
	return "com.amazonaws.sqs#" + e.shape
}

// messageKey is the member that holds the text. Observed on AWS: "Message" for a denied access, else "message".
func (e *apiError) messageKey() string {
	if e.shape == "AccessDeniedException" {
		return "Message"
	}
	return "message"
}

// queryMessage is the text as the query protocol gives it.
func (e *apiError) queryMessage() string {
	if e.query != "" {
		return e.query
	}
	return e.message
}

// simple is an error of the service's model whose legacy code has the service's prefix.
func simple(shape string, format string, args ...any) *apiError {
	return &apiError{shape: shape, code: "AWS.SimpleQueueService." + shape, status: 400, message: fmt.Sprintf(format, args...)}
}

func errQueueDoesNotExist() error {
	return &apiError{
		shape: "QueueDoesNotExist", code: "AWS.SimpleQueueService.NonExistentQueue", status: 400,
		message: "The specified queue does not exist.",
		query:   "The specified queue does not exist for this wsdl version.",
	}
}

func errQueueDeletedRecently() error {
	return simple("QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before you can create another with the same name.")
}

func errQueueNameExists(attribute string) error {
	return &apiError{
		shape: "QueueNameExists", code: "QueueAlreadyExists", status: 400,
		message: "A queue already exists with the same name and a different value for attribute " + attribute,
	}
}

// errInvalidParameter is the refusal of a value, in the service's own words.
func errInvalidParameter(format string, args ...any) error {
	return &apiError{
		shape: "InvalidParameterValueException", coral: true, code: "InvalidParameterValue", status: 400,
		message: fmt.Sprintf(format, args...),
	}
}

// errInvalidValue is errInvalidParameter in the form that names value, parameter and reason.
func errInvalidValue(value any, parameter, reason string) error {
	return errInvalidParameter("Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}

func errMissingParameter(name string) error {
	return &apiError{
		shape: "MissingRequiredParameterException", coral: true, code: "MissingParameter", status: 400,
		message: "The request must contain the parameter " + name + ".",
	}
}

func errInvalidAttributeName(format string, args ...any) error {
	return &apiError{shape: "InvalidAttributeName", code: "InvalidAttributeName", status: 400, message: fmt.Sprintf(format, args...)}
}

func errUnknownAttribute(name string) error {
	return errInvalidAttributeName("Unknown Attribute %s.", name)
}

func errInvalidAttributeValue(name, reason string) error {
	message := "Invalid value for the parameter " + name + "."
	if reason != "" {
		message += " Reason: " + reason
	}
	return &apiError{shape: "InvalidAttributeValue", code: "InvalidAttributeValue", status: 400, message: message}
}

func errInvalidContents(char string) error {
	return &apiError{
		shape: "InvalidMessageContents", code: "InvalidMessageContents", status: 400,
		message: "Invalid binary character '" + char + "' was found in the message body, the set of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
	}
}

func errReceiptHandle(handle string) error {
	return &apiError{
		shape: "ReceiptHandleIsInvalid", code: "ReceiptHandleIsInvalid", status: 404,
		message: fmt.Sprintf("The input receipt handle %q is not a valid receipt handle.", handle),
	}
}

func errHandleExpired(handle string) error {
	return errInvalidValue(handle, "ReceiptHandle", "The receipt handle has expired.")
}

func errNotInflight() error {
	return simple("MessageNotInflight", "The specified message isn't in flight.")
}

func errOverLimit(message string) error {
	return &apiError{shape: "OverLimit", code: "OverLimit", status: 403, message: message}
}

func errPurgeInProgress(name string) error {
	e := simple("PurgeQueueInProgress", "Only one PurgeQueue operation on %s is allowed every 60 seconds.", name)
	e.status = 403
	return e
}

func errResourceNotFound(message string) error {
	return &apiError{shape: "ResourceNotFoundException", code: "ResourceNotFoundException", status: 404, message: message}
}

func errUnsupported(action string) error {
	return simple("UnsupportedOperation", "The stand-in does not support %s; what it leaves out is listed in its GAPS.md.", action)
}

func errUnknownOperation(action string) error {
	return &apiError{
		shape: "UnknownOperationException", coral: true, code: "InvalidAction", status: 400,
		message: fmt.Sprintf("The action %s is not valid for this endpoint.", action),
	}
}

func errMalformed(format string, args ...any) error {
	return &apiError{
		shape: "SerializationException", coral: true, code: "MalformedInput", status: 400,
		message: fmt.Sprintf(format, args...),
	}
}

func errInternal(err error) *apiError {
	return &apiError{shape: "InternalFailure", coral: true, code: "InternalFailure", status: 500, message: err.Error()}
}

func errEmptyBatch(entry string) error {
	return simple("EmptyBatchRequest", "There should be at least one %s in the request.", entry)
}

func errTooManyEntries(n int) error {
	return simple("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent %d.", n)
}

func errBatchEntryID() error {
	return simple("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
}

func errIDsNotDistinct(id string) error {
	return simple("BatchEntryIdsNotDistinct", "Id %s repeated.", id)
}

func errBatchTooLong(size int) error {
	return simple("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessageBytes, size)
}
