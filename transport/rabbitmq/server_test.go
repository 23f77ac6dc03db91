package rabbitmq

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// own is the folder of these tests' own broker, started by the first test that needs one.
var own struct {
	sync.Mutex
	folder, url string
	err         error
}

// script runs .ci/rabbitmq on our own broker.
func script(args ...string) (string, error) {
	c := exec.Command("../../.ci/rabbitmq", args...)
	c.Env = append(os.Environ(), "RABBITMQ_FOLDER="+own.folder)
	out, err := c.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%w: %s", err, failed.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

func TestMain(m *testing.M) {
	code := m.Run()
	if own.folder != "" {
		_, _ = script("stop")
		_ = os.RemoveAll(own.folder)
	}
	os.Exit(code)
}

// ownBroker returns the address of a broker that belongs to these tests.
func ownBroker() (string, error) {
	own.Lock()
	defer own.Unlock()
	if own.folder == "" {
		if own.folder, own.err = os.MkdirTemp("", "sluice-rabbitmq"); own.err == nil {
			own.folder, _ = filepath.Abs(own.folder)
			own.url, own.err = script("start")
		}
	}
	return own.url, own.err
}

// skip skips aloud, or fails where MUST_RUN, a list of names, demands the test.
func skip(t *testing.T, why string) {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	if slices.Contains(strings.Split(os.Getenv("MUST_RUN"), ","), name) {
		t.Fatalf("MUST_RUN names %s, but %s", name, why)
	}
	t.Skipf("SKIPPED: %s", why)
}

// ours returns our own broker, for tests that stop it or raise its alarms. Such tests do not run beside others.
func ours(t *testing.T) string {
	t.Helper()
	address, err := ownBroker()
	if err != nil {
		skip(t, ".ci/rabbitmq starts no broker here: "+err.Error())
	}
	return address
}

// anyBroker returns a broker: that of TEST_RABBITMQ_URL, or our own.
func anyBroker(t *testing.T) string {
	t.Helper()
	if address := os.Getenv("TEST_RABBITMQ_URL"); address != "" {
		return address
	}
	return ours(t)
}

// A world is a broker with one queue, and a connection of its owner.
type world struct {
	t       *testing.T
	address string
	queue   string
	conn    *amqp.Connection
}

var worlds atomic.Int64

// on makes a quorum queue on a broker, with these arguments.
func on(t *testing.T, address string, more amqp.Table) *world {
	t.Helper()
	w := &world{t: t, address: address, queue: fmt.Sprintf("sluice-test-%d-%d", time.Now().UnixNano(), worlds.Add(1))}
	w.connect()
	w.declare(more)
	t.Cleanup(func() {
		w.connect()
		w.remove()
		_ = w.conn.Close()
	})
	return w
}

func (w *world) connect() {
	w.t.Helper()
	if w.conn != nil && !w.conn.IsClosed() {
		return
	}
	conn, err := amqp.Dial(w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.conn = conn
}

// do calls f with a channel, which it closes.
func (w *world) do(f func(*amqp.Channel) error) {
	w.t.Helper()
	w.connect()
	ch, err := w.conn.Channel()
	if err == nil {
		err = f(ch)
	}
	if err != nil {
		w.t.Error(err)
		return
	}
	_ = ch.Close()
}

func (w *world) declare(more amqp.Table) {
	w.t.Helper()
	w.do(func(ch *amqp.Channel) error {
		args := amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum}
		for name, value := range more {
			args[name] = value
		}
		_, err := ch.QueueDeclare(w.queue, true, false, false, false, args)
		return err
	})
}

func (w *world) remove() {
	w.t.Helper()
	w.do(func(ch *amqp.Channel) error {
		_, err := ch.QueueDelete(w.queue, false, false, false)
		return err
	})
}

// readBack takes all that the queue holds, in order.
func (w *world) readBack() []transport.Record {
	w.t.Helper()
	var recs []transport.Record
	w.do(func(ch *amqp.Channel) error {
		for {
			m, ok, err := ch.Get(w.queue, true)
			if err != nil || !ok {
				return err
			}
			r := transport.Record{ID: m.MessageId, Body: m.Body, Headers: map[string]string{}}
			for name, value := range m.Headers {
				if name == "sluice-key" {
					r.Key = value.(string)
				} else if text, ok := value.(string); ok {
					r.Headers[name] = text
				}
			}
			if m.DeliveryMode != amqp.Persistent {
				return fmt.Errorf("%s is not persistent", m.MessageId)
			}
			recs = append(recs, r)
		}
	})
	return recs
}

// settings are those for the queue; address is a URL, or host:port of a proxy.
func (w *world) settings(address string) Config {
	if !strings.Contains(address, "://") {
		address = "amqp://" + address
	}
	return Config{URL: address, Queue: w.queue, Timeout: 10 * time.Second, Username: "guest", Password: secret.New("guest"), MaxMessageBytes: 1 << 20}
}

// open opens the driver; change may alter its settings.
func open(t *testing.T, cfg Config, change func(*Config)) *Transport {
	t.Helper()
	if change != nil {
		change(&cfg)
	}
	tr, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// opened is open, and closes the driver at the end of the test.
func opened(t *testing.T, cfg Config, change func(*Config)) *Transport {
	t.Helper()
	tr := open(t, cfg, change)
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return tr
}

// proxied puts a proxy before the broker.
func (w *world) proxied() *transporttest.Proxy {
	w.t.Helper()
	u, err := url.Parse(w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	return transporttest.NewProxy(w.t, u.Host)
}

// ready fails unless the driver can connect, and has then a channel for a Send.
func ready(t *testing.T, tr *Transport) {
	t.Helper()
	if err := tr.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// wantAll fails unless all results carry the verdict.
func wantAll(t *testing.T, results []transport.Result, class fault.Class, reason string, ambiguous bool) {
	t.Helper()
	for i, r := range results {
		e := fault.From(r.Err)
		if e == nil {
			t.Errorf("record %d: accepted, want %v %s", i, class, reason)
			continue
		}
		if e.Class != class || e.Reason != reason || e.Ambiguous != ambiguous {
			t.Errorf("record %d: got %v %s (ambiguous %v): %v, want %v %s (ambiguous %v)", i, e.Class, e.Code(), e.Ambiguous, e, class, reason, ambiguous)
		}
	}
}

func wantAccepted(t *testing.T, results []transport.Result) {
	t.Helper()
	for i, r := range results {
		if r.Err != nil {
			t.Errorf("record %d: %v, want accepted", i, r.Err)
		}
	}
}

// wantTodo fails unless the text goes on with what to do.
func wantTodo(t *testing.T, err error) {
	t.Helper()
	if _, todo, _ := strings.Cut(fmt.Sprint(err), "; "); todo == "" {
		t.Errorf("%q does not say what to do", err)
	}
}

func three() []transport.Record { return transporttest.Records(3) }

// quick is a backoff for tests.
var quick = backoff.Policy{Min: 5 * time.Millisecond, Max: 50 * time.Millisecond}
