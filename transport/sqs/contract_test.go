package sqs_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"

	"sluice/internal/awscreds"
	"sluice/internal/awslocal"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/sqs"
	"sluice/transport/transporttest"
)

// startStandIn serves a stand-in whose queue has that name, and returns its variables.
func startStandIn(t *testing.T, queue string) map[string]string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := awslocal.New(awslocal.Options{BaseURL: "http://" + l.Addr().String(), Queue: queue})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	env := map[string]string{"address": "http://" + l.Addr().String()}
	for _, v := range s.Environment() {
		env[v.Name] = v.Value
	}
	return env
}

// settings are those of a client of the server at address.
func settings(address, key, secret string) aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(address), HTTPClient: awshttp.NewBuildableClient(),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, nil
		})}
}

func newIdentity(t *testing.T, c aws.Config, role awscreds.Config) *awscreds.AWS {
	t.Helper()
	a, err := awscreds.New(c, role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func newDriver(t *testing.T, cfg sqs.Config, a *awscreds.AWS) *sqs.Transport {
	t.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	tr, err := sqs.Open(t.Context(), cfg, a)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// onStandIn opens the driver with a role that it assumes at the stand-in.
func onStandIn(t *testing.T, env map[string]string, cfg sqs.Config) *sqs.Transport {
	c := settings(env["address"], env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
	return newDriver(t, cfg, newIdentity(t, c, awscreds.Config{ARN: env["SLUICE_ROLE_ARN"], ExternalID: env["SLUICE_ROLE_EXTERNAL_ID"]}))
}

// drain receives and deletes all that the queue holds.
func drain(t *testing.T, c aws.Config, queue string) []transport.Record {
	t.Helper()
	http := newIdentity(t, c, awscreds.Config{}).HTTPClient() // the SDK's own loses long answers under load
	defer http.CloseIdleConnections()
	client := api.NewFromConfig(c, func(o *api.Options) { o.HTTPClient = http })
	var recs []transport.Record
	for {
		out, err := client.ReceiveMessage(t.Context(), &api.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return recs
		}
		for _, m := range out.Messages {
			r := transport.Record{Body: []byte(*m.Body), Headers: map[string]string{}}
			for name, v := range m.MessageAttributes {
				switch name {
				case "sluice-id":
					r.ID = *v.StringValue
				case "sluice-key":
					r.Key = *v.StringValue
				default:
					r.Headers[name] = *v.StringValue
				}
			}
			recs = append(recs, r)
			if _, err := client.DeleteMessage(t.Context(), &api.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestContract(t *testing.T) {
	for _, queue := range []string{"records", "records.fifo"} {
		t.Run(queue, func(t *testing.T) {
			transporttest.Run(t, transporttest.Harness{
				Open: func(t *testing.T) (transport.Transport, func() []transport.Record) {
					env := startStandIn(t, queue)
					c := settings(env["address"], env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
					return onStandIn(t, env, sqs.Config{QueueURL: env["SLUICE_SQS_QUEUE_URL"]}),
						func() []transport.Record { return drain(t, c, env["SLUICE_SQS_QUEUE_URL"]) }
				},
				Missing: func(t *testing.T) transport.Transport {
					return onStandIn(t, startStandIn(t, queue), sqs.Config{QueueName: "not-there-" + queue})
				},
				Unreachable: func(t *testing.T) transport.Transport {
					closed := httptest.NewServer(nil)
					closed.Close()
					return newDriver(t, sqs.Config{QueueURL: closed.URL + "/1/" + queue}, newIdentity(t, settings(closed.URL, "KEY", "secret"), awscreds.Config{}))
				},
				Silent: func(t *testing.T) transport.Transport {
					silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						_, _ = io.Copy(io.Discard, r.Body)
						<-r.Context().Done()
					}))
					t.Cleanup(silent.Close)
					return newDriver(t, sqs.Config{QueueURL: silent.URL + "/1/" + queue, Timeout: 2 * time.Second}, newIdentity(t, settings(silent.URL, "KEY", "secret"), awscreds.Config{}))
				},
			})
		})
	}
}

func TestRepeatsAreDroppedByAFIFOQueue(t *testing.T) {
	env := startStandIn(t, "records.fifo")
	tr := onStandIn(t, env, sqs.Config{QueueName: "records.fifo"})
	defer tr.Close()
	recs := transporttest.Records(10)
	for range 3 {
		for i, r := range tr.Send(t.Context(), recs) {
			if r.Err != nil {
				t.Errorf("%s: %v", recs[i].ID, r.Err)
			}
		}
	}
	got := drain(t, settings(env["address"], env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]), env["SLUICE_SQS_QUEUE_URL"])
	if len(got) != len(recs) {
		t.Errorf("%d messages after sending %d records three times, want each once", len(got), len(recs))
	}
}

func TestFairQueue(t *testing.T) {
	env := startStandIn(t, "records")
	tr := onStandIn(t, env, sqs.Config{QueueURL: env["SLUICE_SQS_QUEUE_URL"], FairQueue: true})
	defer tr.Close()
	recs := transporttest.Records(10)
	recs[0].Key = ""
	recs[1].Key = "a key with spaces"
	for i, r := range tr.Send(t.Context(), recs) {
		if r.Err != nil {
			t.Errorf("%s: %v", recs[i].ID, r.Err)
		}
	}
}

func TestWrongCredentialsBlock(t *testing.T) {
	env := startStandIn(t, "records")
	for name, tc := range map[string]struct {
		key, secret string
		role        awscreds.Config
		reason      string
	}{
		"wrong secret":      {env["AWS_ACCESS_KEY_ID"], "wrong", awscreds.Config{}, "bad_signature"},
		"unknown key":       {"NOBODY", "wrong", awscreds.Config{}, "key_unknown"},
		"wrong external id": {env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], awscreds.Config{ARN: env["SLUICE_ROLE_ARN"], ExternalID: "wrong"}, "role_denied"},
		"another role":      {env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], awscreds.Config{ARN: env["SLUICE_ROLE_ARN"] + "x"}, "role_denied"},
		"role, bad secret":  {env["AWS_ACCESS_KEY_ID"], "wrong", awscreds.Config{ARN: env["SLUICE_ROLE_ARN"]}, "sts_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newDriver(t, sqs.Config{QueueURL: env["SLUICE_SQS_QUEUE_URL"]}, newIdentity(t, settings(env["address"], tc.key, tc.secret), tc.role))
			defer tr.Close()
			e := fault.From(tr.Send(t.Context(), transporttest.Records(1))[0].Err)
			if e == nil || e.Class != fault.Blocked || e.Reason != tc.reason || !strings.Contains(e.Error(), "; ") {
				t.Errorf("got %v (%+v), want Blocked %s and what to do", e, e, tc.reason)
			}
		})
	}
}
