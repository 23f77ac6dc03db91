package sigv4

import (
	"bytes"
	"net/http"
	"testing"

	"golang.org/x/net/http/httpguts"
)

// FuzzSigV4Verify compares with the SDK's signer, which shares no code with the verifier: what it has signed is let in as
// it comes off the wire, and refused with another body or another secret.
func FuzzSigV4Verify(f *testing.F) {
	v, user, session := newVerifier()
	for _, seed := range [][3]string{{"/", "", ""}, {"/v1/records", "a=1&b=%20&a=0", "  two   spaces "}, {"/000000000000/q%2F", "Action=X&é=ü", "a,b"},
		{"/a/../b//c", "=&&x", "\"q\"  \"r\""}, {"/%C3%A9", "%zz", "\t"}, {"/*'()!~", "a+b=c+d", ""}} {
		f.Add(seed[0], seed[1], seed[2], []byte(seed[0]), true)
	}
	f.Fuzz(func(t *testing.T, path, query, header string, body []byte, temporary bool) {
		creds := user
		if temporary {
			creds = session
		}
		signed := func(c Credentials) *http.Request {
			req, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:4599/", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.URL.Path, req.URL.RawQuery = "/"+path, query
			if httpguts.ValidHeaderFieldValue(header) {
				req.Header.Set("X-Odd", header)
			}
			if err := signSDK(req, body, c, "execute-api", "us-east-1", now); err != nil {
				t.Skip(err)
			}
			return req
		}
		r, got, err := overWire(signed(creds))
		if err != nil {
			t.Skip(err) // no server reads such a request
		}
		if _, err := v.Verify(r, got, "execute-api"); err != nil {
			t.Fatalf("%s %q, signed by the SDK, is refused: %v", r.RequestURI, header, err)
		}
		if _, err := v.Verify(r, append(bytes.Clone(got), 'x'), "execute-api"); err == nil {
			t.Error("let in with another body")
		}
		other := creds
		other.SecretAccessKey += "x"
		if r, got, err := overWire(signed(other)); err == nil {
			if _, err := v.Verify(r, got, "execute-api"); err == nil {
				t.Error("let in with another secret")
			}
		}
	})
}
