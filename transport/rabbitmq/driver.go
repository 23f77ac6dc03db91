package rabbitmq

import (
	"context"
	"errors"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"sluice/internal/wire"
	"sluice/transport"
)

const (
	opConnect = "rabbitmq.Connect"
	opPublish = "rabbitmq.Publish"
	opLook    = "rabbitmq.Declare" // passive: it looks and makes nothing

	// One Send has one timeout, so it carries no more than a slow broker takes in that time.
	maxRecords  = 100
	maxBytes    = 8 << 20
	maxInFlight = 256 // a channel each. RabbitMQ: 2,047 channels in a connection by default
)

// A Transport publishes to one queue or exchange. It is safe for concurrent use.
type Transport struct {
	cfg  Config
	caps transport.Capabilities
	wire *wire.Wire

	mu         sync.Mutex
	line       *line    // the last connection; nil: none yet
	attempt    *attempt // to connect, under way; nil: none
	background sync.WaitGroup
}

// Open prepares to send. It does not connect: a broker that cannot be reached is no error, Send and Check say so.
func Open(cfg Config) (*Transport, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if _, err := cfg.tls(); err != nil {
		return nil, err
	}
	return &Transport{cfg: cfg, wire: wire.New(cfg.Timeout, cfg.Tap), caps: transport.Capabilities{MaxRecords: maxRecords,
		MaxBytes: max(maxBytes, cfg.MaxMessageBytes), MaxRecordBytes: cfg.MaxMessageBytes, MaxInFlight: maxInFlight, Ordered: true}}, nil
}

// Capabilities are those of every broker, with the limit of the settings.
func (t *Transport) Capabilities() transport.Capabilities { return t.caps }

// Check asks whether the queue or exchange exists, which shows that we are let in. That we may publish, and that an
// exchange leads to a queue, shows only when a record is sent.
func (t *Transport) Check(ctx context.Context) error {
	ctx, cancel := t.limit(ctx)
	defer cancel()
	l, err := t.connected(ctx)
	if err != nil {
		return err
	}
	c, err := t.channel(ctx, l)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, l.drop)()
	if t.cfg.Exchange != "" {
		err = c.ExchangeDeclarePassive(t.cfg.Exchange, amqp.ExchangeDirect, true, false, false, false, nil)
	} else {
		_, err = c.QueueDeclarePassive(t.cfg.Queue, true, false, false, false, nil)
	}
	if err == nil {
		l.put(c)
		return nil
	}
	if ctx.Err() != nil {
		return ended(ctx, opLook)
	}
	return t.classify(opLook, err)
}

// Close closes the connection.
func (t *Transport) Close() error {
	t.mu.Lock()
	l := t.line
	t.mu.Unlock()
	if l != nil {
		l.close()
	}
	t.wire.Shut()
	t.background.Wait()
	return nil
}

// limit returns a ctx that ends after the timeout, with a cause that names its setting.
func (t *Transport) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, t.cfg.Timeout, errors.New("no answer within "+t.cfg.Timeout.String()+" ("+timeoutVariable+")"))
}
