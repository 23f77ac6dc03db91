package awslocal

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestEnvironment(t *testing.T) {
	s, err := New(Options{BaseURL: "http://127.0.0.1:4599/", ExternalID: "ext-1", APIKey: strings.Repeat("k", 30)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var names []string
	values := map[string]string{}
	for _, v := range s.Environment() {
		names = append(names, v.Name)
		values[v.Name] = v.Value
	}
	if want := strings.Fields("AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION AWS_DEFAULT_REGION AWS_EC2_METADATA_DISABLED AWS_ENDPOINT_URL_SQS " +
		"AWS_ENDPOINT_URL_STS SLUICE_SQS_QUEUE_URL SLUICE_APIGATEWAY_URL SLUICE_APIGATEWAY_REGION SLUICE_APIGATEWAY_API_KEY SLUICE_ROLE_ARN SLUICE_ROLE_EXTERNAL_ID"); !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	for name, want := range map[string]string{
		"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:4599", "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:4599",
		"SLUICE_SQS_QUEUE_URL": "http://127.0.0.1:4599/000000000000/records", "SLUICE_APIGATEWAY_URL": "http://127.0.0.1:4599/v1/records",
		"SLUICE_APIGATEWAY_API_KEY": strings.Repeat("k", 30), "SLUICE_ROLE_ARN": "arn:aws:iam::000000000000:role/sluice-writer", "SLUICE_ROLE_EXTERNAL_ID": "ext-1",
	} {
		if values[name] != want {
			t.Errorf("%s is %s, want %s", name, values[name], want)
		}
	}
	if id := values["AWS_ACCESS_KEY_ID"]; len(id) != 20 || !strings.HasPrefix(id, "LKIA") {
		t.Errorf("access key %s: want 20 characters that begin with LKIA", id)
	}
}

func TestRefusedOptions(t *testing.T) {
	const base = "http://127.0.0.1:1"
	for name, o := range map[string]Options{
		"no base URL":         {},
		"base URL elsewhere":  {BaseURL: "http://10.0.0.1:4599"},
		"short account":       {BaseURL: base, Account: "123"},
		"session of 13 hours": {BaseURL: base, MaxSession: 13 * time.Hour},
		"token over 4096":     {BaseURL: base, TokenLength: 4097},
		"bad queue name":      {BaseURL: base, Queue: "a b"},
		"bad API key":         {BaseURL: base, APIKey: "short"},
		"bad schema":          {BaseURL: base, RecordSchema: []byte("{")},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestAnswersLoopbackHostsOnly(t *testing.T) {
	s, err := New(Options{BaseURL: "http://127.0.0.1:4599"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:4599": true, "127.0.0.1:4599": true, "127.1.2.3": true, "[::1]:4599": true, "[::1]": true,
		"stand-in.localhost:4599": true, "a.B.LocalHost": true, "notlocalhost": false, "localhost.": false,
		"": false, "example.com": false, "localhost.example.com:4599": false, "127.0.0.1.example.com": false, "0.0.0.0:4599": false, "10.0.0.1": false, "[::]:1": false,
		"169.254.169.254": false,
	} {
		r := httptest.NewRequest("POST", "/v1/records", nil)
		r.Host = host
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		refused := strings.HasPrefix(w.Body.String(), "The stand-in answers requests to localhost only")
		if refused == want || w.Code != 403 || w.Header().Get("X-Amzn-Requestid") == "" {
			t.Errorf("Host %q: got %d %s, want it let in: %v", host, w.Code, w.Body, want)
		}
	}
}

func TestListenLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:0": true, "127.0.0.2:0": true,
		":0": false, "0.0.0.0:0": false, "[::]:0": false, "localhost:0": false, "10.0.0.1:0": false, "127.0.0.1": false,
	} {
		ln, err := ListenLoopback(addr)
		if (err == nil) != want {
			t.Errorf("%s: got %v, want it listened on: %v", addr, err, want)
		}
		if err == nil {
			ln.Close()
		}
	}
}

// TestUnauthenticatedRequests: SQS and STS answer in their own shapes.
func TestUnauthenticatedRequests(t *testing.T) {
	s := start(t, Options{})
	form := "Action=GetCallerIdentity&Version=2011-06-15"
	list := "Action=ListQueues&Version=2012-11-05"
	wrong := s.user()
	wrong.SecretAccessKey += "x"
	for _, c := range []struct {
		name, target, body string
		as                 *aws.Credentials
		service            string
		status             int
		want               []string
	}{
		{"STS unsigned", "", form, nil, "", 403, []string{"<ErrorResponse", "<Code>MissingAuthenticationToken</Code>", "<Message>Request is missing Authentication Token</Message>"}},
		{"STS with a wrong secret", "", form, &wrong, "sts", 403, []string{"<Code>SignatureDoesNotMatch</Code>"}},
		{"STS signed for SQS", "", form, &wrong, "sqs", 403, []string{"<Code>SignatureDoesNotMatch</Code>", "Credential should be scoped to correct service: &#39;sts&#39;. "}},
		{"SQS query unsigned", "", list, nil, "", 403, []string{"<ErrorResponse", "<Code>MissingAuthenticationToken</Code>"}},
		{"SQS query with a wrong secret", "", list, &wrong, "sqs", 403, []string{"<Code>SignatureDoesNotMatch</Code>"}},
		{"SQS JSON unsigned", "AmazonSQS.ListQueues", "{}", nil, "", 403, []string{`"__type":"com.amazon.coral.service#MissingAuthenticationTokenException"`}},
		{"SQS JSON with a wrong secret", "AmazonSQS.ListQueues", "{}", &wrong, "sqs", 403, []string{`"__type":"com.amazon.coral.service#InvalidSignatureException"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), "POST", s.url("/"), strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if c.target != "" {
				r.Header.Set("Content-Type", "application/x-amz-json-1.0")
				r.Header.Set("X-Amz-Target", c.target)
			}
			if c.as != nil {
				s.sign(t, r, *c.as, c.service, time.Time{})
			}
			got := send(t, r)
			for _, want := range c.want {
				if got.status != c.status || !strings.Contains(got.body, want) {
					t.Errorf("got %d %s, want %d and %s", got.status, got.body, c.status, want)
				}
			}
			if got.header.Get("X-Amzn-Requestid") == "" {
				t.Error("no x-amzn-RequestId")
			}
		})
	}
}

func TestRouting(t *testing.T) {
	const scope = "AWS4-HMAC-SHA256 Credential=LKIA/20261122/us-east-1/%s/aws4_request, SignedHeaders=host, Signature=0"
	for _, c := range []struct {
		name, method, target, amzTarget, body, scope string
		want                                         string
	}{
		{"JSON target", "POST", "/", "AmazonSQS.SendMessage", "{}", "", "sqs"},
		{"JSON target at the queue", "POST", "/000000000000/records", "AmazonSQS.SendMessage", "{}", "sqs", "sqs"},
		{"form for SQS", "POST", "/", "", "Action=ListQueues&Version=2012-11-05", "", "sqs"},
		{"form for SQS at the queue", "POST", "/000000000000/records", "", "Action=SendMessage&Version=2012-11-05", "", "sqs"},
		{"query for SQS", "GET", "/?Action=ListQueues&Version=2012-11-05", "", "", "", "sqs"},
		{"only the scope says SQS", "POST", "/", "", "{}", "sqs", "sqs"},
		{"form for STS", "POST", "/", "", "Action=GetCallerIdentity&Version=2011-06-15", "", "sts"},
		{"query for STS", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", "", "", "", "sts"},
		{"only the scope says STS", "POST", "/", "", "", "sts", "sts"},
		{"path of the API", "POST", "/v1/records", "", "{}", "execute-api", "execute-api"},
		{"path of the API signed for SQS", "POST", "/v1/records", "", "{}", "sqs", "execute-api"},
		{"path of the API with a form", "POST", "/v1/records", "", "Action=x&Version=2012-11-05", "", "execute-api"},
		{"nothing known", "GET", "/", "", "", "", "execute-api"},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		r.Header.Set("Content-Type", formType)
		if c.amzTarget != "" {
			r.Header.Set("X-Amz-Target", c.amzTarget)
		}
		if c.scope != "" {
			r.Header.Set("Authorization", strings.Replace(scope, "%s", c.scope, 1))
		}
		if got := serviceOf(r, []byte(c.body)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestSDKGetsASession: the SDK's STS client understands the answers, and its SQS client may use the session.
func TestSDKGetsASession(t *testing.T) {
	s := start(t, Options{TokenLength: 64})
	out, err := s.sts(t, s.user()).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String(s.env["SLUICE_ROLE_ARN"]), RoleSessionName: aws.String("sdk"), ExternalId: aws.String(s.env["SLUICE_ROLE_EXTERNAL_ID"]),
		DurationSeconds: aws.Int32(900), MinimumSessionTokenSize: aws.Int32(2000),
	})
	if err != nil {
		t.Fatalf("AssumeRole: %v", err)
	}
	c := out.Credentials
	if left := time.Until(*c.Expiration); left < 14*time.Minute || left > 15*time.Minute || len(*c.SessionToken) != 2000 {
		t.Errorf("got a session of %v and a token of %d characters, want 15 minutes and 2000", left, len(*c.SessionToken))
	}
	session := aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}
	who, err := s.sts(t, session).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if want := "arn:aws:sts::000000000000:assumed-role/sluice-writer/sdk"; err != nil || *who.Arn != want || *who.Arn != *out.AssumedRoleUser.Arn {
		t.Errorf("GetCallerIdentity: got %v, %v; want %s", who, err, want)
	}
	if _, err := s.sqs(t, session).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(s.env["SLUICE_SQS_QUEUE_URL"]), MessageBody: aws.String("x")}); err != nil {
		t.Errorf("SendMessage with the session: %v", err)
	}
}

// TestServeEndsLongPolls: at a stop a receive that waits gets its answer, and Serve returns.
func TestServeEndsLongPolls(t *testing.T) {
	ln, err := ListenLoopback("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{BaseURL: "http://" + ln.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, v := range s.Environment() {
		env[v.Name] = v.Value
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	client := &standin{s, env}
	form := url.Values{"Action": {"ReceiveMessage"}, "Version": {"2012-11-05"}, "QueueUrl": {env["SLUICE_SQS_QUEUE_URL"]}, "WaitTimeSeconds": {"20"}}
	r, err := http.NewRequest("POST", client.url("/"), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", formType)
	r.Header.Set("Expect", "100-continue") // answered as soon as the handler asks for the body: then the request is in flight
	client.sign(t, r, client.user(), "sqs", time.Time{})
	inFlight := make(chan struct{})
	r = r.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(inFlight) }}))
	received := make(chan error, 1)
	go func() {
		res, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}).Do(r)
		if err == nil && res.StatusCode != 200 {
			err = errors.New(res.Status)
		}
		received <- err
	}()
	select {
	case <-inFlight:
	case err := <-received:
		t.Fatalf("the receive did not wait: %v", err)
	}
	stop()
	if err := <-served; err != nil {
		t.Errorf("Serve: got %v, want nil after a stop", err)
	}
	if err := <-received; err != nil {
		t.Errorf("receive that waited: got %v, want an empty answer", err)
	}
}

// BenchmarkPost is one signed POST of 1 KiB through the whole front into the queue, without a network.
func BenchmarkPost(b *testing.B) {
	s := start(b, Options{Records: says(`{}`)})
	role := s.role(b)
	body := `{"s": "` + strings.Repeat("x", 1014) + `"}`
	if !json.Valid([]byte(body)) {
		b.Fatal("not JSON")
	}
	signed := s.request(b, "/v1/records", body)
	signed.Header.Set("X-Sluice-Record-Id", "id-1")
	s.sign(b, signed, role, "execute-api", time.Time{})
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/v1/records", strings.NewReader(body))
		r.Host, r.Header = signed.URL.Host, signed.Header
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
}
