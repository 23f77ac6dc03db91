package sqs

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"sluice/internal/awscreds"
)

// A queue that never answers holds up the start for openTimeout, or for the time of a request if that is shorter, and then
// the daemon is up and can say so.
func TestOpenDoesNotWaitLongForTheAttributes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ timeout, want time.Duration }{
		"the time of a request is long":  {timeout: 10 * time.Minute, want: openTimeout},
		"the time of a request is short": {timeout: time.Second, want: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
					tr.Proxy = nil
					tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
						ours, theirs := net.Pipe()
						go func() { _, _ = io.Copy(io.Discard, theirs) }()
						return ours, nil
					}
				})
				a, err := awscreds.New(aws.Config{Region: "eu-west-1", HTTPClient: client, BaseEndpoint: aws.String("http://127.0.0.1:1"),
					Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
						return aws.Credentials{AccessKeyID: "KEY", SecretAccessKey: "secret"}, nil
					})}, awscreds.Config{})
				if err != nil {
					t.Fatal(err)
				}
				defer a.Close()
				start := time.Now()
				tr, err := Open(t.Context(), Config{QueueURL: "http://127.0.0.1:1/123456789012/q", Timeout: c.timeout}, a)
				if err != nil {
					t.Fatal(err)
				}
				defer tr.Close()
				if took := time.Since(start); took != c.want {
					t.Errorf("opened after %v, want %v", took, c.want)
				}
				if got := tr.Capabilities().MaxRecordBytes; got != maxBytes {
					t.Errorf("a record may have %d bytes, want the %d of SQS until the queue says otherwise", got, maxBytes)
				}
			})
		})
	}
}
