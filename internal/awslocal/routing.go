package awslocal

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"sluice/internal/awslocal/apigateway"
)

// maxBody is what is read of a body. API Gateway's limit is the largest of the three services'; the slack lets the
// gateway itself say by how little it was missed.
const maxBody = apigateway.MaxBody + 64<<10

const formType = "application/x-www-form-urlencoded"

var queuePath = regexp.MustCompile(`^/\d{12}/[^/]+/?$`)

// serviceOf tells for which service a request is: its target header, the API version of its form, or the service it is
// signed for, as long as the path could belong to SQS or STS. Everything else is a path of the API.
func serviceOf(r *http.Request, body []byte) string {
	if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.") {
		return "sqs"
	}
	root := r.URL.Path == "/" || r.URL.Path == ""
	if !root && !queuePath.MatchString(r.URL.Path) {
		return "execute-api"
	}
	switch formVersion(r, body) {
	case "2012-11-05":
		return "sqs"
	case "2011-06-15":
		return "sts"
	}
	switch scope := scopeService(r.Header.Get("Authorization")); {
	case scope == "sqs", scope == "sts" && root:
		return scope
	}
	return "execute-api"
}

// formVersion returns the API version that a request of the query protocol names.
func formVersion(r *http.Request, body []byte) string {
	text := r.URL.RawQuery
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), formType) {
		text = string(body)
	}
	if form, err := url.ParseQuery(text); err == nil && form.Has("Action") {
		return form.Get("Version")
	}
	return ""
}

// scopeService returns the service of the credential scope of an Authorization header.
func scopeService(authorization string) string {
	_, rest, _ := strings.Cut(authorization, "Credential=")
	credential, _, _ := strings.Cut(rest, ",")
	if parts := strings.Split(credential, "/"); len(parts) == 5 {
		return parts[3]
	}
	return ""
}

// readBody returns the body, or answers the request if it is too long or breaks off.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	if r.ContentLength > maxBody {
		w.Header().Set("Connection", "close") // the body stays unread
		apigateway.TooLarge(w, r)
		return nil, false
	}
	var b bytes.Buffer
	b.Grow(int(min(max(r.ContentLength, 0), 1<<20)) + bytes.MinRead) // a claim of 10 MB does not get 10 MB
	if _, err := b.ReadFrom(io.LimitReader(r.Body, maxBody+1)); err != nil {
		http.Error(w, "The body could not be read.", http.StatusBadRequest)
		return nil, false
	}
	if b.Len() > maxBody {
		w.Header().Set("Connection", "close")
		apigateway.TooLarge(w, r)
		return nil, false
	}
	return b.Bytes(), true
}
