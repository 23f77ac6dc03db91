package faults

import (
	"regexp"
	"slices"
	"strings"
)

// Names of services, which stand for all of their calls, as does Any for those of all.
const (
	Any        = "*"
	SQS        = "sqs"
	STS        = "sts"
	APIGateway = "apigateway"
	Source     = "source" // the pages that records are pulled from; not a service of AWS
)

var sqsCalls = []string{
	"SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch",
	"ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "GetQueueAttributes", "SetQueueAttributes", "GetQueueUrl",
	"CreateQueue", "DeleteQueue", "ListQueues", "PurgeQueue", "TagQueue", "UntagQueue", "ListQueueTags",
	"ListDeadLetterSourceQueues", "StartMessageMoveTask", "ListMessageMoveTasks", "CancelMessageMoveTask",
}

var stsCalls = []string{"AssumeRole", "GetCallerIdentity"}

var methodPath = regexp.MustCompile(`^[A-Z]{3,7} /[!-~]*$`)

// Calls returns the names of the calls of SQS and STS. A call of the gateway is named by its method and its path without
// the stage, such as "POST /records", one of the source by its method and its path, such as "GET /events".
func Calls() []string { return slices.Concat(sqsCalls, stsCalls) }

// service is the service that has the call of this name, empty if none has. A GET is taken for the source's.
func service(call string) string {
	switch {
	case slices.Contains(sqsCalls, call):
		return SQS
	case slices.Contains(stsCalls, call):
		return STS
	case methodPath.MatchString(call) && (strings.HasPrefix(call, "GET ") || strings.HasPrefix(call, "HEAD ")):
		return Source
	case methodPath.MatchString(call):
		return APIGateway
	}
	return ""
}

// covers reports whether a name, of a call, of a service or of all, stands for a call of a service.
func covers(name, service, call string) bool {
	return name == Any || name == call || name == service
}

// overlap reports whether there is a call that both names stand for.
func overlap(a, b string) bool { return covers(a, service(b), b) || covers(b, service(a), a) }

// isName reports whether text can stand in a rule for calls.
func isName(text string) bool {
	return text == Any || text == SQS || text == STS || text == APIGateway || text == Source || service(text) != ""
}
