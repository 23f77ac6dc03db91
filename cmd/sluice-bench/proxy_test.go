package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// startProxy starts an HTTP proxy that leads every host to the stand-in, as its user: a test that uses Amazon's names
// reaches nobody else.
func (w *world) startProxy() *httptest.Server {
	vars, _ := w.settings("sqs") // which starts nothing
	creds := aws.Credentials{AccessKeyID: vars["AWS_ACCESS_KEY_ID"], SecretAccessKey: vars["AWS_SECRET_ACCESS_KEY"]}
	return httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		body, err := io.ReadAll(in.Body)
		if err != nil {
			return
		}
		r, err := http.NewRequestWithContext(in.Context(), in.Method, w.http.URL+in.URL.Path, bytes.NewReader(body))
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadGateway)
			return
		}
		r.Header.Set("Content-Type", in.Header.Get("Content-Type"))
		r.Header.Set("X-Amz-Target", in.Header.Get("X-Amz-Target"))
		sum := sha256.Sum256(body)
		if err := v4.NewSigner().SignHTTP(in.Context(), creds, r, hex.EncodeToString(sum[:]), "sqs", vars["AWS_REGION"], time.Now()); err != nil {
			http.Error(out, err.Error(), http.StatusBadGateway)
			return
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		for name, values := range answer.Header {
			out.Header()[name] = values
		}
		out.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(out, answer.Body)
	}))
}
