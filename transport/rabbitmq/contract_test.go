package rabbitmq

import (
	"net"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/transport"
	"sluice/transport/transporttest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	address := anyBroker(t)
	for name, args := range map[string]amqp.Table{"a quorum queue": nil, "a classic queue": {amqp.QueueTypeArg: "classic"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transporttest.Run(t, transporttest.Harness{
				Open: func(t *testing.T) (transport.Transport, func() []transport.Record) {
					w := on(t, address, args)
					return open(t, w.settings(address), nil), w.readBack
				},
				Missing: func(t *testing.T) transport.Transport {
					w := on(t, address, args)
					return open(t, w.settings(address), func(c *Config) { c.Queue += "-missing" })
				},
				Unreachable: func(t *testing.T) transport.Transport { return open(t, nowhere(t), nil) },
				Silent: func(t *testing.T) transport.Transport {
					w := on(t, address, args)
					p := w.proxied()
					tr := open(t, w.settings(p.Address()), nil)
					ready(t, tr)
					p.Mute()
					return tr
				},
			})
		})
	}
}

// nowhere is where nobody listens.
func nowhere(t *testing.T) Config {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return Config{URL: "amqp://" + l.Addr().String(), Queue: "q", Timeout: 10 * time.Second, Username: "guest", Password: secret.New("guest"), MaxMessageBytes: 1 << 20}
}

func TestThroughAnExchange(t *testing.T) {
	t.Parallel()
	w := on(t, anyBroker(t), nil)
	exchange := w.queue + "-exchange"
	tr := opened(t, w.settings(w.address), func(c *Config) { c.Queue, c.Exchange, c.RoutingKey = "", exchange, "in" })
	results := tr.Send(t.Context(), three())
	wantRefused(t, results, "exchange_missing")
	wantAll(t, tr.Send(t.Context(), three()[:1]), fault.Blocked, "exchange_missing", false)
	wantTodo(t, results[0].Err)
	if err := tr.Check(t.Context()); err == nil {
		t.Error("Check: none, want that there is no exchange")
	}
	w.do(func(ch *amqp.Channel) error {
		return ch.ExchangeDeclare(exchange, "direct", true, false, false, false, nil)
	})
	t.Cleanup(func() { w.do(func(ch *amqp.Channel) error { return ch.ExchangeDelete(exchange, false, false) }) })
	results = tr.Send(t.Context(), three())
	wantAll(t, results, fault.Blocked, "unroutable", false)
	wantTodo(t, results[0].Err)
	w.do(func(ch *amqp.Channel) error { return ch.QueueBind(w.queue, "in", exchange, false, nil) })
	wantAccepted(t, tr.Send(t.Context(), three()))
	if err := tr.Check(t.Context()); err != nil {
		t.Errorf("Check: %v, want none", err)
	}
	if got := len(w.readBack()); got != 3 {
		t.Errorf("%d messages, want 3", got)
	}
}

// wantRefused checks records that the broker has refused by closing the channel. Those that went out before are in doubt if
// they are several, since nobody knows which of them was meant; if one went out, it is that one, and the others never left.
func wantRefused(t *testing.T, results []transport.Result, reason string) {
	t.Helper()
	doubtful := 0
	for doubtful < len(results) && fault.From(results[doubtful].Err).Ambiguous {
		doubtful++
	}
	wantAll(t, results[:doubtful], fault.Blocked, reason, true)
	wantAll(t, results[doubtful:], fault.Blocked, reason, false)
	if doubtful == 1 {
		t.Error("one record is in doubt, want none where only one can be meant")
	}
}

// TestOrder checks what Capabilities.Ordered claims.
func TestOrder(t *testing.T) {
	t.Parallel()
	w := on(t, anyBroker(t), nil)
	tr := opened(t, w.settings(w.address), nil)
	recs := transporttest.Records(1000)
	for from := 0; from < len(recs); {
		to := min(from+1+from%100, len(recs))
		wantAccepted(t, tr.Send(t.Context(), recs[from:to]))
		from = to
	}
	got := w.readBack()
	if len(got) != len(recs) {
		t.Fatalf("%d messages, want %d", len(got), len(recs))
	}
	for i, r := range got {
		if r.ID != recs[i].ID {
			t.Fatalf("message %d is %s, want %s", i, r.ID, recs[i].ID)
		}
	}
}

func TestCopiesHaveNames(t *testing.T) {
	t.Parallel()
	w := on(t, anyBroker(t), nil)
	tr := opened(t, w.settings(w.address), nil)
	names := map[string]bool{}
	for range 2 {
		for i, r := range tr.Send(t.Context(), three()) {
			if r.Err != nil || r.Receipt == "" {
				t.Errorf("record %d: receipt %q, %v", i, r.Receipt, r.Err)
			}
			names[r.Receipt] = true
		}
	}
	w.do(func(ch *amqp.Channel) error {
		for range 6 {
			m, _, err := ch.Get(w.queue, true)
			if err != nil {
				return err
			}
			if !names[m.CorrelationId] {
				t.Errorf("a message is named %q, which no receipt says, or which was there before", m.CorrelationId)
			}
			delete(names, m.CorrelationId)
		}
		return nil
	})
}
