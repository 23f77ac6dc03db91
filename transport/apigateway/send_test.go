package apigateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/fault"
	"sluice/transport"
)

func TestRequestAsItIsSent(t *testing.T) {
	s := newServer(t, taken)
	tr := openOn(t, s.URL+"/v1/a%20b/records?z=1&a=2%2F3", func(c *Config) { c.Host = "abc123.execute-api.eu-central-1.amazonaws.com" })
	body := "{\"a\": 9007199254740993,\t\"b\":\"\\u0000 grün 🌊\"}\r\n"
	res := send(t, tr, transport.Record{ID: "id-1", Key: "key/1", Body: []byte(body), Headers: map[string]string{"trace": "t 1", "unit": "°C", "share": "50%", "edge": " x"}})
	if res.Err != nil || res.Receipt != "request-1" {
		t.Fatalf("got %+v, want accepted as request-1", res)
	}
	r := s.seen()[0]
	if string(r.body) != body || r.Method != "POST" || r.RequestURI != "/v1/a%20b/records?a=2%2F3&z=1" || r.Host != "abc123.execute-api.eu-central-1.amazonaws.com" {
		t.Errorf("got %s %s to %s, body %q", r.Method, r.RequestURI, r.Host, r.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Api-Key": testAPIKey, "X-Amz-Security-Token": testToken,
		"X-Sluice-Record-Id": "id-1", "X-Sluice-Record-Key": "key/1", "X-Sluice-Header-Trace": "t 1", "X-Sluice-Header-Unit": "%C2%B0C",
		"X-Sluice-Header-Share": "50%25", "X-Sluice-Header-Edge": "%20x", "Content-Length": fmt.Sprint(len(body)),
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	// UNSIGNED-PAYLOAD is refused, and gateways have been seen to refuse the header even with the right hash.
	for _, name := range []string{"X-Amz-Content-Sha256", "Idempotency-Key", "X-Idempotency-Key"} {
		if got, ok := r.Header[name]; ok {
			t.Errorf("%s is sent: %q", name, got)
		}
	}
	auth := r.Header.Get("Authorization")
	for _, want := range []string{"/eu-central-1/execute-api/aws4_request", "SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-security-token;x-api-key;x-sluice-header-edge;x-sluice-header-share;x-sluice-header-trace;x-sluice-header-unit;x-sluice-record-id;x-sluice-record-key,"} {
		if !strings.Contains(auth, want) {
			t.Errorf("no %q in %q", want, auth)
		}
	}
}

func TestEncodedValuesComeBackByDecodingOnce(t *testing.T) {
	for _, s := range []string{"", "plain", "a b", " a", "a ", "a  b", "50%", "%41", "grün", "\x00\x7f", "a/b?c#d", strings.Repeat("%", 9), "+"} {
		coded := encode(s)
		if back, err := url.PathUnescape(coded); err != nil || back != s {
			t.Errorf("%q is sent as %q and read back as %q, %v", s, coded, back, err)
		}
		if !plain(coded) {
			t.Errorf("%q is sent as %q, which HTTP would alter", s, coded)
		}
	}
}

func TestWhatCannotBeSentIsRejected(t *testing.T) {
	header := func(name, value string) transport.Record {
		return transport.Record{ID: "x", Headers: map[string]string{name: value}}
	}
	for name, tc := range map[string]struct {
		rec    transport.Record
		reason string
	}{
		"header name with a space": {header("a b", "v"), "invalid_header"},
		"header name not ASCII":    {header("ü", "v"), "invalid_header"},
		"header without a name":    {header("", "v"), "invalid_header"},
		"header with a line break": {header("a", "v\r\nX-Evil: 1"), "invalid_header"},
		"header with a NUL":        {header("a", "\x00"), "invalid_header"},
		"header not UTF-8":         {header("a", "\xff"), "invalid_header"},
		"header in two cases":      {transport.Record{ID: "x", Headers: map[string]string{"a": "1", "A": "2"}}, "invalid_header"},
		"key not UTF-8":            {transport.Record{ID: "x", Key: "\xff"}, "invalid_header"},
		"ID with a line break":     {transport.Record{ID: "x\n"}, "invalid_header"},
		"no ID":                    {transport.Record{}, "invalid_header"},
		"body not UTF-8":           {transport.Record{ID: "x", Body: []byte("\xff")}, "invalid_characters"},
		"body too large":           {transport.Record{ID: "x", Body: make([]byte, 4<<20)}, "record_too_large"},
		"headers too large at all": {header("a", strings.Repeat("x", 10000)), "headers_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, taken)
			e := fault.From(send(t, openOn(t, s.URL, nil), tc.rec).Err)
			if e == nil || e.Class != fault.Rejected || e.Reason != tc.reason {
				t.Errorf("got %+v, want Rejected %s", e, tc.reason)
			}
			if len(s.seen()) != 0 {
				t.Error("it was sent all the same")
			}
		})
	}
}

func TestBinaryBodiesPassWhereTheContentTypeAllows(t *testing.T) {
	s := newServer(t, taken)
	tr := openOn(t, s.URL, func(c *Config) { c.ContentType = "application/octet-stream" })
	if err := send(t, tr, record("\xff\x00")).Err; err != nil || string(s.seen()[0].body) != "\xff\x00" {
		t.Errorf("got %v, want the bytes as they are", err)
	}
}

func TestRefusedCredentialsAreRenewedOnce(t *testing.T) {
	for name, refuse := range map[string]answers{
		"expired": gatewayAnswer(403, "ExpiredTokenException", said(textExpired)),
		"unknown": gatewayAnswer(403, "UnrecognizedClientException", said(textInvalid)),
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(w http.ResponseWriter, r seen, n int) {
				if r.key == "KEY1" {
					refuse(w, r, n)
					return
				}
				taken(w, r, n)
			})
			tr := openOn(t, s.URL, nil)
			if err := send(t, tr, record(`{"a":1}`)).Err; err != nil {
				t.Fatal(err)
			}
			got := s.seen()
			if len(got) != 2 || got[0].key != "KEY1" || got[1].key != "KEY2" || string(got[0].body) != string(got[1].body) {
				t.Errorf("%d requests, want the same body with KEY1 and KEY2", len(got))
			}
		})
	}
}

