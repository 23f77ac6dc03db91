package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"net/http"

	"sluice/ingest"
	"sluice/ingest/httpapi"
	"sluice/internal/awscreds"
	"sluice/internal/backoff"
	"sluice/internal/telemetry"
	"sluice/transport"
	"sluice/transport/apigateway"
	"sluice/transport/sqs"
)

const (
	sourceHost = "127.0.0.1:8080"
	awsHost    = "127.0.0.1:4599"
	// Where redirects lead.
	foreignHost = "127.0.0.1:9"

	breaker = 50               // records set aside in a row, after which it is not the records' fault
	drain   = 25 * time.Second // of a polite end
)

// sourceConfig reads the oracle's pages: from an offset, or from the newest time seen, which several records share.
func (s *simulation) sourceConfig() httpapi.Config {
	c := httpapi.Default()
	c.URL, c.Records, c.Interval = "http://"+sourceHost+"/events", "items", s.poll
	c.Pagination, c.Limit, c.Dial = "offset", 3+int(s.seed%30), s.net.dial
	if s.seed%3 == 0 {
		c.SinceParam, c.SincePath, c.SinceType = "since", "ts", "number"
	}
	return c
}

// identity assumes the role for so short a time that it ends within a run.
func (s *simulation) identity() (*awscreds.AWS, error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) { tr.DialContext, tr.Proxy = s.net.dial, nil })
	return awscreds.New(aws.Config{Region: s.env["AWS_REGION"], BaseEndpoint: aws.String("http://" + awsHost), HTTPClient: client, Credentials: keys(s.env)},
		awscreds.Config{ARN: s.env["SLUICE_ROLE_ARN"], ExternalID: s.env["SLUICE_ROLE_EXTERNAL_ID"], SessionName: "simulation", Duration: 15 * time.Minute})
}

// destination opens the real driver.
func (s *simulation) destination(ctx context.Context, a *awscreds.AWS) (transport.Transport, time.Duration, error) {
	if s.transport == "apigateway" {
		c := apigateway.Config{URL: s.env["SLUICE_APIGATEWAY_URL"], Region: s.env["AWS_REGION"], ContentType: "application/json", Success: "object",
			MaxRecordBytes: 4 << 20, Timeout: 35 * time.Second}
		if err := c.APIKey.Decode(s.env["SLUICE_APIGATEWAY_API_KEY"]); err != nil {
			return nil, 0, err
		}
		tr, err := apigateway.Open(c, a)
		return tr, c.Timeout, err
	}
	c := sqs.Config{QueueURL: s.env["SLUICE_SQS_QUEUE_URL"], Timeout: 10 * time.Second}
	tr, err := sqs.Open(ctx, c, a)
	return tr, c.Timeout, err
}

// live is one life of the daemon, put together as the command does: until ctx ends, and then with so long a drain.
func (s *simulation) live(ctx context.Context, drain time.Duration) {
	t := s.t
	source, err := httpapi.New(s.sourceConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	checkpoint, err := ingest.OpenCheckpoint(ctx, ingest.CheckpointOptions{Dir: s.oracle.dir, Fingerprint: source.Fingerprint()})
	if err != nil {
		t.Fatal(err)
	}
	defer checkpoint.Close()
	dead := ingest.OpenDeadLetter(s.oracle.dir)
	who, err := s.identity()
	if err != nil {
		t.Fatal(err)
	}
	defer who.Close()
	tr, timeout, err := s.destination(ctx, who)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()

	monitor := telemetry.New(telemetry.Options{Source: "http", Transport: s.transport})
	s.oracle.most = (1 + s.rnd.IntN(4)) * s.sourceConfig().Limit
	policy := backoff.Policy{Rand: s.jitter}
	deliverer := &transport.Deliverer{Transport: tr, Timeout: timeout, Backoff: policy, Report: monitor.Report,
		Observe: func(a transport.Attempt) { s.oracle.observe(a); monitor.Observe(a) }}
	monitor.Watch(deliverer)
	p := &ingest.Pipeline{Source: watchedSource{source, s.oracle}, Parse: ingest.Naming{Stream: "sim", ID: "id", Key: "key"}.Parser(),
		Deliverer: deliverer, Checkpoint: watchedCheckpoint{checkpoint, s.oracle}, DeadLetter: dead,
		InFlight: s.oracle.most / s.sourceConfig().Limit, Idle: s.poll, Drain: drain, Backoff: policy, Observe: monitor.Observer()}
	s.monitor.Store(monitor)
	start, before := time.Now(), s.oracle.innocent()
	err = p.Run(ctx)
	if n := s.oracle.innocent() - before; n > breaker {
		t.Errorf("P16: %d good records were set aside in one life, want at most %d before it pauses", n, breaker)
	}
	if err != nil && !errors.Is(err, ingest.ErrUnsettled) {
		t.Errorf("Run = %v", err)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Since(deadline) > drain {
		t.Errorf("P9: after %v it took %v to stop, want at most %v", time.Since(start), time.Since(deadline), drain)
	}
	s.conserved(monitor.Status(), err == nil)
	s.oracle.ended()
}

// conserved checks P14: what was read is accepted, set aside, or, if the life ended before, in flight. A batch that was
// read when there was no room for it any more is given back at a stop.
func (s *simulation) conserved(got telemetry.Status, settled bool) {
	s.oracle.mu.Lock()
	defer s.oracle.mu.Unlock()
	fates := got.Transport.Accepted + got.Transport.SetAside
	left := got.Source.Records - fates
	if got.Source.Records != int64(s.oracle.read) || left < 0 || settled && left != 0 && left != int64(s.oracle.newest) {
		s.t.Errorf("P14: %d records read, counted as %d; %d accepted and %d set aside, all settled: %v",
			s.oracle.read, got.Source.Records, got.Transport.Accepted, got.Transport.SetAside, settled)
	}
}
