package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// window is how far a client's clock may be off, each way. AWS: 5 minutes.
const window = 5 * time.Minute

const basicFormat = "20060102T150405Z" // ISO 8601, as X-Amz-Date has it

// A Verifier checks signatures against a table of keys. Safe for concurrent use.
type Verifier struct {
	Keys   *Keys
	Region string           // the only region in scope
	Now    func() time.Time // nil: time.Now

	// EscapeOnce takes the path as escaped once. Only S3 and the published test suite want it; all other services
	// escape a path twice.
	EscapeOnce bool
}

// Ahead returns a verifier whose clock is d ahead of v's.
func (v *Verifier) Ahead(d time.Duration) *Verifier {
	if d == 0 {
		return v
	}
	w := *v
	w.Now = func() time.Time { return v.now().Add(d) }
	return &w
}

// Verify returns the caller whose key signed r for service. The body is passed because its hash is computed, not
// believed; Verify does not touch r.Body. The error is always an *Error.
func (v *Verifier) Verify(r *http.Request, body []byte, service string) (Identity, error) {
	s, refused := v.parse(r, service)
	if refused != nil {
		return Identity{}, refused
	}
	k, ok := v.Keys.get(s.accessKeyID)
	if !ok {
		return Identity{}, refuse(UnknownKey, unknownKeyMessage(s.accessKeyID))
	}
	// The token says which session it is, so it is looked at before the signature that covers it.
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Amz-Security-Token")), []byte(k.SessionToken)) != 1 {
		return Identity{}, refuse(InvalidToken, invalidToken)
	}
	if refused := v.check(r, body, s, k.SecretAccessKey); refused != nil {
		return Identity{}, refused
	}
	if k.SessionToken != "" && !v.now().Before(k.Expires) {
		return Identity{}, refuse(ExpiredToken, "The security token included in the request is expired")
	}
	return k.identity, nil
}

// parse reads what the request says about its signature and checks all that needs no key.
func (v *Verifier) parse(r *http.Request, service string) (*signed, *Error) {
	_, query := rawTarget(r)
	if presigned(query) {
		return nil, refuse(Presigned, "The stand-in does not verify requests signed in the query string; sign with the Authorization header.")
	}
	s, refused := parseAuthorization(r.Header)
	if refused != nil {
		return nil, refused
	}
	if refused := s.readDate(r.Header); refused != nil {
		return nil, refused
	}
	if refused := s.checkScope(service, v.Region); refused != nil {
		return nil, refused
	}
	if refused := s.checkWindow(v.now()); refused != nil {
		return nil, refused
	}
	return s, s.checkSignedHeaders(r.Header)
}

// check compares the signature with those of every path the client may have signed.
func (v *Verifier) check(r *http.Request, body []byte, s *signed, secret string) *Error {
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	headers, complete := canonicalHeaders(r, s.headers)
	path, query := rawTarget(r)
	tail := strings.Join([]string{canonicalQuery(query), headers, strings.Join(s.headers, ";"), hash}, "\n")
	signingKey := s.signingKey(secret)

	refused := refuse(SignatureDiffers, signatureDiffers)
	for i, p := range canonicalPaths(path, v.EscapeOnce) {
		canonical := r.Method + "\n" + p + "\n" + tail
		toSign := s.stringToSign(canonical)
		want := hex.EncodeToString(sign(signingKey, toSign))
		if subtle.ConstantTimeCompare([]byte(want), []byte(s.signature)) == 1 {
			claimed := r.Header.Get("X-Amz-Content-Sha256")
			if complete && (claimed == "" || claimed == hash) {
				return nil
			}
		}
		if i == 0 {
			refused.CanonicalRequest, refused.StringToSign = canonical, toSign
		}
	}
	return refused
}

func (v *Verifier) now() time.Time {
	if v.Now == nil {
		return time.Now()
	}
	return v.Now()
}

func (s *signed) signingKey(secret string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.region, s.service, "aws4_request"} {
		key = sign(key, part)
	}
	return key
}

func (s *signed) stringToSign(canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return strings.Join([]string{algorithm, s.time.Format(basicFormat), s.scope(), hex.EncodeToString(sum[:])}, "\n")
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// presigned reports whether a query carries a signature.
func presigned(query string) bool {
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		switch strings.ToLower(unescape(name, true)) {
		case "x-amz-signature", "x-amz-credential", "x-amz-algorithm":
			return true
		}
	}
	return false
}

const (
	invalidToken     = "The security token included in the request is invalid."
	signatureDiffers = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)

// unknownKeyMessage adds a sentence where the key could be a real one that strayed here.
func unknownKeyMessage(id string) string {
	if strings.HasPrefix(id, "AKIA") || strings.HasPrefix(id, "ASIA") {
		return fmt.Sprintf("%s The access key begins with %s like a key of a real AWS account; this is a local stand-in, "+
			"which takes only the keys that it issued itself (they begin with LKIA or LSIA). Use those.", invalidToken, id[:4])
	}
	return invalidToken
}
