package jetstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	api "github.com/nats-io/nats.go/jetstream"

	"sluice/internal/fault"
)

// A link is a connection to a server, which the client library renews when it breaks.
type link struct {
	nc *nats.Conn
	js api.JetStream

	mu           sync.Mutex
	sends, looks alarm
}

// An alarm tells all who wait for an answer that the server has refused the question: rung ends then, with the verdict
// as its cause.
type alarm struct {
	rung context.Context
	ring context.CancelCauseFunc
}

func newAlarm() alarm {
	rung, ring := context.WithCancelCause(context.Background())
	return alarm{rung, ring}
}

// An attempt to connect, shared by all who wait for it.
type attempt struct {
	done chan struct{}
	link *link
	err  error
}

// connected returns the connection if it is up. It waits for the first connection, until ctx ends; it does not wait where
// the library is about to renew one.
func (t *Transport) connected(ctx context.Context) (*link, error) {
	t.mu.Lock()
	if l := t.link; l != nil && !l.nc.IsClosed() {
		t.mu.Unlock()
		if !l.nc.IsConnected() {
			return nil, lost(l.nc.LastError())
		}
		return l, nil
	}
	a := t.attempt
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		t.attempt = a
		t.background.Go(func() {
			a.link, a.err = t.dial()
			t.mu.Lock()
			t.link, t.attempt = a.link, nil
			t.mu.Unlock()
			close(a.done)
		})
	}
	t.mu.Unlock()
	select {
	case <-a.done:
		return a.link, a.err
	case <-ctx.Done():
		return nil, ended(ctx, opConnect)
	}
}

// dial connects, and makes sure that answers can reach us: records whose acknowledgement we may not hear would be stored
// again and again.
func (t *Transport) dial() (*link, error) {
	l := &link{sends: newAlarm(), looks: newAlarm()}
	nc, err := t.cfg.open(nats.SetCustomDialer(t.wire), nats.ErrorHandler(func(nc *nats.Conn, _ *nats.Subscription, err error) {
		l.told(nc, t.cfg.Subject, err)
	}))
	if err != nil {
		return nil, classifyConnect(err)
	}
	l.nc = nc
	l.js, err = api.New(nc, api.WithPublishAsyncTimeout(t.cfg.Timeout), api.WithPublishAsyncMaxPending(maxPending))
	if err == nil {
		err = listens(nc, t.cfg.Timeout)
	}
	if err != nil {
		nc.Close()
		return nil, classifyConnect(err)
	}
	return l, nil
}

// Connect connects to the servers as the driver does, for others that read what it has delivered. The library renews the
// connection when it breaks. The caller closes it.
func (c Config) Connect() (*nats.Conn, error) {
	nc, err := c.open()
	if err != nil {
		return nil, classifyConnect(err)
	}
	return nc, nil
}

func (c Config) open(more ...nats.Option) (*nats.Conn, error) {
	o := nats.GetDefaultOptions()
	o.Servers = c.servers()
	for _, option := range append(c.options(), more...) {
		if err := option(&o); err != nil {
			return nil, err
		}
	}
	return o.Connect()
}

// options are those of every connection.
func (c Config) options() []nats.Option {
	all := []nats.Option{
		nats.Name("sluice"), nats.Timeout(c.Timeout), nats.FlusherTimeout(c.Timeout),
		nats.ReconnectBufSize(-1),      // a record that cannot go now is the Deliverer's to repeat
		nats.ReconnectOnFlusherError(), // else what could not be written is dropped, and later records pass it
		nats.MaxReconnects(-1), nats.CustomReconnectDelay(delay), nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(20 * time.Second), nats.MaxPingsOutstanding(2),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // else the library prints
	}
	switch {
	case c.Username != "":
		all = append(all, nats.UserInfoHandler(func() (string, string) { return c.Username, c.Password.Reveal() }))
	case c.Token.IsSet():
		all = append(all, nats.TokenHandler(c.Token.Reveal))
	case c.Creds.IsSet():
		all = append(all, nats.UserJWT(c.jwt, c.sign))
	}
	if c.CAFile != "" {
		all = append(all, nats.RootCAs(c.CAFile))
	}
	if c.CertFile != "" {
		all = append(all, nats.ClientCert(c.CertFile, c.KeyFile))
	}
	return all
}

// jwt and sign read the credentials anew for each connection, so that replaced ones count.
func (c Config) jwt() (string, error) { return c.credentials().UserJWT() }

func (c Config) sign(nonce []byte) ([]byte, error) { return c.credentials().SignatureCB(nonce) }

// credentials lets the library take the secret apart.
func (c Config) credentials() (o nats.Options) {
	o.UserJWT = func() (string, error) { return "", errCredentials }
	o.SignatureCB = func([]byte) ([]byte, error) { return nil, errCredentials }
	_ = nats.UserCredentialBytes([]byte(c.Creds.Reveal()))(&o) // leaves them as they are if there is nothing to find
	return o
}

var errCredentials = errors.New("SLUICE_JETSTREAM_CREDS is not the content of a .creds file")

// delay is the time before the next round over all servers: from 0.1 s, doubled, to 2 s, and up to half of it more.
func delay(rounds int) time.Duration {
	d := min(100*time.Millisecond<<min(max(rounds-1, 0), 10), 2*time.Second)
	return d + rand.N(d/2)
}

// listens reports, as an error, that the server does not let us listen for answers.
func listens(nc *nats.Conn, timeout time.Duration) error {
	sub, err := nc.SubscribeSync(nc.NewRespInbox())
	if err != nil {
		return err
	}
	err = nc.FlushTimeout(timeout)
	if said := nc.LastError(); errors.Is(said, nats.ErrPermissionViolation) { // said before the answer to the flush
		return said
	}
	return errors.Join(err, sub.Unsubscribe())
}

// told is what the server says outside of answers. A refusal to publish, or to listen for answers, ends the Sends under
// way; after the latter the connection is of no use, and the next Send opens another. A refusal to look ends the looks.
func (l *link) told(nc *nats.Conn, subject string, err error) {
	verdict, what := refusal(subject, err)
	if verdict == nil {
		return
	}
	bell := &l.sends
	if what == refusedLook {
		bell = &l.looks
	}
	l.mu.Lock()
	bell.ring(verdict)
	*bell = newAlarm()
	l.mu.Unlock()
	if what == refusedAnswers {
		nc.Close()
	}
}

// listen returns what ends when a question that is asked from now on is refused.
func (l *link) listen(a *alarm) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	return a.rung
}

// limit returns a ctx that ends after the timeout, with a cause that names its setting.
func (t *Transport) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, t.cfg.Timeout, fmt.Errorf("no answer within %v (%s)", t.cfg.Timeout, timeoutVariable))
}

// ended is the verdict where ctx ended before anything was sent.
func ended(ctx context.Context, op string) *fault.Error {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return &fault.Error{Reason: "interrupted", Op: op, Err: fmt.Errorf("interrupted: %w", cause)}
	case cause == context.DeadlineExceeded: // whose limit it was, the one who set it knows
		cause = fmt.Errorf("no answer in time: %w", cause)
	}
	return &fault.Error{Reason: "no_answer", Op: op, Err: cause}
}
