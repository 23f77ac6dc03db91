package rabbitmq

import (
	"slices"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/transporttest"
)

const probe = 50 * time.Millisecond

// drill delivers recs through a Deliverer until all are settled, calling then after each Send, and checks that each has one
// fate. What w holds at the end, and what then returned, is what was stored.
func drill(t *testing.T, w *world, tr *Transport, recs []transport.Record, then func(n int) []transport.Record) (*transporttest.Ledger, []string) {
	t.Helper()
	var stored []transport.Record
	l := new(transporttest.Ledger).Then(func(n int) {
		if then != nil {
			stored = append(stored, then(n)...)
		}
	})
	d := &transport.Deliverer{Transport: tr, Backoff: quick, Probe: probe, Concurrency: 1}
	l.Keep(d)
	results := d.Deliver(t.Context(), recs)
	return l, l.Settled(t, recs, results, append(stored, w.readBack()...))
}

func row(t *testing.T, what string, action proof.Action, reason, promises string) {
	t.Helper()
	proof.Row{Area: "rabbitmq", Fault: what, Action: action, Reason: reason, Promises: promises}.Report(t)
}

func wantNoneDead(t *testing.T, dead []string) {
	t.Helper()
	if len(dead) != 0 {
		t.Errorf("rejected: %q, want none", dead)
	}
}

func TestFaultRows(t *testing.T) {
	t.Parallel()
	broker := anyBroker(t)
	t.Run("nack", func(t *testing.T) {
		t.Parallel()
		w := on(t, broker, amqp.Table{"x-max-length": int32(5), "x-overflow": "reject-publish"})
		tr := opened(t, w.settings(w.address), nil)
		recs := transporttest.Records(30)
		var early []transport.Record
		d := &transport.Deliverer{Transport: tr, Backoff: quick, Concurrency: 1}
		l, failed := new(transporttest.Ledger), 0
		l.Then(func(int) {
			if n := l.Failed(); n > failed { // make room
				failed = n
				early = append(early, w.readBack()...)
			}
		}).Keep(d)
		var results []transport.Result
		for i := range recs { // a quorum queue takes a few more than it is told
			results = append(results, d.Deliver(t.Context(), recs[i:i+1])...)
		}
		wantNoneDead(t, l.Settled(t, recs, results, append(early, w.readBack()...)))
		l.Retried(t, "nacked")
		row(t, "nack of a full queue", proof.Retry, "nacked", "P1 P5")
	})
	t.Run("queue deleted", func(t *testing.T) {
		t.Parallel()
		w := on(t, broker, nil)
		tr := opened(t, w.settings(w.address), nil)
		w.remove()
		l, dead := drill(t, w, tr, transporttest.Records(10), func(n int) []transport.Record {
			if n == 3 {
				w.declare(nil)
			}
			return nil
		})
		wantNoneDead(t, dead)
		l.Paused(t, "queue_missing", probe)
		row(t, "returned: no such queue", proof.Pause, "queue_missing", "P1 P11 P12")
	})
	t.Run("exchange missing, then unroutable", func(t *testing.T) {
		t.Parallel()
		w := on(t, broker, nil)
		exchange := w.queue + "-exchange"
		through := func(c *Config) { c.Queue, c.Exchange, c.RoutingKey = "", exchange, "in" }
		declare := func() {
			w.do(func(ch *amqp.Channel) error {
				return ch.ExchangeDeclare(exchange, "direct", true, false, false, false, nil)
			})
		}
		l, dead := drill(t, w, opened(t, w.settings(w.address), through), transporttest.Records(10), func(n int) []transport.Record {
			switch n {
			case 3:
				declare()
			case 6:
				w.do(func(ch *amqp.Channel) error { return ch.QueueBind(w.queue, "in", exchange, false, nil) })
			}
			return nil
		})
		t.Cleanup(func() { w.do(func(ch *amqp.Channel) error { return ch.ExchangeDelete(exchange, false, false) }) })
		wantNoneDead(t, dead)
		l.Paused(t, "exchange_missing", probe)
		found := slices.ContainsFunc(l.Of(transporttest.Records(1)[0].ID), func(e *fault.Error) bool { return e != nil && e.Reason == "unroutable" })
		if !found {
			t.Error("no verdict unroutable, want it once the exchange was there")
		}
		row(t, "no such exchange", proof.Pause, "exchange_missing", "P1 P11 P12")
		row(t, "returned: no queue is bound with the routing key", proof.Pause, "unroutable", "P1 P11 P12")
	})
	t.Run("connection lost before the confirms", func(t *testing.T) {
		t.Parallel()
		w := on(t, broker, nil)
		p := w.proxied()
		tr := opened(t, w.settings(p.Address()), nil)
		ready(t, tr)
		p.CutReply()
		l, dead := drill(t, w, tr, transporttest.Records(10), nil)
		wantNoneDead(t, dead)
		l.Retried(t, "disconnected")
		if e := l.First(); !e.Ambiguous {
			t.Error("what was not confirmed is called certain")
		}
		row(t, "channel and connection closed before the confirms", proof.Retry, "disconnected", "P1 P5")
	})
	t.Run("no confirm in time", func(t *testing.T) {
		t.Parallel()
		w := on(t, broker, nil)
		p := w.proxied()
		tr := opened(t, w.settings(p.Address()), func(c *Config) { c.Timeout = 500 * time.Millisecond })
		ready(t, tr)
		p.Mute()
		l, dead := drill(t, w, tr, transporttest.Records(10), func(n int) []transport.Record {
			if n == 1 {
				p.Pass()
			}
			return nil
		})
		wantNoneDead(t, dead)
		l.Retried(t, "no_answer")
		row(t, "no confirm in time", proof.Retry, "no_answer", "P1 P5 P10")
	})
}
