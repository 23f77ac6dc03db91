package apigateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/awscreds"
	"sluice/internal/fault"
	"sluice/transport"
)

const (
	maxAnswer       = 64 << 10
	maxHeaderValues = 10240 // API Gateway: all header values together have at most 10,240 bytes
)

// Send posts the one record that Capabilities allows. If the gateway refuses the signature because the credentials have
// expired or the clock is wrong, the request is signed anew and made once more: the gateway has not handed the first one on.
func (t *Transport) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	ctx, cancel := awscreds.Limit(ctx, t.cfg.Timeout, timeoutVariable)
	defer cancel()
	results := make([]transport.Result, len(recs))
	for i, r := range recs {
		results[i].Receipt, results[i].Err = t.deliver(ctx, r)
	}
	return results
}

// A post is a record ready to be signed.
type post struct {
	body   []byte
	hash   string // hex SHA-256 of body
	header http.Header
	own    int // bytes of header values that are the record's
}

// deliver posts r and returns what the gateway calls the request.
func (t *Transport) deliver(ctx context.Context, r transport.Record) (receipt string, err error) {
	header, err := t.header(r)
	if err != nil {
		return "", err
	}
	// The HTTP client may still read the body after it has returned an early answer, so it gets one of its own.
	p := post{body: bytes.Clone(r.Body), header: header, own: t.Size(r) - len(r.Body)}
	sum := sha256.Sum256(p.body)
	p.hash = hex.EncodeToString(sum[:])
	creds, err := t.aws.Retrieve(ctx)
	if err != nil {
		return "", err
	}
	renewed, corrected := false, false
	for {
		a, err := t.attempt(ctx, p, creds)
		if err != nil {
			return "", err
		}
		t.clock.follow(a.header)
		verdict := t.classify(a)
		switch {
		case verdict == nil:
			t.repeats.passed(r.ID)
			return a.id(), nil
		case staleCredentials[verdict.Reason] && !renewed:
			renewed = true
			newer, err := t.aws.Refresh(ctx, creds)
			if err != nil {
				return "", awscreds.NotRefreshed("the gateway", verdict, err)
			}
			creds = newer
		case verdict.Reason == clockSkew.reason && !corrected:
			corrected = true
			t.clock.set(a.header)
		default:
			return "", t.enough(r.ID, a.status, verdict)
		}
	}
}

// An answer is what the gateway said to one attempt.
type answer struct {
	status   int
	header   http.Header
	body     []byte // at most maxAnswer and one byte
	signedAt time.Time
	creds    aws.Credentials // that it was signed with
}

// id is the name of the request by which support finds it.
func (a answer) id() string {
	if id := a.header.Get("X-Amzn-Requestid"); id != "" {
		return id
	}
	return a.header.Get("X-Amz-Apigw-Id")
}

// attempt signs and makes one request. The error says that there was no answer, or no request.
func (t *Transport) attempt(ctx context.Context, p post, creds aws.Credentials) (answer, error) {
	ctx, wire := awscreds.Watch(ctx)
	a := answer{signedAt: t.clock.now(), creds: creds}
	req, err := t.request(ctx, p, creds, a.signedAt)
	if err != nil {
		return answer{}, err
	}
	resp, err := t.http.Do(req)
	if err != nil {
		return answer{}, t.noAnswer(wire, err)
	}
	defer resp.Body.Close()
	a.status, a.header = resp.StatusCode, resp.Header
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil && a.status < 300 { // a refusal is a refusal even if its text is cut short
		return answer{}, t.noAnswer(wire, err)
	}
	return a, nil
}

// noAnswer gives the verdict on a request without an answer.
func (t *Transport) noAnswer(wire *awscreds.Wire, err error) error {
	e := wire.Fault(opPost, err)
	e.Err = fmt.Errorf("%s: %w", t.url.Host, e.Err)
	return e
}

// request makes the signed request. It cannot be replayed by the HTTP client, which would deliver twice without a word:
// it has no GetBody, no Idempotency-Key, and redirects are not followed.
func (t *Transport) request(ctx context.Context, p post, creds aws.Credentials, at time.Time) (*http.Request, error) {
	target := *t.url
	req := (&http.Request{
		Method: http.MethodPost, URL: &target, Host: t.cfg.Host, Header: p.header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: http.NoBody, ContentLength: int64(len(p.body)),
	}).WithContext(ctx)
	if req.Host == "" {
		req.Host = target.Host
	}
	if len(p.body) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(p.body))
	}
	if err := t.signer.SignHTTP(ctx, creds, req, p.hash, service, t.region, at); err != nil {
		return nil, &fault.Error{Class: fault.Blocked, Reason: "bad_signature", Op: opPost, Err: fmt.Errorf("sign: %w", err)}
	}
	total := len(req.Host)
	for _, values := range req.Header {
		for _, v := range values {
			total += len(v)
		}
	}
	if total > maxHeaderValues && total-p.own <= maxHeaderValues { // I4: only if the record is what makes it too much
		return nil, rejected("headers_too_large", "the headers take %d bytes, %d of them the record's; the gateway allows %d", total, p.own, maxHeaderValues)
	}
	return req, nil
}
