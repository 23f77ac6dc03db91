// Package farend makes the destinations of a benchmark ready: it starts what is embedded, creates what a run needs,
// receives there, and removes what it has created.
package farend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"sluice/bench/trial"
	"sluice/bench/workload"
)

// Options are those of a run.
type Options struct {
	Run      string // name of the run; what is created bears it
	Workload *workload.Workload
	Embedded bool     // own servers on this machine, whatever the environment says; else those of the environment
	Models   []string // ids of the stand-in's models
	Broker   string   // embedded: address of the RabbitMQ that answers on this machine; empty: none
}

// ErrAbsent says that a transport cannot take part, and that the run can go on without it.
var ErrAbsent = errors.New("left out")

// closing is how long what was made for a run may take to go away.
const closing = 10 * time.Second

// An opener makes a far end. Beside an error it returns what it has made so far, for Open to close, or nil.
type opener func(context.Context, Options) (*trial.FarEnd, error)

// openers are those of a transport: with the daemon's settings, and embedded.
func openers(name string) (configured, embedded opener, err error) {
	switch name {
	case "memory":
		return memory, memory, nil
	case "sqs":
		return configuredSQS, standInSQS, nil
	case "apigateway":
		return configuredGateway, standInGateway, nil
	case "jetstream":
		return configuredJetStream, embeddedJetStream, nil
	case "rabbitmq":
		return configuredRabbitMQ, nearbyRabbitMQ, nil
	}
	return nil, nil, fmt.Errorf("there is no far end for the transport %q", name)
}

// Open makes the far end of a transport ready and empty. The error carries a verdict of package fault if a server has
// something to do with it. Close the far end, even after an error of the run.
func Open(ctx context.Context, name string, o Options) (*trial.FarEnd, error) {
	open, embedded, err := openers(name)
	if err != nil {
		return nil, err
	}
	if o.Embedded {
		open = embedded
	}
	f, err := open(ctx, o)
	if err == nil {
		err = o.receive(ctx, f)
	}
	if err == nil {
		return f, nil
	}
	if f != nil && f.Close != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
		defer cancel()
		err = errors.Join(err, f.Close(ctx))
	}
	return nil, err
}

// receive settles who decides that a record is processed, and makes sure that a consumer of ours will see our records
// only. Behind the stand-in's gateway a function of ours answers in either mode.
func (o Options) receive(ctx context.Context, f *trial.FarEnd) error {
	if o.Workload.Consumer.Mode != "own" && !(o.Embedded && f.Target.Transport == "apigateway") {
		f.Consume, f.Backlog, f.Target.Consumer = nil, nil, "reply"
	}
	if f.Backlog == nil {
		return nil
	}
	n, err := f.Backlog(ctx)
	if err == nil && n > 0 {
		name := "the queue " + f.Target.Settings["queue"]
		if stream := f.Target.Settings["stream"]; stream != "" {
			name = "the stream " + stream
		}
		err = notEmpty(name, n)
	}
	return err
}

func notEmpty(name string, n int) error {
	return fmt.Errorf("%s holds %d records, and the benchmark would take them for its own; name one that is empty and nobody else's, or none, and one is made for the run", name, n)
}

// pollers is how many receive at once: enough for the work at the highest rate of an open phase, and a few to spare for
// closed ones.
func (o Options) pollers() int {
	if n := int(o.Workload.Consumer.Concurrency); n > 0 {
		return n
	}
	const spare, most = 8, 256
	highest := 0.0
	for _, p := range o.Workload.Phases {
		highest = max(highest, float64(p.Steady), float64(p.Peak), float64(p.From), float64(p.To))
	}
	return min(most, spare+int(highest*o.Workload.Consumer.Work.Seconds()))
}

// side is how a transport takes part.
func (o Options) side(name string) workload.Batching {
	for _, s := range o.Workload.Transports {
		if s.Name == name {
			return o.Workload.BatchingOf(s)
		}
	}
	return o.Workload.Batching
}

// api is the kind of the gateway's API.
func (o Options) api() string {
	for _, s := range o.Workload.Transports {
		if s.Name == "apigateway" {
			return s.API
		}
	}
	return "rest"
}

// made is the name of what is created for the run.
func (o Options) made() string { return "sluice-bench-" + o.Run }

// settings are the daemon's in an environment of ours: nothing of the user's own settings or account is in it.
func settings(pairs ...string) []string {
	env := []string{"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true"}
	for i := 0; i < len(pairs); i += 2 {
		env = append(env, pairs[i]+"="+pairs[i+1])
	}
	return env
}

// Clean returns an environment without the settings of Sluice and of the AWS SDK, and without proxies and name servers.
func Clean(env []string) []string {
	var kept []string
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "SLUICE_") || strings.HasPrefix(name, "AWS_") || strings.HasSuffix(strings.ToUpper(name), "_PROXY") || name == nameServerVariable {
			continue
		}
		kept = append(kept, pair)
	}
	return kept
}
