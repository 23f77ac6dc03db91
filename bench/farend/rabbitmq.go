package farend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"sluice/bench/cost"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/trial"
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
	cfg.Queue = o.made()
	f, err := brokerQueue(ctx, o, cfg, true)
	if err != nil {
		return f, err
	}
	f.Env = settings("SLUICE_TRANSPORT", "rabbitmq", "SLUICE_RABBITMQ_URL", cfg.URL, "SLUICE_RABBITMQ_QUEUE", cfg.Queue,
		"SLUICE_RABBITMQ_USERNAME", cfg.Username, "SLUICE_RABBITMQ_PASSWORD", cfg.Password.Reveal(), "SLUICE_RABBITMQ_PLAINTEXT", "true")
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

// configuredRabbitMQ is the broker of the settings, with the queue that they name or one that is made for the run.
func configuredRabbitMQ(ctx context.Context, o Options) (*trial.FarEnd, error) {
	c, err := read("rabbitmq", o)
	if err != nil {
		return nil, err
	}
	f, err := brokerQueue(ctx, o, c.RabbitMQ, c.make)
	if err != nil {
		return f, err
	}
	f.Env = c.env
	return f, c.reach(ctx)
}

// brokerQueue is a far end that is a queue of RabbitMQ. It is made if it is not there yet, and deleted in the end.
func brokerQueue(ctx context.Context, o Options, cfg rabbitmq.Config, make bool) (*trial.FarEnd, error) {
	conn, err := cfg.Connect(ctx)
	if err != nil {
		return nil, err
	}
	version, _ := conn.Properties["version"].(string)
	_ = conn.Close()
	options := readback.Options{Pollers: o.pollers(), Batch: o.Workload.Consumer.Batch}
	look := readback.OpenRabbitMQ(cfg.Connect, cfg.Queue, options)
	f := &trial.FarEnd{Close: func(context.Context) error { return look.Close() }}
	durability := "confirmed by the queue as it was declared"
	if make {
		if err := readback.CreateRabbitMQQueue(ctx, cfg.Connect, cfg.Queue); err != nil {
			return f, refused("make a queue for the run", err, "allow it, or set SLUICE_RABBITMQ_QUEUE to a queue that is empty and nobody else's")
		}
		durability = "in a quorum queue, confirmed"
		f.Close = func(ctx context.Context) error {
			return errors.Join(look.Close(), readback.DeleteRabbitMQQueue(ctx, cfg.Connect, cfg.Queue))
		}
	}
	batching := o.side("rabbitmq")
	f.Option = cost.RabbitMQ
	f.Target = result.Target{Transport: "rabbitmq", Durability: durability, Consumer: "own",
		MaxRecords: batching.MaxRecords, Linger: result.Millis(batching.Linger), Settings: map[string]string{"queue": cfg.Queue, "version": version}}
	f.Target.Kind, f.Target.Name = kindOf(cfg.URL)
	f.Target.Name = "RabbitMQ " + version + " at " + f.Target.Name
	f.Backlog = look.Backlog
	f.Consume = func(ctx context.Context, sink *trial.Sink) error {
		c := readback.OpenRabbitMQ(cfg.Connect, cfg.Queue, options)
		return errors.Join(c.Consume(ctx, sink.Handle), c.Close())
	}
	f.Units = func(load.Report) cost.Units { return cost.Units{} }
	if _, err := f.Backlog(ctx); err != nil {
		return f, refused("look at the queue "+cfg.Queue, err, "check SLUICE_RABBITMQ_QUEUE")
	}
	return f, nil
}
