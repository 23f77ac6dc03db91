package jetstream

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	api "github.com/nats-io/nats.go/jetstream"

	"sluice/internal/fault"
	"sluice/transport/transporttest"
)

// TestVerdictOnAnAnswer: the codes and texts are those of nats-server 2.15.
func TestVerdictOnAnAnswer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		code, number int
		text         string
		class        fault.Class
		reason       string
	}{
		"too large":               {400, 10054, "message size exceeds maximum allowed", fault.Rejected, "record_too_large"},
		"headers too large":       {400, 10097, "header size exceeds maximum allowed of 64k", fault.Rejected, "headers_too_large"},
		"full":                    {503, 10077, "maximum bytes exceeded", fault.Throttled, "stream_full"},
		"server without space":    {500, 10047, "insufficient storage resources available", fault.Throttled, "no_resources"},
		"account without space":   {400, 10002, "resource limits exceeded for account", fault.Throttled, "no_resources"},
		"cluster without space":   {503, 10023, "insufficient resources", fault.Throttled, "no_resources"},
		"too many requests":       {429, 10167, "too many requests", fault.Throttled, "throttled"},
		"a new way to throttle":   {429, 19999, "calm down", fault.Throttled, "throttled"},
		"first copy under way":    {409, 10158, "duplicate message id is in process", fault.Transient, "duplicate_pending"},
		"no leader":               {503, 10008, "JetStream system temporarily unavailable", fault.Transient, "service_error"},
		"sealed":                  {400, 10109, "invalid operation on sealed stream", fault.Blocked, "stream_sealed"},
		"another stream":          {400, 10060, "expected stream does not match", fault.Blocked, "stream_mismatch"},
		"not for this account":    {503, 10039, "JetStream not enabled for account", fault.Blocked, "jetstream_disabled"},
		"a new error of a server": {500, 19999, "flurb", fault.Transient, "service_error"},
		"a new error":             {400, 19999, "flurb", fault.Transient, "unexpected_answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := &Transport{cfg: Config{Subject: subject}}
			e := fault.From(tr.classifyAck(nil, &api.APIError{Code: tc.code, ErrorCode: api.ErrorCode(tc.number), Description: tc.text}))
			if e.Class != tc.class || e.Reason != tc.reason || e.Ambiguous {
				t.Errorf("got %v %s, ambiguous %v; want %v %s, which is certain", e.Class, e.Reason, e.Ambiguous, tc.class, tc.reason)
			}
			if !strings.Contains(e.Error(), tc.text) || !strings.Contains(e.Error(), fmt.Sprint(tc.number)) {
				t.Errorf("%q lacks what the server said", e)
			}
			if tc.class == fault.Blocked {
				wantTodo(t, e)
			}
		})
	}
}

func TestVerdictOnConnecting(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err    error
		class  fault.Class
		reason string
	}{
		"refused by the machine":    {&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}, fault.Transient, "unreachable"},
		"no such host":              {&net.DNSError{Err: "no such host", Name: "broker"}, fault.Transient, "unreachable"},
		"no server of many":         {nats.ErrNoServers, fault.Transient, "unreachable"},
		"silence":                   {nats.ErrTimeout, fault.Transient, "unreachable"},
		"an unknown error":          {errors.New("flurb"), fault.Transient, "unreachable"},
		"wrong password":            {nats.ErrAuthorization, fault.Blocked, "auth_refused"},
		"JWT is too old":            {nats.ErrAuthExpired, fault.Blocked, "auth_refused"},
		"JWT was revoked":           {nats.ErrAuthRevoked, fault.Blocked, "auth_refused"},
		"JWT of the account":        {nats.ErrAccountAuthExpired, fault.Blocked, "auth_refused"},
		"too many connections":      {nats.ErrMaxConnectionsExceeded, fault.Throttled, "connection_limit"},
		"too many of the account":   {nats.ErrMaxAccountConnectionsExceeded, fault.Throttled, "connection_limit"},
		"the server wants TLS":      {nats.ErrSecureConnRequired, fault.Blocked, "tls_failed"},
		"the server has no TLS":     {nats.ErrSecureConnWanted, fault.Blocked, "tls_failed"},
		"the server hangs up":       {fmt.Errorf("%w: connection closed by remote after TLS handshake: %w", nats.ErrTLS, syscall.EPIPE), fault.Blocked, "tls_failed"},
		"a name it does not have":   {x509.HostnameError{Certificate: &x509.Certificate{}, Host: "broker"}, fault.Blocked, "tls_failed"},
		"nobody vouches for it":     {fmt.Errorf("tls: %w", x509.UnknownAuthorityError{}), fault.Blocked, "tls_failed"},
		"it does not like our cert": {&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}, fault.Blocked, "tls_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := classifyConnect(tc.err)
			if e.Class != tc.class || e.Reason != tc.reason || e.Ambiguous {
				t.Errorf("got %v %s, ambiguous %v; want %v %s, which is certain", e.Class, e.Reason, e.Ambiguous, tc.class, tc.reason)
			}
			if tc.class == fault.Blocked {
				wantTodo(t, e)
			}
			if e := lost(tc.err); tc.class != fault.Transient && e.Reason != tc.reason {
				t.Errorf("while the library connects again: %s, want %s", e.Reason, tc.reason)
			} else if tc.class == fault.Transient && e.Reason != "disconnected" {
				t.Errorf("while the library connects again: %s, want disconnected", e.Reason)
			}
		})
	}
}

