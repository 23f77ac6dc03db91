package rabbitmq

import (
	"bytes"
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/internal/secret"
	"sluice/transport"
	"sluice/transport/transporttest"
)

func TestLostConfirm(t *testing.T) {
	t.Parallel()
	w := on(t, anyBroker(t), nil)
	p := w.proxied()
	tr := opened(t, w.settings(p.Address()), nil)
	ready(t, tr)
	p.CutReply()
	wantAll(t, tr.Send(t.Context(), three()), fault.Transient, "disconnected", true)
	if got := len(w.readBack()); got == 0 {
		t.Fatal("no message is in the queue, want one at least: only the confirms were lost")
	}
	wantAccepted(t, tr.Send(t.Context(), three()))
}

func TestSlowBroker(t *testing.T) {
	t.Parallel()
	w := on(t, anyBroker(t), nil)
	p := w.proxied()
	tr := opened(t, w.settings(p.Address()), func(c *Config) { c.Timeout = 300 * time.Millisecond })
	ready(t, tr)
	p.Mute()
	results := tr.Send(t.Context(), three())
	wantAll(t, results, fault.Transient, "no_answer", true)
	if text := results[0].Err.Error(); !strings.Contains(text, "300ms (SLUICE_RABBITMQ_TIMEOUT)") {
		t.Errorf("%q does not name the limit and its setting", text)
	}
	// The channel is not used again, and opening another finds nobody who answers.
	wantAll(t, tr.Send(t.Context(), three()), fault.Transient, "no_answer", false)
	p.Pass()
	d := &transport.Deliverer{Transport: tr, Backoff: quick}
	wantAccepted(t, d.Deliver(t.Context(), three()))
}

// TestBrokerThatTakesNothing fills the buffers on the way, as a broker does that stops reading: a write that gets stuck
// must not outlive the Send.
func TestBrokerThatTakesNothing(t *testing.T) {
	t.Parallel()
	w := on(t, anyBroker(t), nil)
	p := w.proxied()
	tr := opened(t, w.settings(p.Address()), func(c *Config) { c.Timeout, c.MaxMessageBytes = time.Minute, 2<<20 })
	ready(t, tr)
	recs := transporttest.Records(60)
	for i := range recs {
		recs[i].Body = bytes.Repeat([]byte{'x'}, 1<<20)
	}
	p.Stall()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	begin := time.Now()
	results := tr.Send(ctx, recs)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("Send returned %v after its context had ended", took)
	}
	sent := 0
	for i, r := range results {
		e := fault.From(r.Err)
		if e == nil || e.Class != fault.Transient {
			t.Fatalf("record %d: %v, want transient", i, r.Err)
		}
		if e.Ambiguous {
			sent++
		}
	}
	if sent == 0 || sent == len(recs) {
		t.Errorf("%d of %d records are ambiguous, want those that were written, and not all", sent, len(recs))
	}
	p.Pass()
	d := &transport.Deliverer{Transport: tr, Backoff: quick}
	wantAccepted(t, d.Deliver(t.Context(), recs[:2]))
}

func TestQueueDeleted(t *testing.T) {
	t.Parallel()
	w := on(t, anyBroker(t), nil)
	tr := opened(t, w.settings(w.address), nil)
	wantAccepted(t, tr.Send(t.Context(), three()))
	w.remove()
	results := tr.Send(t.Context(), three())
	wantAll(t, results, fault.Blocked, "queue_missing", false)
	wantTodo(t, results[0].Err)
	if e := fault.From(tr.Check(t.Context())); e == nil || e.Class != fault.Blocked || e.Reason != "queue_missing" {
		t.Errorf("Check: %v, want queue_missing", e)
	}
	w.declare(nil)
	wantAccepted(t, tr.Send(t.Context(), three()))
}

func TestFullQueue(t *testing.T) {
	t.Parallel()
	w := on(t, anyBroker(t), amqp.Table{"x-max-length": int32(5), "x-overflow": "reject-publish"})
	tr := opened(t, w.settings(w.address), nil)
	var all []transport.Result
	for _, r := range transporttest.Records(30) { // a quorum queue takes a few more than it is told
		all = append(all, tr.Send(t.Context(), []transport.Record{r})...)
	}
	n := 0
	for n < len(all) && all[n].Err == nil {
		n++
	}
	if n < 5 || n == len(all) {
		t.Fatalf("%d of %d records were accepted, want 5 or a few more", n, len(all))
	}
	wantAll(t, all[n:], fault.Transient, "nacked", false)
	if got := len(w.readBack()); got != n {
		t.Errorf("%d messages are in the queue, want the %d that were accepted", got, n)
	}
	d := &transport.Deliverer{Transport: tr, Backoff: quick}
	wantAccepted(t, d.Deliver(t.Context(), three())) // there is room again
}

