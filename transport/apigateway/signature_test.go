package apigateway

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/secret"
	"sluice/transport"
)

// The signatures were computed with botocore 1.43, which is not the code that signs here, with the credentials and the
// time of AWS's published test suite. Those published vectors escape a path once; execute-api wants it escaped twice.
func TestSignaturesAgreeWithBotocore(t *testing.T) {
	creds := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", SessionToken: "token"}
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	body := []byte(`{"a":1}`)
	sum := sha256.Sum256(body)
	for path, want := range map[string]string{
		"/v1":                     "02adcf2723769f3d8570f2760185fd682fc5cb5c8a1b80cb88da63182cd5c093",
		"/v1/a%20b":               "7a123ee8a5f44043c28a383a83930469e50c0632149800be27e814608c6012cd",
		"/v1/%C3%BC/x":            "e886af3b9e2eb4cf3793ca593cced8cb7d38fbbe40dec9b6a1918bc72206f14b",
		"/v1/records?b=2&a=1&a=0": "f58d784cda43db17aff8a4cd1ca0ae53d41c4fb31dcb4d9a29284c6f696b114c",
		"/v1/records?q=%20%2B~":   "e904891659fe76bf20e617e1712fca166fd97104442018e560092738e95cfbd8",
		"/v1/a%2Fb":               "6f32de8b1f3e5599ed52ca83a8eee247f42ca7468d0c7eb2aa82001fd78b0e53",
		"/v1/%E1%88%B4":           "c1362c7531ee7f6e046a09a189451c0b19bacb721fbdec10ff03413083871f2d",
	} {
		tr := openOn(t, "https://abc.execute-api.us-east-1.amazonaws.com"+path, func(c *Config) { c.APIKey = secret.New("k") })
		header, err := tr.header(transport.Record{ID: "id-1", Body: body})
		if err != nil {
			t.Fatal(err)
		}
		req, err := tr.request(t.Context(), post{body: body, hash: hex.EncodeToString(sum[:]), header: header}, creds, at)
		if err != nil {
			t.Fatal(err)
		}
		_, got, _ := strings.Cut(req.Header.Get("Authorization"), "Signature=")
		if got != want {
			t.Errorf("%s: signature = %s, want %s", path, got, want)
		}
	}
}
