package awscreds

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sluice/internal/fault"
)

// soup is what the SDK puts around an error.
var soup = regexp.MustCompile(`operation error|StatusCode|RequestID|canceled|deadline exceeded|request send failed|exceeded maximum|status 0`)

func wantText(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("got no error, want one with %q", want)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("no %q in: %v", w, err)
		}
	}
	if found := soup.FindString(err.Error()); found != "" {
		t.Errorf("%q in: %v", found, err)
	}
}

func TestSTSThatCannotBeReachedIsNamed(t *testing.T) {
	a := newAWS(t, "http://127.0.0.1:1/?secret=canary", static("BASEKEY"), Config{ARN: testRole})
	_, err := a.Retrieve(t.Context())
	wantText(t, err, testRole, "STS at 127.0.0.1:1: ", "connection refused", "AWS_ENDPOINT_URL_STS")
	if e := fault.From(err); e.Class != fault.Transient || e.Reason != "sts_unavailable" || e.Ambiguous {
		t.Errorf("got %v %s, ambiguous %v; want Transient sts_unavailable, not ambiguous", e.Class, e.Reason, e.Ambiguous)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the query is in the text: %v", err)
	}
	_, err = newAWS(t, "http://127.0.0.1:1", static("BASEKEY"), Config{}).Identity(t.Context())
	wantText(t, err, "STS at 127.0.0.1:1: ", "connection refused")
}

func TestSTSThatBreaksOff(t *testing.T) {
	s := newSTS(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := newAWS(t, s.URL, static("BASEKEY"), Config{ARN: testRole}).Retrieve(t.Context())
	wantText(t, err, "STS at 127.0.0.1:", "the connection was closed before the answer was complete")
	if e := fault.From(err); e.Class != fault.Transient || e.Reason != "sts_unavailable" {
		t.Errorf("got %v %s, want Transient sts_unavailable", e.Class, e.Reason)
	}
}

func TestTheLimitThatEndedARequestIsNamed(t *testing.T) {
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-release }))
	defer silent.Close()
	defer close(release)
	a := newAWS(t, silent.URL, static("K"), Config{})
	identity := func(ctx context.Context) error {
		_, err := a.Identity(ctx)
		return err
	}
	limited, stop := Limit(t.Context(), 300*time.Millisecond, "SLUICE_X_TIMEOUT")
	defer stop()
	wantText(t, identity(limited), "no answer within 300ms (SLUICE_X_TIMEOUT)")

	outer, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	limited, stop = Limit(outer, time.Hour, "SLUICE_X_TIMEOUT")
	defer stop()
	err := identity(limited)
	wantText(t, err, "no answer in time")
	if strings.Contains(err.Error(), "SLUICE_X_TIMEOUT") {
		t.Errorf("a limit is named that was not reached: %v", err)
	}

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	err = identity(gone)
	wantText(t, err, "interrupted")
	if e := fault.From(err); e.Reason != "cancelled" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %s (%v), want cancelled with its cause", e.Reason, err)
	}
}

func TestChainErrorsArePlain(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	answer := func(err error) error {
		return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{}}, Err: err}
	}
	for name, tc := range map[string]struct {
		cause, is error
		want      string
	}{
		"no connection": {&retry.MaxAttemptsError{Attempt: 3, Err: answer(&smithyhttp.RequestSendError{Err: refused})}, refused, "SSO GetRoleCredentials: dial tcp: connection refused"},
		"refusal":       {answer(&smithy.GenericAPIError{Code: "Gone", Message: "come\nback"}), nil, "SSO GetRoleCredentials: come"},
		"broken off":    {answer(&smithy.DeserializationError{Err: io.ErrUnexpectedEOF}), io.ErrUnexpectedEOF, "before the answer was complete"},
	} {
		err := error(&smithy.OperationError{ServiceID: "SSO", OperationName: "GetRoleCredentials", Err: tc.cause})
		a := newAWS(t, "http://127.0.0.1:1", aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, err }), Config{})
		_, got := a.Retrieve(t.Context())
		t.Log(name)
		wantText(t, got, tc.want)
		if tc.is != nil && !errors.Is(got, tc.is) {
			t.Errorf("%s: the cause is lost: %v", name, got)
		}
	}
}
