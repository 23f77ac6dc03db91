package farend

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"

	"sluice/bench/audit"
	"sluice/bench/clock"
	"sluice/bench/cost"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/bench/workload"
	"sluice/internal/awslocal"
	"sluice/internal/awslocal/apigateway"
	"sluice/internal/drivers"
	"sluice/transport"
)

// canary is the password of every server of these tests, and must not be shown.
const canary = "canary-password"

const few = `
workload: 1
transports: [memory, sqs, apigateway, jetstream, rabbitmq]
records: {size: {dist: fixed, bytes: 200B}, keys: {n: 20}}
phases:
  - {name: steady, rate: 500/s, arrivals: constant, duration: 500ms}
  - {name: max, closed: true, concurrency: [3], duration: 100ms}
batching: {max_records: 5, linger: 5ms}
trials: {warmup: 50ms, drain: 20s}
`

// optionsOf returns those of a run of a workload of which nobody else has the name.
func optionsOf(t *testing.T, text string, embedded bool) Options {
	t.Helper()
	w, err := workload.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return Options{Run: fmt.Sprintf("t%x", time.Now().UnixNano()), Workload: w, Embedded: embedded}
}

// setenv makes the environment that of these pairs, without any other setting of ours.
func setenv(t *testing.T, pairs ...string) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); len(Clean([]string{pair})) == 0 {
			t.Setenv(name, "") // so that it comes back after the test
			_ = os.Unsetenv(name)
		}
	}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
}

