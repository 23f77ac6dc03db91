package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sluice/internal/awscreds"
	"sluice/internal/fault"
)

// clockTolerance is the difference between two clocks that is no reason to act: AWS refuses a signature that is more than
// five minutes old or ahead, and a minute is left for the way.
const clockTolerance = 4 * time.Minute

// A signer signs requests with AWS Signature Version 4. One Read uses it at a time.
type signer struct {
	aws             *awscreds.AWS
	v4              *v4.Signer
	service, region string
	offset          time.Duration // of the source's clock from ours, once it has refused a signature for it
	last            aws.Credentials
}

func newSigner(c AuthConfig) (*signer, error) {
	if c.AWS == nil {
		return nil, errors.New("AWS_SERVICE is set and nobody has given credentials to sign with")
	}
	s := &signer{aws: c.AWS, service: c.AWSService, region: c.AWSRegion}
	if s.region == "" {
		s.region = c.AWS.Region()
	}
	if s.region == "" {
		return nil, errors.New("the region to sign for is not known; set SLUICE_HTTP_AWS_REGION or AWS_REGION")
	}
	s.v4 = v4.NewSigner(func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = s.service == "s3" // S3 takes the path as escaped once, all others twice
	})
	return s, nil
}

// sign signs a request that is otherwise complete, and returns what it was signed with.
func (s *signer) sign(ctx context.Context, req *http.Request) (aws.Credentials, error) {
	creds, err := s.aws.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	hash := sha256.New()
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err == nil {
			_, err = io.Copy(hash, body)
		}
		if err != nil {
			return aws.Credentials{}, &fault.Error{Class: fault.Blocked, Reason: "bad_request", Op: op, Err: fmt.Errorf("the body cannot be read in order to sign it: %w", err)}
		}
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	if s.service == "s3" {
		req.Header.Set("X-Amz-Content-Sha256", sum) // S3 wants it said
	}
	s.last = creds
	if err := s.v4.SignHTTP(ctx, creds, req, sum, s.service, s.region, time.Now().Add(s.offset)); err != nil {
		return aws.Credentials{}, &fault.Error{Class: fault.Blocked, Reason: "bad_request", Op: op, Err: fmt.Errorf("the request cannot be signed: %w", err)}
	}
	return creds, nil
}

// staleErrors are the kinds of refusals that newer credentials may mend.
var staleErrors = map[string]bool{"ExpiredToken": true, "UnrecognizedClient": true, "InvalidClientTokenId": true, "InvalidAccessKeyId": true}

// renewed reports whether a request that was refused may be signed better: with newer credentials, or by the right clock.
func (s *signer) renewed(ctx context.Context, used aws.Credentials, resp *http.Response) bool {
	kind, _, _ := strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
	if _, after, ok := strings.Cut(kind, "#"); ok {
		kind = after
	}
	kind = strings.TrimSuffix(kind, "Exception")
	if staleErrors[kind] {
		_, err := s.aws.Refresh(ctx, used)
		return err == nil
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil || resp.Header.Get("Age") != "" {
		return false
	}
	skew, before := time.Until(date), s.offset
	if skew.Abs() <= clockTolerance {
		skew = 0
	}
	s.offset = skew
	return (skew - before).Abs() > clockTolerance
}
