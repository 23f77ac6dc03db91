package sigv4

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// The cases are re-typed from the published Signature Version 4 test suite (awslabs/aws-c-auth, Apache-2.0): its key,
// its time, its requests and its signatures.
const (
	suiteID     = "AKIDEXAMPLE"
	suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	suiteToken  = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
	suiteRegion = "us-east-1"
)

var suiteTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

type vector struct {
	name      string
	request   string // start line, then headers besides Host and X-Amz-Date
	body      string
	signature string
	// The SDK's signer does not take dot segments and double slashes out of a path, so it is no witness for these.
	normalized bool
}

var suite = []vector{
	{name: "get-vanilla", request: "GET /",
		signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{name: "get-vanilla-query-order-key-case", request: "GET /?Param2=value2&Param1=value1",
		signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	{name: "get-vanilla-empty-query-key", request: "GET /?Param1=value1",
		signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
	{name: "get-vanilla-query-unreserved", request: "GET /?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
		signature: "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
	{name: "get-vanilla-utf8-query", request: "GET /?\u1234=bar",
		signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
	{name: "get-unreserved", request: "GET /-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
		signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
	{name: "get-utf8", request: "GET /\u1234",
		signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
	{name: "get-space", request: "GET /example%20space/",
		signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
	{name: "get-header-key-duplicate", request: "GET /\nMy-Header1:value2\nMy-Header1:value2\nMy-Header1:value1",
		signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
	{name: "get-header-value-order", request: "GET /\nMy-Header1:value4\nMy-Header1:value1\nMy-Header1:value3\nMy-Header1:value2",
		signature: "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
	{name: "get-header-value-trim", request: "GET /\nMy-Header1: value1\nMy-Header2: \"a   b   c\"",
		signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
	{name: "post-vanilla", request: "POST /",
		signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	{name: "post-vanilla-query", request: "POST /?Param1=value1",
		signature: "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
	{name: "post-header-key-sort", request: "POST /\nMy-Header1:value1",
		signature: "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
	{name: "post-header-value-case", request: "POST /\nMy-Header1:VALUE1",
		signature: "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
	{name: "post-sts-header-before", request: "POST /\nX-Amz-Security-Token:" + suiteToken,
		signature: "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
	{name: "post-x-www-form-urlencoded", request: "POST /\nContent-Type:application/x-www-form-urlencoded", body: "Param1=value1",
		signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	{name: "post-x-www-form-urlencoded-parameters", request: "POST /\nContent-Type:application/x-www-form-urlencoded; charset=utf8", body: "Param1=value1",
		signature: "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
	{name: "get-relative", request: "GET /example/..", normalized: true,
		signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{name: "get-slash-dot-slash", request: "GET /./", normalized: true,
		signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{name: "get-slash-pointless-dot", request: "GET /./example", normalized: true,
		signature: "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
	{name: "get-slashes", request: "GET //example//", normalized: true,
		signature: "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
}

func TestPublishedSuite(t *testing.T) {
	for _, c := range suite {
		t.Run(c.name, func(t *testing.T) {
			r := c.received(t)
			keys := NewKeys("123456789012")
			keys.put(Credentials{AccessKeyID: suiteID, SecretAccessKey: suiteSecret, SessionToken: r.Header.Get("X-Amz-Security-Token"),
				Expires: suiteTime.Add(time.Hour)}, Identity{ARN: "suite"})
			v := &Verifier{Keys: keys, Region: suiteRegion, EscapeOnce: true, Now: func() time.Time { return suiteTime }}
			if id, err := v.Verify(r, []byte(c.body), "service"); err != nil || id.ARN != "suite" {
				t.Errorf("published signature: got caller %v, error %v; want it accepted", id, err)
			}
			if got := c.bySDK(t); !c.normalized && got != c.signature {
				t.Errorf("the SDK signs this request as %s, the suite says %s", got, c.signature)
			}
			if _, err := v.Verify(r, []byte(c.body+" "), "service"); err == nil {
				t.Error("accepted with another body")
			}
		})
	}
}

// received parses the request as a server would, with the signature of the suite.
func (c vector) received(t *testing.T) *http.Request {
	t.Helper()
	start, headers, _ := strings.Cut(c.request, "\n")
	text := start + " HTTP/1.1\nHost: example.amazonaws.com\nX-Amz-Date: 20150830T123600Z\n" + headers
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.TrimSpace(text) + "\n\n")))
	if err != nil {
		t.Fatalf("parse request: %v", err)
	}
	names := []string{"host", "x-amz-date"}
	for _, name := range []string{"Content-Type", "My-Header1", "My-Header2", "X-Amz-Security-Token"} {
		if r.Header.Get(name) != "" {
			names = append(names, strings.ToLower(name))
		}
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+suiteID+"/20150830/us-east-1/service/aws4_request, SignedHeaders="+
		strings.Join(sorted(names), ";")+", Signature="+c.signature)
	return r
}

// bySDK returns the signature that the SDK's signer gives the same request.
func (c vector) bySDK(t *testing.T) string {
	t.Helper()
	from := c.received(t)
	r := httptest.NewRequest(from.Method, "http://example.amazonaws.com"+from.RequestURI, nil)
	r.Host = "example.amazonaws.com"
	for name, values := range from.Header {
		if name != "Authorization" {
			r.Header[name] = values
		}
	}
	r.ContentLength = 0 // the suite's requests do not state it
	sign := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	creds := aws.Credentials{AccessKeyID: suiteID, SecretAccessKey: suiteSecret, SessionToken: from.Header.Get("X-Amz-Security-Token")}
	if err := sign.SignHTTP(t.Context(), creds, r, hashOf(c.body), "service", suiteRegion, suiteTime); err != nil {
		t.Fatalf("sign: %v", err)
	}
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	return signature
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
