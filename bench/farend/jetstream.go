package farend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"sluice/bench/cost"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/internal/drivers"
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
	f, err := stream(ctx, o, jetstream.Config{URL: address, Timeout: 10 * time.Second}, "")
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	f.Env = settings("SLUICE_TRANSPORT", "jetstream", "SLUICE_JETSTREAM_URL", address, "SLUICE_JETSTREAM_SUBJECT", f.Target.Settings["subject"])
	f.Target.Kind, f.Target.Name = result.Embedded, "NATS server "+server.VERSION+" in the benchmark's process"
	remove := f.Close
	f.Close = func(ctx context.Context) error { return errors.Join(remove(ctx), stop()) }
	return f, nil
}

// configuredJetStream is the server of the settings, with the stream SLUICE_JETSTREAM_STREAM or, if no subject is set,
// one that is made for the run.
func configuredJetStream(ctx context.Context, o Options) (*trial.FarEnd, error) {
	if err := needs("SLUICE_JETSTREAM_URL"); err != nil {
		return nil, err
	}
	subject := os.Getenv("SLUICE_JETSTREAM_SUBJECT")
	if subject == "" {
		subject = ownSubject(o.Run)
	}
	if err := errors.Join(os.Setenv("SLUICE_TRANSPORT", "jetstream"), os.Setenv("SLUICE_JETSTREAM_SUBJECT", subject)); err != nil {
		return nil, err
	}
	s, err := drivers.Load(drivers.ForTransport)
	if err != nil {
		return nil, err
	}
	if subject != ownSubject(o.Run) && s.JetStream.Stream == "" {
		return nil, errors.New("SLUICE_JETSTREAM_STREAM is not set: the benchmark has to know which stream to read back; or set no subject, and it makes a stream of its own")
	}
	f, err := stream(ctx, o, s.JetStream, s.JetStream.Stream)
	if err != nil {
		return nil, err
	}
	f.Env = append(os.Environ(), "SLUICE_TRANSPORT=jetstream", "SLUICE_JETSTREAM_SUBJECT="+subject)
	f.Target.Kind, f.Target.Name = kindOf(s.JetStream.URL)
	return f, nil
}

func ownSubject(run string) string { return "sluice.bench." + run }

// stream is the part of a far end that a stream is, whoever serves it. name is that of one that is there; empty: one is
// made, and deleted in the end.
func stream(ctx context.Context, o Options, cfg jetstream.Config, name string) (*trial.FarEnd, error) {
	nc, err := cfg.Connect()
	if err != nil {
		return nil, err
	}
	subject, remove := cfg.Subject, func(context.Context) error { return nil }
	if name == "" {
		name, subject = "sluice-bench-"+o.Run, ownSubject(o.Run)
		if err := readback.CreateStream(ctx, nc, name, subject, false); err != nil {
			nc.Close()
			return nil, err
		}
		remove = func(ctx context.Context) error { return readback.DeleteStream(ctx, nc, name) }
	}
	options := readback.Options{Pollers: o.pollers(), Batch: o.Workload.Consumer.Batch, Return: true}
	consumer := func(ctx context.Context) (*readback.JetStream, error) {
		return readback.OpenJetStream(ctx, nc, name, "sluice-bench", options)
	}
	batching := o.side("jetstream")
	f := &trial.FarEnd{
		Option: cost.JetStream,
		Target: result.Target{Transport: "jetstream", Durability: "in the stream's file, one replica, not synced one by one", Consumer: "own",
			MaxRecords: batching.MaxRecords, Linger: result.Millis(batching.Linger), Settings: map[string]string{"stream": name, "subject": subject}},
		Backlog: func(ctx context.Context) (int, error) {
			c, err := consumer(ctx)
			if err != nil {
				return 0, err
			}
			return c.Backlog(ctx)
		},
		Consume: func(ctx context.Context, sink *trial.Sink) error {
			c, err := consumer(ctx)
			if err != nil {
				return err
			}
			return errors.Join(c.Consume(ctx, sink.Handle), c.Close())
		},
		Units: func(sent load.Report) cost.Units { return cost.Units{} },
		Close: func(ctx context.Context) error {
			err := remove(ctx)
			nc.Close()
			return err
		},
	}
	if n, err := f.Backlog(ctx); err != nil || n > 0 {
		if err == nil {
			err = fmt.Errorf("the stream %s holds %d records; name one that is empty and nobody else's", name, n)
		}
		return nil, errors.Join(err, f.Close(context.WithoutCancel(ctx)))
	}
	return f, nil
}