// deliver runs one trial through a far end, with the settings that a sender in another process would get.
func deliver(t *testing.T, far *trial.FarEnd, o Options) result.Trial {
	t.Helper()
	got, err := trialOf(t, t.Context(), far, o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// trialOf is deliver until ctx ends.
func trialOf(t *testing.T, ctx context.Context, far *trial.FarEnd, o Options) (result.Trial, error) {
	t.Helper()
	setenv(t, far.Env...)
	s, err := drivers.Load(drivers.ForTransport)
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Transport(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	pool, err := o.Workload.Pool(nil)
	if err != nil {
		t.Fatal(err)
	}
	runner := &trial.Runner{Run: o.Run, Workload: o.Workload, Pool: pool, Clock: clock.New(), Book: cost.DefaultBook(), Patience: o.Workload.Trials.Drain}
	runner.Sender = func(context.Context, *trial.FarEnd, int) (trial.Sender, error) {
		return trial.Inside{Sender: &load.Sender{Transport: d, Timeout: d.Timeout, Clock: runner.Clock, Record: func(seq int) transport.Record {
			body := pool.Body(seq)
			return transport.Record{ID: audit.ID(o.Run, 0, seq, body), Key: pool.Key(seq), Body: body}
		}}}, nil
	}
	return runner.Trial(ctx, far, 0, 0, 0)
}

// wantDelivered checks that every record of the phases was accepted and, if somebody looked, is there.
func wantDelivered(t *testing.T, far *trial.FarEnd, got result.Trial) {
	t.Helper()
	a := got.Audit
	if a.Sent < 250 || a.Accepted != a.Sent || a.Lost+a.Ghosts+a.Corrupt+a.InDoubt > 0 || len(got.Unexpected) > 0 {
		t.Errorf("%+v, want some hundred records, all accepted and none lost; unexpected: %q", a, got.Unexpected)
	}
	for _, p := range got.Phases {
		if p.Processed != p.Accepted {
			t.Errorf("phase %s: %d of %d accepted records processed", p.Name, p.Processed, p.Accepted)
		}
	}
	for _, why := range got.Because {
		if strings.Contains(why, "left at the far end") || strings.Contains(why, "copies") {
			t.Error(why)
		}
	}
	if text := fmt.Sprintf("%+v", far.Target); strings.Contains(text, canary) {
		t.Errorf("the target shows a secret: %s", text)
	}
}

func shut(t *testing.T, far *trial.FarEnd) {
	t.Helper()
	if far.Close == nil {
		return
	}
	if err := far.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEmbedded(t *testing.T) {
	for _, c := range []struct {
		name, kind string
		option     cost.Option
	}{
		{"memory", result.Null, cost.Memory},
		{"sqs", result.StandIn, cost.SQSStandard},
		{"apigateway", result.StandIn, cost.REST},
		{"jetstream", result.Embedded, cost.JetStream},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			setenv(t, "SLUICE_TRANSPORT=nonsense", "SLUICE_SQS_QUEUE_URL=http://127.0.0.1:1/0/q", "SLUICE_JETSTREAM_URL=nats://127.0.0.1:1", "AWS_REGION=xx-west-1")
			o := optionsOf(t, few, true)
			far, err := Open(t.Context(), c.name, o)
			if err != nil {
				t.Fatal(err)
			}
			if far.Target.Kind != c.kind || far.Option != c.option || far.Target.Transport != c.name {
				t.Errorf("%+v billed as %s, want a %s of kind %s billed as %s", far.Target, far.Option, c.name, c.kind, c.option)
			}
			wantDelivered(t, far, deliver(t, far, o))
			shut(t, far)
			if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
				t.Errorf("left in the temporary folder: %v %v", left, err)
			}
		})
	}
}

// A cloud is a stand-in that somebody else has started, with the settings of its user.
type cloud struct {
	*httptest.Server
	env    []string
	client *api.Client
}

func startCloud(t *testing.T) *cloud { return startCloudBefore(t, nil) }

// startCloudBefore starts one with a function behind its API.
func startCloudBefore(t *testing.T, records apigateway.Lambda) *cloud {
	t.Helper()
	c := &cloud{Server: httptest.NewUnstartedServer(nil)}
	standIn, err := awslocal.New(awslocal.Options{BaseURL: "http://" + c.Listener.Addr().String(), APIKey: "canary00password00canary00", Records: records})
	if err != nil {
		t.Fatal(err)
	}
	c.Config.Handler = standIn
	c.Start()
	t.Cleanup(func() {
		c.CloseClientConnections()
		c.Close()
		standIn.Close()
	})
	vars := map[string]string{}
	for _, v := range standIn.Environment() {
		vars[v.Name] = v.Value
		if v.Name != "SLUICE_SQS_QUEUE_URL" {
			c.env = append(c.env, v.Name+"="+v.Value)
		}
	}
	c.client = api.New(api.Options{Region: vars["AWS_REGION"], BaseEndpoint: &c.URL,
		Credentials: credentials.NewStaticCredentialsProvider(vars["AWS_ACCESS_KEY_ID"], vars["AWS_SECRET_ACCESS_KEY"], "")})
	return c
}

func (c *cloud) queue(t *testing.T, name string) (url string) {
	t.Helper()
	in := &api.CreateQueueInput{QueueName: &name}
	if strings.HasSuffix(name, ".fifo") {
		in.Attributes = map[string]string{"FifoQueue": "true"}
	}
	out, err := c.client.CreateQueue(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.QueueUrl)
}

func (c *cloud) queues(t *testing.T) (names []string) {
	t.Helper()
	out, err := c.client.ListQueues(t.Context(), &api.ListQueuesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range out.QueueUrls {
		names = append(names, url[strings.LastIndexByte(url, '/')+1:])
	}
	slices.Sort(names)
	return names
}

func TestConfiguredSQS(t *testing.T) {
	whole(t)
	c := startCloud(t)
	own, byName, ordered := c.queue(t, "own"), c.queue(t, "by-name"), c.queue(t, "ordered.fifo")
	before := c.queues(t)
	reply := strings.Replace(few, "trials:", "consumer: {mode: reply}\ntrials:", 1)
	for _, test := range []struct {
		name, workload, env string
		option              cost.Option
		consumer, queue     string
	}{
		{"made for the run", few, "SLUICE_SQS_TIMEOUT=10s", cost.SQSStandard, "own", "/sluice-bench-"},
		{"by address", few, "SLUICE_SQS_QUEUE_URL=" + own, cost.SQSStandard, "own", "/own"},
		{"by name", few, "SLUICE_SQS_QUEUE_NAME=by-name", cost.SQSStandard, "own", "/by-name"},
		{"FIFO", few, "SLUICE_SQS_QUEUE_URL=" + ordered, cost.SQSFIFO, "own", "/ordered.fifo"},
		{"nobody receives", reply, "SLUICE_SQS_QUEUE_URL=" + byName, cost.SQSStandard, "reply", "/by-name"},
		{"nobody receives, and it is full", reply, "SLUICE_SQS_QUEUE_URL=" + byName, cost.SQSStandard, "reply", "/by-name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			setenv(t, append(slices.Clone(c.env), test.env)...)
			o := optionsOf(t, test.workload, false)
			far, err := Open(t.Context(), "sqs", o)
			if err != nil {
				t.Fatal(err)
			}
			got := far.Target
			if got.Kind != result.Local || far.Option != test.option || got.Consumer != test.consumer || !strings.Contains(got.Name, test.queue) {
				t.Errorf("%+v billed as %s, want a queue %s at an address of this machine, billed as %s, %s", got, far.Option, test.queue, test.option, test.consumer)
			}
			if test.consumer == "own" && got.Settings["VisibilityTimeout"] == "" {
				t.Errorf("the target has the settings %v, want those of the queue", got.Settings)
			}
			delivered := deliver(t, far, o)
			wantDelivered(t, far, delivered)
			if n := delivered.Audit.Duplicates.Total; test.option == cost.SQSFIFO && n > 0 {
				t.Errorf("%d duplicates in a FIFO queue", n)
			}
			shut(t, far)
			if after := c.queues(t); !slices.Equal(after, before) {
				t.Errorf("there are the queues %q, want %q as before", after, before)
			}
		})
	}
}

func TestConfiguredGateway(t *testing.T) {
	whole(t)
	c := startCloud(t)
	setenv(t, c.env...)
	o := optionsOf(t, few, false)
	far, err := Open(t.Context(), "apigateway", o)
	if err != nil {
		t.Fatal(err)
	}
	if far.Target.Kind != result.Local || far.Target.Consumer != "reply" || far.Target.MaxRecords != 1 {
		t.Errorf("%+v, want an address of this machine whose reply is all that is seen", far.Target)
	}
	wantDelivered(t, far, deliver(t, far, o))
	shut(t, far)
}

// TestWhereTheSDKSendsDecidesWhoServes: the address of a queue may be Amazon's, and its requests go elsewhere.
func TestWhereTheSDKSendsDecidesWhoServes(t *testing.T) {
	for _, c := range []struct {
		name, endpoint, url string
		kind, region, show  string
	}{
		{"Amazon's queue at Amazon", "", "https://sqs.eu-west-1.amazonaws.com/1/q", result.AWS, "eu-west-1", "https://sqs.eu-west-1.amazonaws.com/1/q"},
		{"Amazon's queue behind a stand-in", "http://127.0.0.1:4566", "https://sqs.eu-west-1.amazonaws.com/1/q", result.Local, "", "http://127.0.0.1:4566/1/q"},
		{"an endpoint of a VPC", "https://vpce-1-2.sqs.eu-west-1.vpce.amazonaws.com", "https://sqs.eu-west-1.amazonaws.com/1/q", result.AWS, "eu-west-1", "https://vpce-1-2.sqs.eu-west-1.vpce.amazonaws.com/1/q"},
		{"a stand-in's queue that is asked for at Amazon", "", "http://127.0.0.1:4566/1/q", result.AWS, "us-east-1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			setenv(t, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=LKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=none", "AWS_ENDPOINT_URL_SQS="+c.endpoint)
			r, err := newReceiver(t.Context(), c.url)
			if err != nil {
				t.Fatal(err)
			}
			defer r.shut()
			got := r.target()
			if got.Kind != c.kind || got.Region != c.region || c.show != "" && got.Name != c.show {
				t.Errorf("kind %q in %q as %q, want %q in %q as %q", got.Kind, got.Region, got.Name, c.kind, c.region, c.show)
			}
		})
	}
}

