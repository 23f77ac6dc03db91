package farend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	api "github.com/nats-io/nats.go/jetstream"

	"sluice/bench/cost"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/internal/readback"
	"sluice/transport/jetstream"
)

// embeddedJetStream is a NATS server inside this process, on loopback, that keeps its stream in a temporary folder.
func embeddedJetStream(ctx context.Context, o Options) (*trial.FarEnd, error) {
	dir, err := os.MkdirTemp("", "sluice-bench-nats-")
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.Start()
	stop := func() error {
		s.Shutdown()
		s.WaitForShutdown()
		return os.RemoveAll(dir)
	}
	if !s.ReadyForConnections(10 * time.Second) {
		return nil, errors.Join(errors.New("the embedded NATS server did not start within 10s"), stop())
	}
	address := "nats://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Addr().(*net.TCPAddr).Port))
	f, err := stream(ctx, o, jetstream.Config{URL: address, Subject: o.subject(), Stream: o.made(), Timeout: 10 * time.Second}, true)
	if f != nil {
		remove := f.Close
		f.Close = func(ctx context.Context) error { return errors.Join(remove(ctx), stop()) }
	} else {
		err = errors.Join(err, stop())
	}
	if err != nil {
		return f, err
	}
	f.Env = settings("SLUICE_TRANSPORT", "jetstream", "SLUICE_JETSTREAM_URL", address, "SLUICE_JETSTREAM_SUBJECT", o.subject(), "SLUICE_JETSTREAM_STREAM", o.made())
	f.Target.Kind, f.Target.Name = result.Embedded, "NATS server "+server.VERSION+" in the benchmark's process"
	return f, nil
}

// configuredJetStream is the server of the settings, with the stream that they name or one that is made for the run.
func configuredJetStream(ctx context.Context, o Options) (*trial.FarEnd, error) {
	c, err := read("jetstream", o)
	if err != nil {
		return nil, err
	}
	f, err := stream(ctx, o, c.JetStream, c.make)
	if err != nil {
		return f, err
	}
	f.Env = c.env
	return f, c.reach(ctx)
}

// subject is that of a stream that is made for the run.
func (o Options) subject() string { return "sluice.bench." + o.Run }

// stream is the part of a far end that a stream is, whoever serves it. It is made if it is not there yet, and deleted in
// the end.
func stream(ctx context.Context, o Options, cfg jetstream.Config, make bool) (*trial.FarEnd, error) {
	first, _, _ := strings.Cut(cfg.URL, ",")
	kind, name := kindOf(strings.TrimSpace(first))
	nc, err := cfg.Connect()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	// The server's consumer goes with the stream, or by itself.
	remove := func(ctx context.Context) error { return forget(ctx, nc, cfg.Stream, o.made()) }
	if make {
		remove = func(ctx context.Context) error { return readback.DeleteStream(ctx, nc, cfg.Stream) }
	}
	f := &trial.FarEnd{Close: func(context.Context) error {
		nc.Close()
		return nil
	}}
	if make {
		err = readback.CreateStream(ctx, nc, cfg.Stream, cfg.Subject, false)
	}
	if err != nil {
		return f, refused("make a stream for the run", err, "allow it, or name a subject and a stream that are there")
	}
	f.Close = func(ctx context.Context) error {
		err := remove(ctx)
		nc.Close()
		return err
	}
	durability, err := durability(ctx, nc, cfg.Stream)
	if err != nil {
		return f, refused("look at the stream "+cfg.Stream, err, "check SLUICE_JETSTREAM_STREAM")
	}
	options := readback.Options{Pollers: o.pollers(), Batch: o.Workload.Consumer.Batch, Return: true}
	consumer := func(ctx context.Context) (*readback.JetStream, error) {
		return readback.OpenJetStream(ctx, nc, cfg.Stream, o.made(), options)
	}
	batching := o.side("jetstream")
	f.Option = cost.JetStream
	f.Target = result.Target{Transport: "jetstream", Kind: kind, Name: name, Durability: durability, Consumer: "own",
		MaxRecords: batching.MaxRecords, Linger: result.Millis(batching.Linger), Settings: map[string]string{"stream": cfg.Stream, "subject": cfg.Subject}}
	f.Backlog = func(ctx context.Context) (int, error) {
		c, err := consumer(ctx)
		if err != nil {
			return 0, err
		}
		return c.Backlog(ctx)
	}
	f.Consume = func(ctx context.Context, sink *trial.Sink) error {
		c, err := consumer(ctx)
		if err != nil {
			return err
		}
		return errors.Join(c.Consume(ctx, sink.Handle), c.Close())
	}
	f.Units = func(load.Report) cost.Units { return cost.Units{} }
	return f, nil
}

// durability says what an acknowledgement of a stream means. JetStream: a stream in a file is synced every now and then,
// and not before it acknowledges.
func durability(ctx context.Context, nc *nats.Conn, name string) (string, error) {
	js, err := api.New(nc)
	if err != nil {
		return "", err
	}
	s, err := js.Stream(ctx, name)
	if err != nil {
		return "", err
	}
	cfg := s.CachedInfo().Config
	replicas := "one replica"
	if cfg.Replicas > 1 {
		replicas = strconv.Itoa(cfg.Replicas) + " replicas"
	}
	if cfg.Storage == api.MemoryStorage {
		return "in the stream's memory, " + replicas, nil
	}
	return "in the stream's file, " + replicas + ", not synced one by one", nil
}

// forget deletes the consumer of the run from a stream that stays.
func forget(ctx context.Context, nc *nats.Conn, stream, consumer string) error {
	js, err := api.New(nc)
	if err == nil {
		err = js.DeleteConsumer(ctx, stream, consumer)
	}
	if errors.Is(err, api.ErrConsumerNotFound) || errors.Is(err, api.ErrStreamNotFound) {
		return nil
	}
	return err
}
