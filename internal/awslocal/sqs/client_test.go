package sqs

import (
	"bytes"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
)

// NewClient returns the SDK's client of the server at url, which makes one attempt.
func NewClient(url string) *awssqs.Client {
	return awssqs.New(awssqs.Options{
		Region:           testRegion,
		BaseEndpoint:     aws.String(url),
		Credentials:      credentials.NewStaticCredentialsProvider("AKTEST", "secret", ""),
		RetryMaxAttempts: 1,
		HTTPClient:       &http.Client{Transport: inOnePiece{http.DefaultTransport}},
	})
}

// An inOnePiece hands request bodies to net/http as readers that it knows to be in memory, and so sends headers and body
// together. Otherwise a server as near as this one wins a race: net/http writes the body and then reads on to see its end;
// the answer arrives; the SDK (smithy-go 1.28) closes the request's body; net/http takes that for a failed write and closes
// the connection → an answer of more than a buffer's length cannot be read to its end.
type inOnePiece struct{ http.RoundTripper }

func (rt inOnePiece) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return rt.RoundTripper.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return rt.RoundTripper.RoundTrip(r)
}