// TestCheck: settings are looked at without asking anybody.
func TestCheck(t *testing.T) {
	const url = "http://127.0.0.1:1/000000000000/q"
	for _, c := range []struct {
		name, transport string
		env             []string
		absent          bool
		want            string // in the error; empty: none
	}{
		{"nothing set", "sqs", nil, true, "SLUICE_SQS_QUEUE_URL"},
		{"a region is enough for a queue", "sqs", []string{"AWS_REGION=us-east-1"}, false, ""},
		{"a queue", "sqs", []string{"SLUICE_SQS_QUEUE_URL=" + url}, false, ""},
		{"a queue twice", "sqs", []string{"SLUICE_SQS_QUEUE_URL=" + url, "SLUICE_SQS_QUEUE_NAME=q"}, false, "are both set"},
		{"another transport is selected", "sqs", []string{"SLUICE_SQS_QUEUE_URL=" + url, "SLUICE_TRANSPORT=apigateway"}, false, ""},
		{"no API", "apigateway", []string{"AWS_REGION=us-east-1"}, true, "SLUICE_APIGATEWAY_URL"},
		{"an API without TLS", "apigateway", []string{"SLUICE_APIGATEWAY_URL=http://example.com/v1"}, false, "use https"},
		{"a server without a subject", "jetstream", []string{"SLUICE_JETSTREAM_URL=nats://127.0.0.1:1"}, false, ""},
		{"a subject without its stream", "jetstream", []string{"SLUICE_JETSTREAM_URL=nats://127.0.0.1:1", "SLUICE_JETSTREAM_SUBJECT=s"}, false, "SLUICE_JETSTREAM_STREAM: not set"},
		{"a broker without a queue", "rabbitmq", []string{"SLUICE_RABBITMQ_URL=amqp://127.0.0.1:1"}, false, ""},
		{"an exchange", "rabbitmq", []string{"SLUICE_RABBITMQ_URL=amqp://127.0.0.1:1", "SLUICE_RABBITMQ_EXCHANGE=e"}, false, "SLUICE_RABBITMQ_EXCHANGE: the benchmark has to know"},
		{"a password in the address", "rabbitmq", []string{"SLUICE_RABBITMQ_URL=amqp://u:" + canary + "@127.0.0.1:1"}, false, "SLUICE_RABBITMQ_URL: holds a user or password"},
		{"no such transport", "pigeon", nil, false, `no far end for the transport "pigeon"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			setenv(t, c.env...)
			before := os.Environ()
			err := Check(c.transport, optionsOf(t, few, false))
			if text := fmt.Sprint(err); (err != nil) != (c.want != "") || !strings.Contains(text, c.want) || strings.Contains(text, canary) {
				t.Errorf("got %v, want %q and no password", err, c.want)
			}
			if errors.Is(err, ErrAbsent) != c.absent {
				t.Errorf("absent is %v, want %v: %v", !c.absent, c.absent, err)
			}
			if after := os.Environ(); !slices.Equal(sorted(before), sorted(after)) {
				t.Errorf("the environment is %q, want it as it was: %q", after, before)
			}
		})
	}
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
