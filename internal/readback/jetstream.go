package readback

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"sluice/transport"
)

// A JetStream is a Consumer of a stream, by a pull consumer with explicit acknowledgements.
type JetStream struct {
	nc        *nats.Conn
	stream    string
	ephemeral bool
	js        jetstream.JetStream
	consumer  jetstream.Consumer
	o         Options
}

// idle is how long the server keeps a consumer without a name that nobody asks for messages.
const idle = 5 * time.Minute

// OpenJetStream makes a consumer of all that the stream holds and takes, and keeps using nc, which it does not close.
// With a durable name it goes on where the consumer of that name has been; without one it begins at the beginning.
func OpenJetStream(ctx context.Context, nc *nats.Conn, stream, durable string, o Options) (*JetStream, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("stream %q: %w", stream, err)
	}
	hidden := o.Visibility
	if hidden <= 0 {
		hidden = defaultVisibility
	}
	cfg := jetstream.ConsumerConfig{Durable: durable, AckPolicy: jetstream.AckExplicitPolicy, AckWait: hidden,
		MaxAckPending: max(1000, 2*o.pollers()*o.batch())}
	if durable == "" {
		cfg.InactiveThreshold = idle
	}
	consumer, err := js.CreateOrUpdateConsumer(ctx, stream, cfg)
	if err != nil {
		return nil, fmt.Errorf("make a consumer of the stream %q: %w", stream, err)
	}
	return &JetStream{nc: nc, js: js, stream: stream, ephemeral: durable == "", consumer: consumer, o: o}, nil
}

// Consume is Consumer's.
func (c *JetStream) Consume(ctx context.Context, handle func(context.Context, Delivery) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for range c.o.pollers() {
		group.Go(func() error { return c.poll(ctx, handle) })
	}
	err := group.Wait()
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), finish)
	defer cancel()
	_ = c.nc.FlushWithContext(flush) // acknowledgements that do not get through mean that copies come again
	return err
}

// poll asks for messages until ctx ends. The iterator asks again by itself when the connection was lost.
func (c *JetStream) poll(ctx context.Context, handle func(context.Context, Delivery) error) error {
	var gone away
	for ctx.Err() == nil {
		err := c.iterate(ctx, &gone, handle)
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, jetstream.ErrConsumerDeleted), errors.Is(err, jetstream.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionClosed):
			return fmt.Errorf("stream %q: %w", c.stream, err)
		default:
			if err := c.missing(ctx, &gone); err != nil {
				return fmt.Errorf("stream %q: %w", c.stream, err)
			}
			if err := gone.pause(ctx, err); err != nil {
				return fmt.Errorf("stream %q: %w", c.stream, err)
			}
		}
	}
	return nil
}

// missing asks the server for the consumer: if it answers, it is back, and if it knows none, it will not by itself.
func (c *JetStream) missing(ctx context.Context, gone *away) error {
	ctx, cancel := context.WithTimeout(ctx, look)
	defer cancel()
	_, err := c.consumer.Info(ctx)
	switch {
	case err == nil:
		gone.back()
	case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		return err
	}
	return nil
}

// look is how long the server may take to say whether it knows the consumer.
const look = 2 * time.Second

func (c *JetStream) iterate(ctx context.Context, gone *away, handle func(context.Context, Delivery) error) error {
	messages, err := c.consumer.Messages(jetstream.PullMaxMessages(c.o.batch()), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for ctx.Err() == nil {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		gone.back()
		d, err := taken(m)
		if err != nil {
			return err
		}
		settle := m.Ack
		if handle(context.WithoutCancel(ctx), d) != nil {
			if !c.o.Return {
				continue
			}
			settle = m.Nak
		}
		if err := settle(); err != nil { // the copy comes back
			return err
		}
	}
	return nil
}

// taken undoes what the driver does to a record.
func taken(m jetstream.Msg) (Delivery, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Delivery{}, fmt.Errorf("a message without the data of JetStream: %w", err)
	}
	r := transport.Record{Body: m.Data()}
	for name, values := range m.Headers() {
		switch {
		case name == jetstream.MsgIDHeader:
			r.ID = values[0]
		case name == "Sluice-Key":
			r.Key = values[0]
		case strings.HasPrefix(name, "Nats-"):
		default:
			if r.Headers == nil {
				r.Headers = map[string]string{}
			}
			r.Headers[name] = values[0]
		}
	}
	return Delivery{Record: r, MessageID: strconv.FormatUint(meta.Sequence.Stream, 10), Arrived: time.Now(),
		Receives: int(meta.NumDelivered), Stored: meta.Timestamp}, nil
}

// Backlog is what the consumer has not been given, and what it was given and has not acknowledged.
func (c *JetStream) Backlog(ctx context.Context) (int, error) {
	info, err := c.consumer.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("look at the stream %q: %w", c.stream, err)
	}
	return int(info.NumPending) + info.NumAckPending, nil
}

// Close deletes the consumer on the server if it has no name of its own.
func (c *JetStream) Close() error {
	if !c.ephemeral {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), finish)
	defer cancel()
	err := c.js.DeleteConsumer(ctx, c.stream, c.consumer.CachedInfo().Name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	return err
}

// CreateStream makes a stream with one replica that keeps all that is published to the subject, in a file or in memory.
// A stream of that name with the same settings is taken as it is. It drops a repeated ID for two minutes.
func CreateStream(ctx context.Context, nc *nats.Conn, name, subject string, memory bool) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("create the stream %q: %w", name, err)
	}
	cfg := jetstream.StreamConfig{Name: name, Subjects: []string{subject}, Replicas: 1, Duplicates: 2 * time.Minute}
	if memory {
		cfg.Storage = jetstream.MemoryStorage
	}
	if _, err := js.CreateStream(ctx, cfg); err != nil {
		return fmt.Errorf("create the stream %q: %w", name, err)
	}
	return nil
}

// DeleteStream deletes the stream with all that it holds; one that is not there is no error.
func DeleteStream(ctx context.Context, nc *nats.Conn, name string) error {
	js, err := jetstream.New(nc)
	if err == nil {
		err = js.DeleteStream(ctx, name)
	}
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("delete the stream %q: %w", name, err)
	}
	return nil
}