func TestOldRefusalIsNoReasonToBeDisconnected(t *testing.T) {
	t.Parallel()
	if e := lost(fmt.Errorf("%w: publish", nats.ErrPermissionViolation)); e.Class != fault.Transient || e.Reason != "disconnected" {
		t.Errorf("got %v %s, want transient disconnected", e.Class, e.Reason)
	}
}

func TestRefusalsOfOthersAreNotOurs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`Permissions Violation for Publish to "records.in"`:          refusedPublish,
		`Permissions Violation for Subscription to "_INBOX.abc.*"`:   refusedAnswers,
		`Permissions Violation for Publish to "$JS.API.STREAM.INFO"`: refusedLook,
		`Permissions Violation for Publish to "records.in.else"`:     -1,
		`Permissions Violation for Publish to "another"`:             -1,
	} {
		e, what := refusal(subject, fmt.Errorf("%w: %s", nats.ErrPermissionViolation, text))
		switch {
		case want < 0 && e != nil:
			t.Errorf("%s: got %v, want none", text, e)
		case want >= 0 && (e == nil || what != want || e.Class != fault.Blocked):
			t.Errorf("%s: got %v, %d, want blocked, %d", text, e, what, want)
		}
	}
	if e, _ := refusal(subject, nats.ErrSlowConsumer); e != nil {
		t.Errorf("a slow consumer: %v, want none", e)
	}
}

func TestHeadersThatDoNotTravel(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.stream(nil)
	tr := opened(t, w.address(), nil)
	for name, h := range map[string]map[string]string{
		"no name":                  {"": "v"},
		"a colon in the name":      {"a:b": "v"},
		"a space in the name":      {"a b": "v"},
		"a letter beyond ASCII":    {"ä": "v"},
		"a header of NATS":         {"nats-rollup": "all"},
		"a header of ours":         {"SLUICE-KEY": "v"},
		"a line break":             {"h": "a\nb"},
		"a carriage return":        {"h": "a\rb"},
		"a space before the value": {"h": " v"},
		"a tab after the value":    {"h": "v\t"},
	} {
		recs := three()
		recs[1].Headers = h
		results := tr.Send(t.Context(), recs)
		if e := fault.From(results[1].Err); e == nil || e.Class != fault.Rejected || e.Reason != "invalid_header" {
			t.Errorf("%s: got %v, want invalid_header", name, e)
		}
		if results[0].Err != nil || results[2].Err != nil {
			t.Errorf("%s: its neighbours got %v and %v, want accepted", name, results[0].Err, results[2].Err)
		}
	}
	key := three()[:1]
	key[0].Key = "a\nb"
	wantAll(t, tr.Send(t.Context(), key), fault.Rejected, "invalid_header", false)
	odd := transporttest.Records(4)[3:]
	odd[0].Headers = map[string]string{"h-1!": "ünder  : colon", "Case": "1", "case": "2", "empty": ""}
	wantAccepted(t, tr.Send(t.Context(), odd))
	for _, r := range w.readBack() {
		if r.ID == odd[0].ID && (r.Headers["h-1!"] != "ünder  : colon" || r.Headers["Case"] != "1" || r.Headers["case"] != "2") {
			t.Errorf("headers arrived as %q", r.Headers)
		}
	}
}

// TestSizeIsWhatTheServerCounts: a record at the server's limit passes, and one byte more does not, with headers in it.
func TestSizeIsWhatTheServerCounts(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	r := three()[0]
	r.Headers = map[string]string{"a": "b", "empty": ""}
	tr := opened(t, w.address(), func(c *Config) { c.Stream = stream }) // before there is a stream: the driver knows no limit of it
	size := tr.Size(r)
	w.stream(func(c *api.StreamConfig) { c.MaxMsgSize = int32(size) })
	r.Body = append(r.Body, 'x')
	wantAll(t, tr.Send(t.Context(), append(three()[:0:0], r)), fault.Rejected, "record_too_large", false)
	r.Body = r.Body[:len(r.Body)-1]
	wantAccepted(t, tr.Send(t.Context(), append(three()[:0:0], r)))
}

func TestReconnectDelayIsBounded(t *testing.T) {
	t.Parallel()
	for _, rounds := range []int{0, 1, 5, 1000} {
		if d := delay(rounds); d < 100*time.Millisecond || d > 3*time.Second {
			t.Errorf("after %d rounds: %v, want 0.1s to 3s", rounds, d)
		}
	}
}
