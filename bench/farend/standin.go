package farend

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"sluice/bench/cost"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/bench/workload"
	"sluice/internal/awscreds"
	"sluice/internal/awslocal"
	"sluice/internal/awslocal/apigateway"
	"sluice/internal/awslocal/faults"
	"sluice/internal/awslocal/model"
	"sluice/internal/readback"
)

// A standIn is a server of SQS, STS and API Gateway inside this process, for one transport.
type standIn struct {
	*awslocal.Server
	url       string
	variables map[string]string
	name      *named   // nil: it has an address only
	kinds     []string // of the faults that are armed, by rule
	stop      func() error
}

// startStandIn starts one. records answers the gateway's calls; nil: the stand-in's own.
func startStandIn(ctx context.Context, service string, o Options, records apigateway.Lambda) (*standIn, error) {
	s := &standIn{variables: map[string]string{}}
	ln, hangUp, err := s.listen(o.Workload)
	if err != nil {
		return nil, err
	}
	models := model.Set{Seed: o.Workload.Seed}
	for _, id := range o.Models {
		if m, known := model.Lookup(id); known && m.Service == service {
			models.IDs = append(models.IDs, id)
		}
	}
	s.Server, err = awslocal.New(awslocal.Options{BaseURL: s.url, Records: records, Models: models, HangUp: hangUp})
	if err != nil {
		return nil, errors.Join(err, ln.Close(), s.name.close())
	}
	for _, v := range s.Environment() {
		s.variables[v.Name] = v.Value
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	s.stop = func() error {
		cancel()
		return errors.Join(<-done, s.name.close())
	}
	return s, nil
}

// listen opens the stand-in's door: TLS and a name where the workload needs a name, and else plain http and an address.
func (s *standIn) listen(w *workload.Workload) (net.Listener, func(*http.Request) bool, error) {
	ln, err := awslocal.ListenLoopback("127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	s.url = "http://" + ln.Addr().String()
	if s.name, err = nameFor(w); err != nil {
		return nil, nil, errors.Join(err, ln.Close())
	}
	if s.name == nil {
		return ln, nil, nil
	}
	s.url = "https://" + ln.Addr().String()
	return s.name.listen(ln), s.name.hangUp, nil
}

// env is the sender's.
func (s *standIn) env(transport string) []string {
	env := settings("SLUICE_TRANSPORT", transport)
	for _, v := range s.Environment() {
		if !strings.HasPrefix(v.Name, "SLUICE_") || strings.HasPrefix(v.Name, "SLUICE_ROLE") || strings.HasPrefix(v.Name, "SLUICE_"+strings.ToUpper(transport)) {
			env = append(env, v.Name+"="+v.Value)
		}
	}
	if s.name != nil {
		env = s.name.env(env)
	}
	return env
}

// identity is that of the consumer.
func (s *standIn) identity() (*awscreds.AWS, error) {
	v := s.variables
	sdk := aws.Config{Region: v["AWS_REGION"], BaseEndpoint: &s.url,
		Credentials: credentials.NewStaticCredentialsProvider(v["AWS_ACCESS_KEY_ID"], v["AWS_SECRET_ACCESS_KEY"], "")}
	if s.name != nil {
		sdk.HTTPClient = s.name.client()
	}
	return awscreds.New(sdk, awscreds.Config{})
}

// target describes the stand-in.
func (s *standIn) target(transport, asked string, b workload.Batching, durability string) result.Target {
	t := result.Target{Transport: transport, Kind: result.StandIn, Name: "stand-in: " + asked, Model: s.Describe(),
		Durability: durability, MaxRecords: b.MaxRecords, Linger: result.Millis(b.Linger), Consumer: "own"}
	if s.name != nil {
		t.Settings = map[string]string{"endpoint": "a name, over TLS"}
	}
	return t
}

// errNames says why names cannot fail to be found.
var errNames = errors.New("the stand-in was started without a name that could fail to be found; name dns_failure in the workload that it is started for")

// arm scripts the faults of a workload.
func (s *standIn) arm(list []workload.Fault, seed uint64) error {
	var scripts []faults.Script
	var kinds []string
	var unnamed []workload.Fault
	for i, f := range list {
		p := faults.Params{At: f.At, For: f.For, P: f.P, Seed: seed + uint64(i), Rate: float64(f.Rate)}
		switch f.Kind {
		case dnsFailure:
			unnamed = append(unnamed, f)
			continue
		case faults.KindLatency:
			p.Latency = f.By
		case faults.KindClockSkew:
			p.Skew = f.By
		}
		script, err := faults.ByKind(f.Kind, p)
		if err != nil {
			return err
		}
		for range script.Rules {
			kinds = append(kinds, f.Kind)
		}
		scripts = append(scripts, script)
	}
	switch {
	case s.name != nil:
		s.name.arm(unnamed)
	case len(unnamed) > 0:
		return errNames
	}
	s.kinds = kinds
	return s.Arm(faults.Join(scripts...))
}

// fired adds up what has happened, by kind.
func (s *standIn) fired() map[string]int {
	all := map[string]int{}
	for i, c := range s.FaultCounts() {
		if i < len(s.kinds) {
			all[s.kinds[i]] += c.Fired
		}
	}
	if s.name != nil {
		all[dnsFailure] = s.name.fired()
	}
	return all
}

// standInSQS is a queue of the stand-in.
func standInSQS(ctx context.Context, o Options) (*trial.FarEnd, error) {
	s, err := startStandIn(ctx, "sqs", o, nil)
	if err != nil {
		return nil, err
	}
	identity, err := s.identity()
	if err != nil {
		_ = s.stop()
		return nil, err
	}
	f := queue(o, identity, s.variables["SLUICE_SQS_QUEUE_URL"])
	f.Env = s.env("sqs")
	f.Target = s.target("sqs", "SQS standard queue", o.side("sqs"), "memory of the stand-in")
	f.Arm, f.Fired = s.arm, s.fired
	f.Close = func(context.Context) error {
		identity.Close()
		return s.stop()
	}
	return f, nil
}

// queue is the part of a far end that a queue is, whoever serves it. Its consumer is billed as a function that is invoked
// with what each receive brings, so that queue and gateway pay for the same work.
func queue(o Options, identity *awscreds.AWS, url string) *trial.FarEnd {
	options := readback.Options{Pollers: o.pollers(), Batch: min(10, o.Workload.Consumer.Batch), Return: true}
	look := readback.OpenSQS(identity, url, options)
	calls := &readback.Calls{}
	option := cost.SQSStandard
	if strings.HasSuffix(url, ".fifo") {
		option = cost.SQSFIFO
	}
	return &trial.FarEnd{
		Option:  option,
		Backlog: look.Backlog,
		Consume: func(ctx context.Context, sink *trial.Sink) error {
			consumer := readback.OpenSQS(identity, url, options)
			err := consumer.Consume(ctx, sink.Handle)
			*calls = consumer.Calls()
			return err
		},
		Units: func(sent load.Report) cost.Units {
			sends := sent.Served.Add(sent.Refused) // SQS bills every request that it gets
			if o.Workload.Consumer.Mode != "own" { // nobody has received: then as many receives as sends, as full as they
				calls = &readback.Calls{Receives: sends.Requests, ReceiveChunks: sends.Chunks, Deletes: sends.Requests}
			}
			each := max(time.Millisecond, o.Workload.Consumer.Work*time.Duration(len(sent.Entries))/time.Duration(max(1, calls.Receives)))
			return cost.Units{Send: sends.Chunks, Receive: calls.ReceiveChunks, Empty: calls.EmptyReceives, Delete: calls.Deletes + calls.Returns,
				Invocations: calls.Receives, GBSeconds: float64(calls.Receives) * cost.GBSeconds(functionMemory, each)}
		},
	}
}

// functionMemory is that of the function behind the gateway by which it is billed, and by which the consumer of the queue
// would be: Lambda's least, 128 MB.
const functionMemory = 128

// standInGateway is an API of the stand-in, with the consumer as the function behind it.
func standInGateway(ctx context.Context, o Options) (*trial.FarEnd, error) {
	var sink atomic.Pointer[trial.Sink] // of the trial under way
	function := func(ctx context.Context, ev apigateway.ProxyEvent) (apigateway.ProxyResponse, error) {
		arrived := time.Now()
		d, err := delivery(ev, arrived)
		to := sink.Load()
		switch {
		case err != nil:
		case to == nil:
			err = errNoTrial
		default:
			err = to.Handle(ctx, d)
		}
		if err != nil {
			return apigateway.ProxyResponse{}, err
		}
		return apigateway.ProxyResponse{StatusCode: http.StatusOK, Body: `{"message":"done"}`,
			Headers: map[string]string{"Content-Type": "application/json"}}, nil
	}
	s, err := startStandIn(ctx, "apigateway", o, apigateway.Handler(function).Lambda())
	if err != nil {
		return nil, err
	}
	f := gateway(o)
	f.Env = s.env("apigateway")
	f.Target = s.target("apigateway", "API Gateway REST API with a function", o.side("apigateway"), "the function has done its work")
	f.Target.MaxRecords, f.InHand, f.Within = 1, 1, true
	if o.api() == "http" { // the stand-in is a REST API whatever it is billed as
		f.Target.Name += ", billed as an HTTP API"
		f.Target.Settings = withAPI(f.Target.Settings, "http")
	}
	f.Arm, f.Fired = s.arm, s.fired
	f.Consume = func(ctx context.Context, to *trial.Sink) error {
		sink.Store(to)
		<-ctx.Done()
		sink.Store(nil)
		return nil
	}
	f.Close = func(context.Context) error { return s.stop() }
	return f, nil
}

// errNoTrial is what a record meets that comes between two trials: accepted, it would be lost.
var errNoTrial = errors.New("there is no trial under way")

// delivery is what the function behind the gateway is handed.
func delivery(ev apigateway.ProxyEvent, arrived time.Time) (readback.Delivery, error) {
	d := readback.Delivery{MessageID: ev.RequestContext.RequestID, Receives: 1, Arrived: arrived}
	d.Record.ID, d.Record.Key = ev.Headers["X-Sluice-Record-Id"], ev.Headers["X-Sluice-Record-Key"]
	switch {
	case ev.Body == nil:
	case ev.IsBase64Encoded:
		body, err := base64.StdEncoding.DecodeString(*ev.Body)
		if err != nil {
			return d, err
		}
		d.Record.Body = body
	default:
		d.Record.Body = []byte(*ev.Body)
	}
	return d, nil
}

// withAPI adds the kind of an API to the settings of a target, by which Evidence and readers know how it was billed.
func withAPI(settings map[string]string, api string) map[string]string {
	all := map[string]string{"api": api}
	maps.Copy(all, settings)
	return all
}

// gateway is the part of a far end that any API is. By the developer guide of API Gateway, on its pricing, calls that are
// throttled, or refused for who makes them, are not charged; nor do they come to a function.
func gateway(o Options) *trial.FarEnd {
	work, option := o.Workload.Consumer.Work, cost.REST
	if o.api() == "http" {
		option = cost.HTTPAPI
	}
	return &trial.FarEnd{
		Option: option,
		Units: func(sent load.Report) cost.Units {
			calls := sent.Served
			return cost.Units{Calls: calls.Requests, Calls512: calls.Units, Invocations: calls.Requests,
				GBSeconds: float64(calls.Requests) * cost.GBSeconds(functionMemory, max(work, time.Millisecond))}
		},
	}
}
