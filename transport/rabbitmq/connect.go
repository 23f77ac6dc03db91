package rabbitmq

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"sluice/internal/wire"
)

// A line is a connection to a broker with its channels. When it breaks, the next Send opens another.
type line struct {
	conn    *amqp.Connection
	name    string // begins the names of the copies that go over it
	copies  atomic.Uint64
	blocked atomic.Bool // the broker takes no messages for the moment

	mu   sync.Mutex
	idle []*channel
}

// A channel confirms what is published on it. One Send at a time uses it.
type channel struct {
	*amqp.Channel
	returns chan amqp.Return // has room for all messages of a Send, so that the library never waits for us
	closed  chan *amqp.Error
	said    *amqp.Error // came out of closed
}

// An attempt to connect, shared by all who wait for it.
type attempt struct {
	done chan struct{}
	line *line
	err  error
}

// connected returns a connection, a new one if the last is lost. It waits until ctx ends.
func (t *Transport) connected(ctx context.Context) (*line, error) {
	t.mu.Lock()
	if l := t.line; l != nil && !l.conn.IsClosed() {
		t.mu.Unlock()
		return l, nil
	}
	a := t.attempt
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		t.attempt = a
		t.background.Go(func() {
			a.line, a.err = t.dial()
			t.mu.Lock()
			t.line, t.attempt = a.line, nil
			t.mu.Unlock()
			close(a.done)
		})
	}
	t.mu.Unlock()
	select {
	case <-a.done:
		return a.line, a.err
	case <-ctx.Done():
		return nil, ended(ctx, opConnect)
	}
}

func (t *Transport) dial() (*line, error) {
	conn, err := t.cfg.open(t.wire)
	if err != nil {
		return nil, classifyConnect(err)
	}
	l := &line{conn: conn, name: rand.Text()[:10]}
	told := conn.NotifyBlocked(make(chan amqp.Blocking, 1))
	t.background.Go(func() {
		for b := range told { // until the connection ends
			l.blocked.Store(b.Active)
		}
	})
	return l, nil
}

// Connect connects to the broker as the driver does, for others that read what it has delivered. It has the timeout of
// the settings. The caller closes the connection.
func (c Config) Connect(context.Context) (*amqp.Connection, error) {
	conn, err := c.open(wire.New(c.Timeout, c.Tap))
	if err != nil {
		return nil, classifyConnect(err)
	}
	return conn, nil
}

func (c Config) open(w *wire.Wire) (*amqp.Connection, error) {
	settings, err := c.tls()
	if err != nil {
		return nil, err
	}
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName("sluice")
	return amqp.DialConfig(c.URL, amqp.Config{
		SASL: []amqp.Authentication{&amqp.PlainAuth{Username: c.Username, Password: c.Password.Reveal()}},
		Dial: func(network, address string) (net.Conn, error) {
			conn, err := w.Dial(network, address)
			if err == nil {
				err = conn.SetDeadline(time.Now().Add(c.Timeout)) // for the handshakes; the library takes it away after them
			}
			return conn, err
		},
		TLSClientConfig: settings, Properties: properties,
	})
}

// channel returns a channel that nobody uses.
func (t *Transport) channel(ctx context.Context, l *line) (*channel, error) {
	l.mu.Lock()
	for len(l.idle) > 0 {
		c := l.idle[len(l.idle)-1]
		l.idle = l.idle[:len(l.idle)-1]
		if !c.IsClosed() {
			l.mu.Unlock()
			return c, nil
		}
	}
	l.mu.Unlock()
	defer context.AfterFunc(ctx, l.drop)() // the library waits for the broker without end
	ch, err := l.conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if ctx.Err() != nil {
		return nil, ended(ctx, opConnect)
	}
	if err != nil {
		return nil, t.classify(opConnect, err)
	}
	return &channel{Channel: ch, returns: ch.NotifyReturn(make(chan amqp.Return, maxRecords)), closed: ch.NotifyClose(make(chan *amqp.Error, 1))}, nil
}

// why returns what the broker said when it closed the channel or the connection, nil if it said nothing or neither is
// closed. The library calls a channel closed a moment before it tells why.
func (c *channel) why() *amqp.Error {
	if c.said != nil || !c.IsClosed() {
		return c.said
	}
	select {
	case c.said = <-c.closed:
	case <-time.After(time.Second):
	}
	return c.said
}

// put gives a channel back on which nothing is outstanding.
func (l *line) put(c *channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, c)
}

// drop closes the connection without waiting for the broker.
func (l *line) drop() { _ = l.conn.CloseDeadline(time.Now()) }

// goodbye is how long closing waits for the broker, which closes a connection that is never told goodbye anyway.
const goodbye = time.Second

func (l *line) close() { _ = l.conn.CloseDeadline(time.Now().Add(goodbye)) }

// copyName names one attempt to deliver one record.
func (l *line) copyName() string {
	return fmt.Sprint(l.name, "-", strconv.FormatUint(l.copies.Add(1), 36))
}
