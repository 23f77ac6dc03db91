// Package farend makes the destinations of a benchmark ready: it starts what is embedded, creates what a run needs,
// receives there, and removes what it has created.
package farend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

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

// Open makes the far end of a transport ready. Close it, even after an error of the run.
func Open(ctx context.Context, name string, o Options) (*trial.FarEnd, error) {
	type opener func(context.Context, Options) (*trial.FarEnd, error)
	ends := map[string]struct{ configured, embedded opener }{
		"memory":     {memory, memory},
		"sqs":        {configuredSQS, standInSQS},
		"apigateway": {configuredGateway, standInGateway},
		"jetstream":  {configuredJetStream, embeddedJetStream},
		"rabbitmq":   {configuredRabbitMQ, nearbyRabbitMQ},
	}
	end, known := ends[name]
	switch {
	case !known:
		return nil, fmt.Errorf("there is no far end for the transport %q", name)
	case o.Embedded:
		return end.embedded(ctx, o)
	}
	return end.configured(ctx, o)
}

// needs returns ErrAbsent if none of the variables is set that would say where a destination is.
func needs(variables ...string) error {
	for _, name := range variables {
		if os.Getenv(name) != "" {
			return nil
		}
	}
	return fmt.Errorf("%w: %s is not set", ErrAbsent, strings.Join(variables, " or "))
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

// mode says who decides that a record is processed.
func (o Options) own() bool { return o.Workload.Consumer.Mode == "own" }

// settings are the daemon's in an environment of ours: nothing of the user's own settings or account is in it.
func settings(pairs ...string) []string {
	env := []string{"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true"}
	for i := 0; i < len(pairs); i += 2 {
		env = append(env, pairs[i]+"="+pairs[i+1])
	}
	return env
}

// Clean returns an environment without the settings of Sluice and of the AWS SDK, and without proxies.
func Clean(env []string) []string {
	var kept []string
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "SLUICE_") || strings.HasPrefix(name, "AWS_") || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			continue
		}
		kept = append(kept, pair)
	}
	return kept
}
