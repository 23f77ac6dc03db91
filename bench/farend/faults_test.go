package farend

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"sluice/bench/audit"
	"sluice/bench/clock"
	"sluice/bench/cost"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/bench/workload"
	"sluice/internal/awscreds"
	"sluice/internal/secret"
	"sluice/transport"
	"sluice/transport/apigateway"
	"sluice/transport/sqs"
)

// Limits of a request: short where a fault leaves it without an answer, and else so long that no machine is too busy for it.
const (
	shortTimeout = 300 * time.Millisecond
	longTimeout  = 20 * time.Second
)

// A bed is a stand-in, the real driver to it, and what runs trials of one workload between them.
type bed struct {
	far      *trial.FarEnd
	identity *awscreds.AWS
	runner   *trial.Runner
	trials   int
}

// newBed returns one that sends from this process.
func newBed(t *testing.T, name, text string) *bed {
	t.Helper()
	b := openBed(t, name, text)
	timeout := longTimeout
	if strings.Contains(text, "lost_ack") {
		timeout = shortTimeout
	}
	b.sendFromHere(t, name, timeout)
	return b
}

// sendFromHere lets this process be the sender.
func (b *bed) sendFromHere(t *testing.T, name string, timeout time.Duration) {
	t.Helper()
	tr, pool := b.driver(t, name, timeout), b.runner.Pool
	b.runner.Sender = func(_ context.Context, _ *trial.FarEnd, number int) (trial.Sender, error) {
		return trial.Inside{Sender: &load.Sender{Transport: tr, Clock: b.runner.Clock, Sleep: clock.Sleep, Record: func(seq int) transport.Record {
			body := pool.Body(seq)
			return transport.Record{ID: audit.ID("run", number, seq, body), Key: pool.Key(seq), Body: body}
		}}}, nil
	}
}

