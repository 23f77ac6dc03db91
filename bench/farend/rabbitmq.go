package farend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"sluice/bench/cost"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/internal/drivers"
	"sluice/internal/readback"
	"sluice/internal/secret"
	"sluice/transport/rabbitmq"
)

// localBroker is where RabbitMQ listens by default.
const localBroker = "amqp://127.0.0.1:5672"

// nearbyRabbitMQ is a broker that answers on this machine; it is not embedded, because there is none that could be.
func nearbyRabbitMQ(ctx context.Context, o Options) (*trial.FarEnd, error) {
	address := o.Broker
	if address == "" {
		address = localBroker
	}
	cfg, err := brokerAt(address)
	if err != nil {
		return nil, err
	}
	if o.Broker == "" && !answers(cfg.URL) {
		return nil, fmt.Errorf("%w: no broker answers at %s; name one with --rabbitmq", ErrAbsent, localBroker)
	}
	f, err := brokerQueue(ctx, o, cfg, "")
	if err != nil {
		return nil, err
	}
	f.Env = settings("SLUICE_TRANSPORT", "rabbitmq", "SLUICE_RABBITMQ_URL", cfg.URL, "SLUICE_RABBITMQ_QUEUE", f.Target.Settings["queue"],
		"SLUICE_RABBITMQ_USERNAME", cfg.Username, "SLUICE_RABBITMQ_PASSWORD", cfg.Password.Reveal())
	return f, nil
}

// brokerAt takes an address with a user apart; without one it is the broker's own guest, who may come from this machine only.
func brokerAt(address string) (rabbitmq.Config, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return rabbitmq.Config{}, errors.New("the address of RabbitMQ cannot be read; want amqp://user:password@host:5672")
	}
	cfg := rabbitmq.Config{Username: "guest", Password: secret.New("guest"), Timeout: 10 * time.Second, MaxMessageBytes: 16 << 20}
	if u.User != nil {
		password, _ := u.User.Password()
		cfg.Username, cfg.Password = u.User.Username(), secret.New(password)
		u.User = nil
	}
	cfg.URL = u.String()
	return cfg, nil
}

// answers reports whether somebody listens there.
func answers(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	conn, err := net.DialTimeout("tcp", u.Host, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// configuredRabbitMQ is the broker of the settings, with the queue SLUICE_RABBITMQ_QUEUE or one that is made for the run.
func configuredRabbitMQ(ctx context.Context, o Options) (*trial.FarEnd, error) {
	if err := needs("SLUICE_RABBITMQ_URL"); err != nil {
		return nil, err
	}
	queue := os.Getenv("SLUICE_RABBITMQ_QUEUE")
	name := queue
	if queue == "" {
		name = "sluice-bench-" + o.Run
	}
	if err := errors.Join(os.Setenv("SLUICE_TRANSPORT", "rabbitmq"), os.Setenv("SLUICE_RABBITMQ_QUEUE", name)); err != nil {
		return nil, err
	}
	s, err := drivers.Load(drivers.ForTransport)
	if err != nil {
		return nil, err
	}
	f, err := brokerQueue(ctx, o, s.RabbitMQ, queue)
	if err != nil {
		return nil, err
	}
	f.Env = append(os.Environ(), "SLUICE_TRANSPORT=rabbitmq", "SLUICE_RABBITMQ_QUEUE="+name)
	return f, nil
}

// brokerQueue is a far end that is a queue of RabbitMQ. name is that of one that is there; empty: one is made, and deleted
// in the end.
func brokerQueue(ctx context.Context, o Options, cfg rabbitmq.Config, name string) (*trial.FarEnd, error) {
	remove := func(context.Context) error { return nil }
	if name == "" {
		name = "sluice-bench-" + o.Run
		if err := readback.CreateRabbitMQQueue(ctx, cfg.Connect, name); err != nil {
			return nil, err
		}
		remove = func(ctx context.Context) error { return readback.DeleteRabbitMQQueue(ctx, cfg.Connect, name) }
	}
	conn, err := cfg.Connect(ctx)
	if err != nil {
		return nil, errors.Join(err, remove(ctx))
	}
	version, _ := conn.Properties["version"].(string)
	_ = conn.Close()
	options := readback.Options{Pollers: o.pollers(), Batch: o.Workload.Consumer.Batch}
	look := readback.OpenRabbitMQ(cfg.Connect, name, options)
	batching := o.side("rabbitmq")
	f := &trial.FarEnd{
		Option: cost.RabbitMQ,
		Target: result.Target{Transport: "rabbitmq", Durability: "in a quorum queue, confirmed", Consumer: "own",
			MaxRecords: batching.MaxRecords, Linger: result.Millis(batching.Linger), Settings: map[string]string{"queue": name, "version": version}},
		Backlog: look.Backlog,
		Consume: func(ctx context.Context, sink *trial.Sink) error {
			c := readback.OpenRabbitMQ(cfg.Connect, name, options)
			return errors.Join(c.Consume(ctx, sink.Handle), c.Close())
		},
		Units: func(load.Report) cost.Units { return cost.Units{} },
		Close: func(ctx context.Context) error { return errors.Join(look.Close(), remove(ctx)) },
	}
	f.Target.Kind, f.Target.Name = kindOf(cfg.URL)
	f.Target.Name = "RabbitMQ " + version + " at " + f.Target.Name
	if n, err := f.Backlog(ctx); err != nil || n > 0 {
		if err == nil {
			err = fmt.Errorf("the queue %s holds %d records; name one that is empty and nobody else's", name, n)
		}
		return nil, errors.Join(err, f.Close(context.WithoutCancel(ctx)))
	}
	return f, nil
}
