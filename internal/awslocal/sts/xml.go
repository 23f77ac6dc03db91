package sts

import (
	"encoding/xml"
	"net/http"
)

const namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// A fault is an error answer: code and status as the service's model gives them.
type fault struct {
	code    string
	status  int
	message string
}

type metadata struct {
	RequestID string `xml:"RequestId"`
}

type errorResponse struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// write sends a fault, or one of the response types below. The request id is the one that the server has put into the
// header.
func write(w http.ResponseWriter, r *http.Request, answer any) {
	id := w.Header().Get("X-Amzn-Requestid")
	status := http.StatusOK
	switch a := answer.(type) {
	case *fault:
		kind := "Sender"
		if a.status >= 500 {
			kind = "Receiver"
		}
		status = a.status
		answer = errorResponse{Namespace: namespace, Type: kind, Code: a.code, Message: a.message, RequestID: id}
	case *assumeRoleResponse:
		a.Namespace, a.Metadata.RequestID = namespace, id
	case *getCallerIdentityResponse:
		a.Namespace, a.Metadata.RequestID = namespace, id
	}
	text, err := xml.MarshalIndent(answer, "", "  ")
	if err != nil {
		panic(err) // the types are ours and marshal
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(append(text, '\n'))
	}
}