// openBed returns one without a driver.
func openBed(t *testing.T, name, text string) *bed {
	t.Helper()
	w, err := workload.Parse([]byte("workload: 1\ntransports: [" + name + "]\n" + text))
	if err != nil {
		t.Fatal(err)
	}
	pool, err := w.Pool(nil)
	if err != nil {
		t.Fatal(err)
	}
	book, err := cost.LoadBook(w.PriceBook)
	if err != nil {
		t.Fatal(err)
	}
	far, err := Open(t.Context(), name, Options{Run: "run", Workload: w, Embedded: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := far.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &bed{far: far, runner: &trial.Runner{Run: "run", Workload: w, Pool: pool, Clock: clock.New(), Book: book, Patience: w.Trials.Drain}}
}

// driver opens the driver with the settings that a sender in another process would get by its environment.
func (b *bed) driver(t *testing.T, name string, timeout time.Duration) transport.Transport {
	t.Helper()
	env := map[string]string{}
	for _, pair := range b.far.Env {
		key, value, _ := strings.Cut(pair, "=")
		env[key] = value
	}
	base := env["AWS_ENDPOINT_URL_STS"]
	identity, err := awscreds.New(aws.Config{Region: env["AWS_REGION"], BaseEndpoint: &base,
		Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], "")},
		awscreds.Config{ARN: env["SLUICE_ROLE_ARN"], ExternalID: env["SLUICE_ROLE_EXTERNAL_ID"]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(identity.Close)
	b.identity = identity
	var tr transport.Transport
	switch name {
	case "sqs":
		tr, err = sqs.Open(t.Context(), sqs.Config{QueueURL: env["SLUICE_SQS_QUEUE_URL"], Timeout: timeout}, identity)
	case "apigateway":
		tr, err = apigateway.Open(apigateway.Config{URL: env["SLUICE_APIGATEWAY_URL"], Region: env["SLUICE_APIGATEWAY_REGION"],
			APIKey: secret.New(env["SLUICE_APIGATEWAY_API_KEY"]), ContentType: "application/json", Success: "object",
			MaxRecordBytes: 4 << 20, Timeout: timeout}, identity)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}

func (b *bed) run(t *testing.T) result.Trial {
	t.Helper()
	b.trials++
	got, err := b.runner.Trial(t.Context(), b.far, b.trials, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

const small = `
records: {size: {dist: fixed, bytes: 200B}, keys: {n: 20}}
phases: [{name: faulty, rate: 600/s, duration: 700ms}]
batching: {max_records: 5, linger: 5ms}
trials: {warmup: 50ms, drain: 15s}
`

// count adds up the errors whose names begin so.
func count(got result.Trial, prefix string) int {
	n := 0
	for name, of := range got.Errors {
		if strings.HasPrefix(name, prefix) {
			n += of
		}
	}
	return n
}

// atLeast is a condition on a number.
func atLeast[N int | float64](what string, got, want N) string {
	if got < want {
		return fmt.Sprintf("%s: %v, want at least %v", what, got, want)
	}
	return ""
}

// faultTests are the kinds of faults with what each shows beside the matrix that is expected of it.
var faultTests = []struct {
	kind   string
	faults string
	only   string // transport; empty: both
	shows  func(result.Trial) string
}{
	{"stall", "{kind: stall, at: 100ms, for: 200ms}", "", func(got result.Trial) string {
		return atLeast("longest accept latency in ms", got.Phases[0].Latency.Accept.Max, 150)
	}},
	{"latency", "{kind: latency, at: 100ms, by: 60ms, p: 0.5}", "", func(got result.Trial) string {
		return atLeast("p90 of the service in ms", *got.Phases[0].Latency.Service.P90, 60)
	}},
	{"5xx", "{kind: 5xx, for: 300ms, p: 0.2}", "", func(got result.Trial) string { return atLeast("retries", got.Audit.Retries, 1) }},
	{"throttle", "{kind: throttle, at: 100ms, for: 300ms, p: 0.1}", "", func(got result.Trial) string { return atLeast("throttled", count(got, "throttled"), 1) }},
	{"throttle", "{kind: throttle, rate: 5/s, for: 400ms}", "", func(got result.Trial) string {
		return atLeast("throttled", count(got, "throttled"), 1)
	}},
	{"reset_after_send", "{kind: reset_after_send, for: 400ms, p: 0.1}", "", func(got result.Trial) string {
		return atLeast("duplicates by retry", got.Audit.Duplicates.Retry, 1)
	}},
	{"lost_ack", "{kind: lost_ack, at: 100ms, for: 100ms, p: 0.2}", "", func(got result.Trial) string {
		return atLeast("duplicates by retry", got.Audit.Duplicates.Retry, 1)
	}},
	{"duplicate_delivery", "{kind: duplicate_delivery, p: 0.2}", "", func(got result.Trial) string {
		return atLeast("duplicates by the transport", got.Audit.Duplicates.Transport, 1)
	}},
	{"partial_batch_failure", "{kind: partial_batch_failure, for: 300ms, p: 0.3}", "sqs", func(got result.Trial) string {
		if got.Audit.UnknownAttempts > 0 {
			return "the outcome of an attempt is unknown, and the answer was clear"
		}
		return atLeast("retries", got.Audit.Retries, 1)
	}},
	{"slow_consumer", "{kind: slow_consumer, at: 100ms, for: 200ms, by: 50ms}", "", func(got result.Trial) string {
		return atLeast("longest latency to the end of the work in ms", got.Phases[0].Latency.Processed.Max, 50)
	}},
	{"consumer_crash", "{kind: consumer_crash, at: 200ms}", "sqs", func(got result.Trial) string {
		return atLeast("redeliveries", got.Audit.Duplicates.Redelivery, 1)
	}},
	{"consumer_crash", "{kind: consumer_crash, at: 200ms}", "apigateway", func(got result.Trial) string {
		return atLeast("duplicates by retry", got.Audit.Duplicates.Retry, 1)
	}},
	{"expired_credentials", "{kind: expired_credentials, at: 200ms}", "", nil},
	{"clock_skew", "{kind: clock_skew, at: 100ms, for: 300ms, by: 20m}", "sqs", skewed},
	{"clock_skew", "{kind: clock_skew, at: 100ms, for: 300ms, by: -20m}", "sqs", skewed},
	{"clock_skew", "{kind: clock_skew, at: 100ms, for: 300ms, by: 20m}", "apigateway", nil}, // the driver signs anew in the same attempt
}

// skewed is what SQS shows: the attempt fails, and the next one is signed by the clock of the service.
func skewed(got result.Trial) string {
	return atLeast("attempts refused for the clock", count(got, "transient: clock_skew"), 1)
}

// Whatever goes wrong, every record is accounted for, and the matrix is the one that the fault allows. The drivers are the
// real ones.
func TestEveryFaultHasItsMatrix(t *testing.T) {
	t.Parallel()
	whole(t)
	tested := map[string]bool{}
	for _, c := range faultTests {
		tested[c.kind] = true
		for _, name := range []string{"sqs", "apigateway"} {
			if c.only != "" && c.only != name {
				continue
			}
			t.Run(strings.Join([]string{c.faults, name}, " "), func(t *testing.T) {
				t.Parallel()
				b := newBed(t, name, small+"faults: ["+c.faults+"]\n")
				before, err := b.identity.Retrieve(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got := b.run(t)
				for range 5 { // a busy machine may sleep through the window of a fault
					if got.Faults[c.kind] > 0 {
						break
					}
					got = b.run(t)
				}
				t.Logf("struck %v, errors %v, %+v", got.Faults, got.Errors, got.Audit)
				if got.Faults[c.kind] == 0 {
					t.Errorf("the fault never struck")
				}
				if wrong := got.Audit.Check(audit.ExpectationFor(c.kind)); len(wrong) > 0 || len(got.Unexpected) > 0 {
					t.Errorf("%q, %q", wrong, got.Unexpected)
				}
				if got.Audit.Sent < 300 || got.Audit.Accepted+got.Audit.InDoubt != got.Audit.Sent {
					t.Errorf("%d sent, %d accepted, %d in doubt", got.Audit.Sent, got.Audit.Accepted, got.Audit.InDoubt)
				}
				if c.shows != nil {
					if missing := c.shows(got); missing != "" {
						t.Error(missing)
					}
				}
				after, err := b.identity.Retrieve(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if renewed := before.SessionToken != after.SessionToken; renewed != (c.kind == "expired_credentials") {
					t.Errorf("credentials were renewed: %v", renewed)
				}
			})
		}
	}
	for _, kind := range workload.FaultKinds() {
		if !tested[kind] && kind != dnsFailure { // whose sender needs a process of its own: TestNamesFailAndComeBack
			t.Errorf("the fault %s is not tested", kind)
		}
	}
}

// What strikes ends with the phases: the next trial begins as the first did.
func TestFaultsDoNotReachIntoTheNextTrial(t *testing.T) {
	t.Parallel()
	whole(t)
	b := newBed(t, "sqs", small+"faults: [{kind: 5xx, p: 0.05}]\n")
	b.run(t)
	b.runner.Workload.Faults = nil
	if got := b.run(t); len(got.Unexpected) > 0 || got.Audit.Retries > 0 {
		t.Errorf("%d retries, unexpected: %q; want a trial without faults", got.Audit.Retries, got.Unexpected)
	}
}

// The audit has to see what no client can: records that are answered for and not there, and bytes that change on the way.
func TestTheAuditSeesTrouble(t *testing.T) {
	t.Parallel()
	whole(t)
	for _, c := range []struct {
		kind string
		seen func(audit.Matrix) int
	}{
		{"drop", func(m audit.Matrix) int { return m.Lost }},
		{"corrupt", func(m audit.Matrix) int { return m.Spoiled }},
	} {
		for _, name := range []string{"sqs", "apigateway"} {
			t.Run(c.kind+" "+name, func(t *testing.T) {
				t.Parallel()
				b := newBed(t, name, strings.Replace(small, "drain: 15s", "drain: 1s", 1)+"faults: [{kind: latency, by: 1ms, p: 0.000001}]\n")
				arm := b.far.Arm
				b.far.Arm = func(list []workload.Fault, seed uint64) error { // no workload may ask for these
					list = slices.Clone(list)
					for i := range list {
						list[i] = workload.Fault{Kind: c.kind, P: 0.02}
					}
					return arm(list, seed)
				}
				got := b.run(t)
				fired := b.far.Fired()[c.kind]
				if n := c.seen(got.Audit); n == 0 || got.Valid {
					t.Errorf("%d seen, valid %v, %d struck: %+v", n, got.Valid, fired, got.Audit)
				}
			})
		}
	}
}

func TestEndpointsAreOfThisMachine(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sqs", "apigateway"} {
		for _, pair := range newBed(t, name, small).far.Env {
			key, value, _ := strings.Cut(pair, "=")
			if u, err := url.Parse(value); strings.Contains(key, "URL") && (err != nil || u.Hostname() != "127.0.0.1") {
				t.Errorf("%s: %s", name, pair)
			}
		}
	}
}
