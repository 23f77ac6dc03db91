package farend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"sluice/internal/drivers"
)

// Check reports what is wrong with the daemon's settings of a transport, one line per problem, and makes no request. It is
// ErrAbsent if no setting says where the destination is. What is embedded needs no settings.
func Check(name string, o Options) error {
	if _, _, err := openers(name); err != nil {
		return err
	}
	if o.Embedded || name == "memory" {
		return nil
	}
	_, err := read(name, o)
	return err
}

// places are the variables that say where the destination of a transport is, any of them. A queue of SQS is made in the
// account and region of the AWS settings.
var places = map[string][]string{
	"sqs":        {"SLUICE_SQS_QUEUE_URL", "SLUICE_SQS_QUEUE_NAME", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"},
	"apigateway": {"SLUICE_APIGATEWAY_URL"},
	"jetstream":  {"SLUICE_JETSTREAM_URL"},
	"rabbitmq":   {"SLUICE_RABBITMQ_URL"},
}

// A configured transport is what the settings say of it.
type configured struct {
	*drivers.Settings
	env  []string // with which the sender sees the same settings
	make bool     // no queue, stream or subject is named: one is made for the run
}

// read reads the daemon's settings of a transport. Where they name no queue or subject, they get one of the run's own.
func read(name string, o Options) (configured, error) {
	if unset(places[name]...) {
		return configured{}, fmt.Errorf("%w: %s is not set", ErrAbsent, strings.Join(places[name], " or "))
	}
	more := []string{"SLUICE_TRANSPORT", name}
	c := configured{}
	switch {
	case name == "sqs" && unset("SLUICE_SQS_QUEUE_URL", "SLUICE_SQS_QUEUE_NAME"):
		c.make, more = true, append(more, "SLUICE_SQS_QUEUE_NAME", o.made())
	case name == "jetstream" && unset("SLUICE_JETSTREAM_SUBJECT"):
		c.make, more = true, append(more, "SLUICE_JETSTREAM_SUBJECT", o.subject(), "SLUICE_JETSTREAM_STREAM", o.made())
	case name == "jetstream" && unset("SLUICE_JETSTREAM_STREAM"):
		return c, errors.New("SLUICE_JETSTREAM_STREAM: not set, and the benchmark has to know which stream to read back; or set no subject, and a stream is made for the run")
	case name == "rabbitmq" && !unset("SLUICE_RABBITMQ_EXCHANGE"):
		return c, errors.New("SLUICE_RABBITMQ_EXCHANGE: the benchmark has to know which queue to read back; set SLUICE_RABBITMQ_QUEUE instead, or neither, and a queue is made for the run")
	case name == "rabbitmq" && unset("SLUICE_RABBITMQ_QUEUE"):
		c.make, more = true, append(more, "SLUICE_RABBITMQ_QUEUE", o.made())
	}
	defer set(more)()
	var err error
	c.Settings, err = drivers.Load(drivers.ForTransport)
	c.env = os.Environ()
	return c, err
}

// unset reports whether none of the variables has a value.
func unset(variables ...string) bool {
	for _, name := range variables {
		if os.Getenv(name) != "" {
			return false
		}
	}
	return true
}

// set sets variables of this process, which is where settings are read from, and returns what undoes it.
func set(pairs []string) (undo func()) {
	var before []func()
	for i := 0; i < len(pairs); i += 2 {
		name := pairs[i]
		old, was := os.LookupEnv(name)
		before = append(before, func() {
			if was {
				_ = os.Setenv(name, old)
			} else {
				_ = os.Unsetenv(name)
			}
		})
		_ = os.Setenv(name, pairs[i+1]) // fails for names that no variable can have
	}
	return func() {
		for _, f := range before {
			f()
		}
	}
}

// reach looks at the destination as the sender will.
func (c configured) reach(ctx context.Context) error {
	d, err := c.Transport(ctx)
	if err != nil {
		return err
	}
	return errors.Join(d.Check(ctx), d.Close())
}
