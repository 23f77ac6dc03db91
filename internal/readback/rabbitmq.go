package readback

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"golang.org/x/sync/errgroup"

	"sluice/transport"
)

// A Dial opens a connection to RabbitMQ; the one who calls it closes the connection.
type Dial func(context.Context) (*amqp.Connection, error)

// A RabbitMQ is a Consumer of a queue of RabbitMQ, by basic.consume with one acknowledgement per message.
type RabbitMQ struct {
	dial  Dial
	queue string
	o     Options

	mu   sync.Mutex
	conn *amqp.Connection // nil: none yet
	held atomic.Int64     // messages that are here and not acknowledged
}

// OpenRabbitMQ returns a consumer of the queue. It connects when it has to.
func OpenRabbitMQ(dial Dial, queue string, o Options) *RabbitMQ {
	return &RabbitMQ{dial: dial, queue: queue, o: o}
}

// connect returns the connection, a new one if the last was lost.
func (c *RabbitMQ) connect(ctx context.Context) (*amqp.Connection, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil && !c.conn.IsClosed() {
		return c.conn, nil
	}
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to RabbitMQ: %w", err)
	}
	c.conn = conn
	return conn, nil
}

// Consume is Consumer's.
func (c *RabbitMQ) Consume(ctx context.Context, handle func(context.Context, Delivery) error) error {
	var gone away
	for ctx.Err() == nil {
		err := c.session(ctx, &gone, handle)
		var said *amqp.Error
		switch {
		case ctx.Err() != nil:
		case errors.As(err, &said) && (said.Code == amqp.NotFound || said.Code == amqp.AccessRefused || said.Code == amqp.NotAllowed):
			return err
		default:
			if err := gone.pause(ctx, err); err != nil {
				return err
			}
		}
	}
	return nil
}

var errLost = errors.New("the connection or the queue was lost")

// session consumes until ctx ends or the channel is closed.
func (c *RabbitMQ) session(ctx context.Context, gone *away, handle func(context.Context, Delivery) error) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer func() {
		_ = ch.Close() // what is not acknowledged goes back to the queue
		c.held.Store(0)
	}()
	most := c.o.pollers() * c.o.batch()
	if err := ch.Qos(most, 0, false); err != nil {
		return fmt.Errorf("limit what is sent at once: %w", err)
	}
	in, err := ch.ConsumeWithContext(context.WithoutCancel(ctx), c.queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", c.queue, err)
	}
	gone.back()
	counted := make(chan amqpDelivery, most)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.count(ctx, in, counted) })
	for range c.o.pollers() {
		group.Go(func() error { return c.poll(ctx, counted, handle) })
	}
	return group.Wait()
}

type amqpDelivery struct {
	amqp.Delivery
	arrived time.Time
}

// count takes messages off the wire as they come, so that Backlog knows of them.
func (c *RabbitMQ) count(ctx context.Context, in <-chan amqp.Delivery, counted chan<- amqpDelivery) error {
	for {
		select {
		case d, ok := <-in:
			if !ok {
				return fmt.Errorf("queue %q: %w", c.queue, errLost)
			}
			c.held.Add(1)
			counted <- amqpDelivery{d, time.Now()} // has room for all that the broker may send
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *RabbitMQ) poll(ctx context.Context, counted <-chan amqpDelivery, handle func(context.Context, Delivery) error) error {
	for ctx.Err() == nil {
		select {
		case d := <-counted:
			err := handle(context.WithoutCancel(ctx), received(d))
			if err == nil {
				err = d.Ack(false)
			} else {
				err = d.Nack(false, true)
			}
			c.held.Add(-1)
			if err != nil {
				return fmt.Errorf("acknowledge to %q: %w", c.queue, err)
			}
		case <-ctx.Done():
		}
	}
	return nil
}

// received undoes what the driver does to a record.
func received(d amqpDelivery) Delivery {
	out := Delivery{Record: transport.Record{ID: d.MessageId, Body: d.Body}, MessageID: d.CorrelationId, Arrived: d.arrived, Receives: 1}
	if d.Redelivered {
		out.Receives = 2 // at least; a quorum queue counts
	}
	for name, value := range d.Headers {
		switch name {
		case "sluice-key":
			out.Record.Key, _ = value.(string)
		case "x-delivery-count":
			if n, ok := value.(int64); ok {
				out.Receives = int(n) + 1
			}
		default:
			if text, ok := value.(string); ok {
				if out.Record.Headers == nil {
					out.Record.Headers = map[string]string{}
				}
				out.Record.Headers[name] = text
			}
		}
	}
	return out
}

// Backlog adds the messages that the broker calls ready and those that are here. It does not see those that other
// consumers hold, nor one that is on its way at that moment: zero counts when it is said twice.
func (c *RabbitMQ) Backlog(ctx context.Context) (int, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return 0, err
	}
	ch, err := conn.Channel()
	if err != nil {
		return 0, fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	q, err := ch.QueueDeclarePassive(c.queue, true, false, false, false, nil)
	if err != nil {
		return 0, fmt.Errorf("look at %q: %w", c.queue, err)
	}
	return q.Messages + int(c.held.Load()), nil
}

// Close closes the connection.
func (c *RabbitMQ) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil || c.conn.IsClosed() {
		return nil
	}
	return c.conn.Close()
}

// CreateRabbitMQQueue makes a durable quorum queue. One of that name and kind is taken as it is.
func CreateRabbitMQQueue(ctx context.Context, dial Dial, name string) error {
	return withChannel(ctx, dial, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(name, true, false, false, false, amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum})
		if err != nil {
			return fmt.Errorf("create the queue %q: %w", name, err)
		}
		return nil
	})
}

// DeleteRabbitMQQueue deletes the queue with all that it holds; one that is not there is no error.
func DeleteRabbitMQQueue(ctx context.Context, dial Dial, name string) error {
	return withChannel(ctx, dial, func(ch *amqp.Channel) error {
		var said *amqp.Error
		if _, err := ch.QueueDelete(name, false, false, false); err != nil && !(errors.As(err, &said) && said.Code == amqp.NotFound) {
			return fmt.Errorf("delete the queue %q: %w", name, err)
		}
		return nil
	})
}

func withChannel(ctx context.Context, dial Dial, do func(*amqp.Channel) error) error {
	conn, err := dial(ctx)
	if err != nil {
		return fmt.Errorf("connect to RabbitMQ: %w", err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	return do(ch)
}