func TestStrangers(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
			_ = c.Close()
		}
	}()
	for scheme, want := range map[string]string{"amqp": "unexpected_answer", "amqps": "tls_failed"} {
		cfg := nowhere(t)
		cfg.URL = scheme + "://" + l.Addr().String()
		tr := opened(t, cfg, nil)
		results := tr.Send(t.Context(), three())
		// The library reads the answer in the background: now and then it sees the end of the connection before what came.
		for range 20 {
			if fault.From(results[0].Err).Reason != "unreachable" {
				break
			}
			results = tr.Send(t.Context(), three())
		}
		wantAll(t, results, fault.Blocked, want, false)
		wantTodo(t, results[0].Err)
	}
}

func TestHeadersThatDoNotTravel(t *testing.T) {
	t.Parallel()
	w := on(t, anyBroker(t), nil)
	tr := opened(t, w.settings(w.address), nil)
	recs := transporttest.Records(5)
	recs[0].Headers = map[string]string{"x-delay": "1"}
	recs[1].Headers = map[string]string{"CC": "elsewhere"}
	recs[2].Headers = map[string]string{strings.Repeat("n", 256): "1"}
	recs[3].Headers = map[string]string{"long": strings.Repeat("x", 120<<10)}
	recs[4].Headers = map[string]string{"long": strings.Repeat("x", 119<<10), "lines": "a\r\nb\x00"}
	results := tr.Send(t.Context(), recs)
	wantAll(t, results[:3], fault.Rejected, "invalid_header", false)
	wantAll(t, results[3:4], fault.Rejected, "headers_too_large", false)
	wantAccepted(t, results[4:])
	if got := w.readBack(); len(got) != 1 || got[0].Headers["lines"] != "a\r\nb\x00" {
		t.Errorf("%d messages, want one with all its headers", len(got))
	}
}

// The tests below change the broker, so they do not run beside others.

// TestBrokerStopsAndStartsAgain delivers through one Deliverer while the broker is stopped and started again.
func TestBrokerStopsAndStartsAgain(t *testing.T) {
	w := on(t, ours(t), nil)
	tr := opened(t, w.settings(w.address), func(c *Config) { c.Timeout = 2 * time.Second })
	d := &transport.Deliverer{Transport: tr, Backoff: quick, Probe: 50 * time.Millisecond}
	recs := transporttest.Records(4000)
	begun, done := make(chan struct{}), make(chan []transport.Result, 1)
	go func() {
		var results []transport.Result
		for i := 0; i < len(recs); i += 20 {
			results = append(results, d.Deliver(t.Context(), recs[i:i+20])...)
			if i == 200 {
				close(begun)
			}
		}
		done <- results
	}()
	<-begun
	for _, command := range []string{"halt", "start"} {
		if _, err := script(command); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-done:
		t.Error("everything was delivered before the broker had stopped; deliver more")
	default:
	}
	wantAccepted(t, <-done)
	copies := map[string]int{}
	for _, r := range w.readBack() {
		copies[r.ID]++
	}
	twice := 0
	for _, r := range recs {
		switch n := copies[r.ID]; {
		case n == 0:
			t.Errorf("%s was accepted and is not in the queue", r.ID)
		case n > 1:
			twice++
		}
	}
	if twice > 40 { // of the Send that was cut short, and the one after it
		t.Errorf("%d records are in the queue more than once, want no more than those in flight at the stop", twice)
	}
}