func TestNothingIsAmbiguousBeforeAConnection(t *testing.T) {
	s := newServer(t, taken)
	s.Close()
	e := fault.From(send(t, openOn(t, s.URL, nil), record("{}")).Err)
	if e == nil || e.Class != fault.Transient || e.Ambiguous || e.Reason != "network" {
		t.Errorf("got %+v, want Transient network, not ambiguous", e)
	} else if !strings.HasSuffix(e.Error(), "connection refused") {
		t.Errorf("text = %q, want the connection refused", e)
	}
	silent := newServer(t, func(_ http.ResponseWriter, r seen, _ int) { <-r.Context().Done() })
	e = fault.From(send(t, openOn(t, silent.URL, func(c *Config) { c.Timeout = time.Second }), record("{}")).Err)
	if e == nil || e.Class != fault.Transient || !e.Ambiguous || e.Reason != "timeout" {
		t.Errorf("got %+v, want Transient timeout, ambiguous", e)
	} else if want := "apigateway.POST: " + strings.TrimPrefix(silent.URL, "http://") + ": no answer within 1s (SLUICE_APIGATEWAY_TIMEOUT)"; e.Error() != want {
		t.Errorf("text = %q, want %q", e, want)
	}
}

func TestAnswerCutShort(t *testing.T) {
	for status, want := range map[int]string{200: "network", 400: "invalid_body"} {
		s := newServer(t, func(w http.ResponseWriter, _ seen, _ int) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"a":1}`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})
		if e := fault.From(send(t, openOn(t, s.URL, nil), record("{}")).Err); e == nil || e.Reason != want || e.Ambiguous != (status == 200) {
			t.Errorf("status %d: got %+v, want %s", status, e, want)
		}
	}
}

// A server that resets a connection it has kept open is what makes net/http repeat requests that it may repeat.
func TestTheServerSeesExactlyTheAttemptsThatWereMade(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var posts atomic.Int32
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerOnceThenReset(conn, &posts)
		}
	}()
	tr := openOn(t, "http://"+l.Addr().String(), nil)
	failed := 0
	const sends = 20
	for range sends {
		if e := fault.From(send(t, tr, record(`{"a":1}`)).Err); e != nil {
			failed++
			if e.Class != fault.Transient || !e.Ambiguous {
				t.Errorf("got %+v, want Transient and ambiguous", e)
			}
		}
	}
	if got := posts.Load(); got != sends {
		t.Errorf("the server saw %d posts for %d sends", got, sends)
	}
	if failed != sends/2 {
		t.Errorf("%d of %d failed, want every second one, or the test has not tried what it is for", failed, sends)
	}
}

// answerOnceThenReset answers the first request on conn, and resets the connection once the second has arrived.
func answerOnceThenReset(conn net.Conn, posts *atomic.Int32) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for n := 1; ; n++ {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		posts.Add(1)
		if n == 2 {
			_ = conn.(*net.TCPConn).SetLinger(0)
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
	}
}

// I4: a session token that leaves no room is not the record's fault; the gateway has the say.
func TestLongTokenIsNotTheRecordsFault(t *testing.T) {
	s := newServer(t, taken)
	long := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "KEY", SecretAccessKey: "s", SessionToken: strings.Repeat("t", maxHeaderValues)}, nil
	})
	tr, err := Open(config(s.URL), identity(t, long))
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if err := send(t, tr, record("{}")).Err; err != nil {
		t.Errorf("got %v, want it sent", err)
	}
}

// A server may answer before it has read the body; the HTTP client goes on writing it. The race detector sees that.
func TestTheBodyOfTheRecordIsNotReadAfterSend(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	returned, drained := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(drained)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 1024))
		fmt.Fprint(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
		<-returned
		_, _ = io.Copy(io.Discard, conn)
	}()
	tr := openOn(t, "http://"+l.Addr().String(), func(c *Config) { c.MaxRecordBytes = 10 << 20 })
	r := record(strings.Repeat("x", 9<<20)) // more than the sockets take by themselves
	if e := fault.From(send(t, tr, r).Err); e == nil || e.Reason != "record_too_large" {
		t.Errorf("got %v, want record_too_large", e)
	}
	close(returned)
	for i := range r.Body {
		r.Body[i] = 'y'
	}
	<-drained
}
