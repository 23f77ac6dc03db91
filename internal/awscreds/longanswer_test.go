package awscreds

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// TestLongAnswersAreNotCutOff makes requests of the SDK whose answers are much longer than what a connection buffers.
func TestLongAnswersAreNotCutOff(t *testing.T) {
	answer, err := json.Marshal(map[string]any{"QueueUrls": []string{strings.Repeat("x", 1<<20)}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = w.Write(answer)
	}))
	t.Cleanup(srv.Close)
	a := newAWS(t, srv.URL, static("K"), Config{})
	client := sqs.NewFromConfig(a.Config(), func(o *sqs.Options) {
		o.BaseEndpoint, o.HTTPClient, o.Retryer = aws.String(srv.URL), a.HTTPClient(), aws.NopRetryer{}
	})
	cut := 0
	for range 200 {
		if _, err := client.ListQueues(t.Context(), &sqs.ListQueuesInput{}); err != nil {
			cut++
			t.Log(err)
		}
	}
	if cut > 0 {
		t.Errorf("%d of 200 answers were cut off", cut)
	}
}