func TestBlockedConnection(t *testing.T) {
	w := on(t, ours(t), nil)
	tr := opened(t, w.settings(w.address), func(c *Config) { c.Timeout = time.Second })
	wantAccepted(t, tr.Send(t.Context(), three()))
	ctl(t, "set_vm_memory_high_watermark", "absolute", "1")
	t.Cleanup(func() { ctl(t, "set_vm_memory_high_watermark", "0.4") })
	var last []transport.Result
	for range 10 { // the broker tells a connection when it publishes, and takes that message
		if last = tr.Send(t.Context(), three()); fault.Is(last[0].Err, fault.Throttled) && !fault.From(last[0].Err).Ambiguous {
			break
		}
	}
	wantAll(t, last, fault.Throttled, "connection_blocked", false)
	l := new(transporttest.Ledger).Then(func(n int) {
		if n == 3 {
			ctl(t, "set_vm_memory_high_watermark", "0.4")
		}
	})
	d := &transport.Deliverer{Transport: tr, Backoff: quick}
	l.Keep(d)
	recs := transporttest.Records(6)[3:] // the first three may still be on their way
	results := d.Deliver(t.Context(), recs)
	stored := slices.DeleteFunc(w.readBack(), func(r transport.Record) bool {
		return !slices.ContainsFunc(recs, func(own transport.Record) bool { return own.ID == r.ID })
	})
	wantNoneDead(t, l.Settled(t, recs, results, stored))
	l.Retried(t, "connection_blocked")
	row(t, "connection blocked by a memory alarm", proof.Retry, "connection_blocked", "P8 P10 P11")
}

func ctl(t *testing.T, args ...string) {
	t.Helper()
	if _, err := script(append([]string{"ctl"}, args...)...); err != nil {
		t.Fatalf("rabbitmqctl %v: %v", args, err)
	}
}

// TestTooLarge: the broker takes less than we were told.
func TestTooLarge(t *testing.T) {
	w := on(t, ours(t), nil)
	ctl(t, "eval", "application:set_env(rabbit, max_message_size, 4000).")
	t.Cleanup(func() { ctl(t, "eval", "application:set_env(rabbit, max_message_size, 134217728).") })
	tr := opened(t, w.settings(w.address), nil)
	recs := transporttest.Records(10)
	recs[6].Body = make([]byte, 5000)
	for i, r := range tr.Send(t.Context(), recs) {
		if e := fault.From(r.Err); e != nil && (e.Class != fault.Rejected || !e.Whole) {
			t.Errorf("record %d: %v, want accepted, or refused with its request", i, e)
		}
	}
	results := (&transport.Deliverer{Transport: tr, Backoff: quick}).Deliver(t.Context(), recs)
	wantAll(t, results[6:7], fault.Rejected, "message_refused", false)
	wantTodo(t, results[6].Err)
	wantAccepted(t, append(results[:6:6], results[7:]...))
	found := map[string]bool{}
	for _, r := range w.readBack() {
		found[r.ID] = true
	}
	if len(found) != 9 || found[recs[6].ID] {
		t.Errorf("%d records are in the queue, want all but the long one", len(found))
	}
	row(t, "channel closed with 406: one record longer than the broker takes", proof.Split, "message_refused", "P16")
}

func TestPermissions(t *testing.T) {
	const password = "secret-canary"
	w := on(t, ours(t), nil)
	ctl(t, "add_user", "writer", password)
	t.Cleanup(func() { ctl(t, "delete_user", "writer") })
	as := func(name, word string) func(*Config) {
		return func(c *Config) { c.Username, c.Password = name, secret.New(word) }
	}
	for _, tc := range []struct {
		name   string
		write  string // what the user may write to; "-": it is not let into the virtual host
		change func(*Config)
		want   string
	}{
		{"not let in", "-", as("writer", password), "auth_refused"},
		{"wrong password", "amq.default", as("writer", "wrong-"+password), "auth_refused"},
		{"may not write", "^$", as("writer", password), "access_denied"},
		{"no such virtual host", "amq.default", func(c *Config) { as("writer", password)(c); c.URL += "missing" }, "auth_refused"},
		{"all that is needed", "amq.default", as("writer", password), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.write != "-" {
				ctl(t, "set_permissions", "writer", "^$", tc.write, "^$")
			}
			tr := opened(t, w.settings(w.address), tc.change)
			results := tr.Send(t.Context(), three()[:1])
			if tc.want == "" {
				wantAccepted(t, results)
				return
			}
			wantAll(t, results, fault.Blocked, tc.want, false)
			wantTodo(t, results[0].Err)
			if strings.Contains(results[0].Err.Error(), password) {
				t.Errorf("the password is in %v", results[0].Err)
			}
		})
	}
}
