package jetstream

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	api "github.com/nats-io/nats.go/jetstream"

	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// TestServerStopsAndStartsAgain delivers through one Deliverer while the server is stopped and started again, twice.
func TestServerStopsAndStartsAgain(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.stream(nil)
	tr := opened(t, w.address(), func(c *Config) { c.Timeout = 2 * time.Second })
	d := &transport.Deliverer{Transport: tr, Backoff: quick, Probe: 50 * time.Millisecond}
	recs := transporttest.Records(3000)
	for round := range 3 {
		part := recs[round*1000 : (round+1)*1000]
		done := make(chan []transport.Result, 1)
		began := make(chan struct{})
		go func() {
			close(began)
			var results []transport.Result
			for i := 0; i < len(part); i += 20 {
				results = append(results, d.Deliver(t.Context(), part[i:i+20])...)
			}
			done <- results
		}()
		<-began
		if round < 2 {
			w.down()
			w.up()
		}
		wantAccepted(t, <-done)
	}
	got := map[string]int{}
	for _, r := range w.readBack() {
		got[r.ID]++
	}
	for _, r := range recs {
		if got[r.ID] != 1 {
			t.Errorf("%s is in the stream %d times, want once", r.ID, got[r.ID])
		}
	}
}

func TestLostAcknowledgement(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.stream(nil)
	p := transporttest.NewProxy(t, w.address())
	tr := opened(t, p.Address(), nil)
	p.CutReply()
	wantAll(t, tr.Send(t.Context(), three()), fault.Transient, "disconnected", true)
	if got := len(w.readBack()); got != 3 {
		t.Fatalf("%d messages are in the stream, want 3: only the acknowledgements were lost", got)
	}
	d := &transport.Deliverer{Transport: tr, Backoff: quick}
	wantAccepted(t, d.Deliver(t.Context(), three()))
	if got := len(w.readBack()); got != 3 {
		t.Errorf("%d messages are in the stream after a repeat, want 3", got)
	}
}

func TestSlowServer(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.stream(nil)
	p := transporttest.NewProxy(t, w.address())
	tr := opened(t, p.Address(), func(c *Config) { c.Timeout = 200 * time.Millisecond })
	p.Mute()
	results := tr.Send(t.Context(), three())
	wantAll(t, results, fault.Transient, "no_answer", true)
	if text := results[0].Err.Error(); !strings.Contains(text, "200ms (SLUICE_JETSTREAM_TIMEOUT)") {
		t.Errorf("%q does not name the limit and its setting", text)
	}
}

// TestServerThatTakesNothing fills the buffers on the way: a write that gets stuck must not outlive the Send.
func TestServerThatTakesNothing(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.stream(nil)
	p := transporttest.NewProxy(t, w.address())
	tr := opened(t, p.Address(), func(c *Config) { c.Timeout = time.Minute })
	recs := transporttest.Records(100)
	for i := range recs {
		recs[i].Body = bytes.Repeat([]byte{'x'}, 1<<20-200)
	}
	p.Stall()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
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
	p.Cut()
	d := &transport.Deliverer{Transport: tr, Backoff: quick}
	wantAccepted(t, d.Deliver(t.Context(), recs[:2]))
}

func TestStreamDeleted(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.stream(nil)
	tr := opened(t, w.address(), nil)
	wantAccepted(t, tr.Send(t.Context(), three()))
	if err := w.admin().DeleteStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	// At first it may be that its cluster elects a leader.
	wantAll(t, tr.Send(t.Context(), three()), fault.Transient, "stream_missing", false)
	tr.electing = 0
	results := tr.Send(t.Context(), three())
	wantAll(t, results, fault.Blocked, "stream_missing", false)
	wantTodo(t, results[0].Err)
	if err := tr.Check(t.Context()); !fault.Is(err, fault.Blocked) {
		t.Errorf("Check: %v, want Blocked", err)
	}
	w.stream(nil)
	wantAccepted(t, tr.Send(t.Context(), three()))
	if err := tr.Check(t.Context()); err != nil {
		t.Errorf("Check: %v, want none", err)
	}
}

// wantTodo fails unless the text goes on with what to do.
func wantTodo(t *testing.T, err error) {
	t.Helper()
	if _, todo, _ := strings.Cut(fmt.Sprint(err), "; "); todo == "" {
		t.Errorf("%q does not say what to do", err)
	}
}

func TestFullStream(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*api.StreamConfig){
		"messages": func(c *api.StreamConfig) { c.MaxMsgs = 3 },
		"bytes":    func(c *api.StreamConfig) { c.MaxBytes = 700 },
		"messages of a subject": func(c *api.StreamConfig) {
			c.MaxMsgsPerSubject, c.DiscardNewPerSubject = 3, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, nil)
			w.stream(func(c *api.StreamConfig) { c.Discard = api.DiscardNew; limit(c) })
			tr := opened(t, w.address(), nil)
			results := tr.Send(t.Context(), transporttest.Records(8))
			n := len(w.readBack())
			if n == 0 || n == 8 {
				t.Fatalf("%d messages fit, want some", n)
			}
			wantAccepted(t, results[:n])
			wantAll(t, results[n:], fault.Throttled, "stream_full", false)
			wantTodo(t, results[n].Err)
			s, err := w.admin().Stream(t.Context(), stream)
			if err == nil {
				err = s.Purge(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			wantAccepted(t, tr.Send(t.Context(), transporttest.Records(8)[n:n+1]))
		})
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	big := three()
	big[1].Body = make([]byte, 5000)
	_, _ = rand.Read(big[1].Body)
	check := func(t *testing.T, tr *Transport, w *world) {
		t.Helper()
		results := tr.Send(t.Context(), big)
		wantAll(t, results[1:2], fault.Rejected, "record_too_large", false)
		wantAccepted(t, []transport.Result{results[0], results[2]})
		if got := len(w.readBack()); got != 2 {
			t.Errorf("%d messages, want the two small ones", got)
		}
	}
	t.Run("as the driver knows", func(t *testing.T) {
		t.Parallel()
		w := start(t, nil)
		w.stream(func(c *api.StreamConfig) { c.MaxMsgSize = 4000 })
		check(t, opened(t, w.address(), nil), w)
	})
	t.Run("as the stream says", func(t *testing.T) {
		t.Parallel()
		w := start(t, nil)
		tr := opened(t, w.address(), nil) // before there is a stream
		w.stream(func(c *api.StreamConfig) { c.MaxMsgSize = 4000 })
		check(t, tr, w)
	})
	t.Run("as the connection says", func(t *testing.T) {
		t.Parallel()
		w := start(t, func(o *server.Options) { o.MaxPayload = 4000 })
		w.down()
		tr := opened(t, w.address(), nil) // before there is a server
		w.up()
		w.stream(nil)
		check(t, tr, w)
	})
	t.Run("headers", func(t *testing.T) {
		t.Parallel()
		w := start(t, nil)
		w.stream(nil)
		tr := opened(t, w.address(), nil)
		recs := three()
		recs[0].Headers = map[string]string{"long": strings.Repeat("x", 65_536)}
		results := tr.Send(t.Context(), recs)
		wantAll(t, results[:1], fault.Rejected, "headers_too_large", false)
		wantAccepted(t, results[1:])
	})
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	const password = "secret-canary"
	user := func(p *server.Permissions) func(*server.Options) {
		return func(o *server.Options) {
			o.Users = []*server.User{{Username: "owner", Password: password}, {Username: "writer", Password: password, Permissions: p}}
		}
	}
	as := func(name, password string) func(*Config) {
		return func(c *Config) {
			c.Username = name
			_ = c.Password.Decode(password)
		}
	}
	owner := nats.UserInfo("owner", password)
	only := func(subjects ...string) *server.SubjectPermission { return &server.SubjectPermission{Allow: subjects} }

	t.Run("all that is needed", func(t *testing.T) {
		t.Parallel()
		w := start(t, user(&server.Permissions{Publish: only(subject), Subscribe: only("_INBOX.>")}))
		w.stream(nil, owner)
		wantAccepted(t, opened(t, w.address(), as("writer", password)).Send(t.Context(), three()))
	})
	for name, tc := range map[string]struct {
		p    *server.Permissions
		user func(*Config)
		want string
		// in doubt: the server took the messages, or refused each of them after we had sent it
		ambiguous bool
	}{
		"may not publish":              {&server.Permissions{Publish: only("another", "$JS.API.>"), Subscribe: only("_INBOX.>")}, as("writer", password), "access_denied", true},
		"may not listen to the answer": {&server.Permissions{Publish: only(">"), Subscribe: only("another")}, as("writer", password), "access_denied", false},
		"wrong password":               {nil, as("writer", "wrong-"+password), "auth_refused", false},
		"nobody":                       {nil, nil, "auth_refused", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, user(tc.p))
			w.stream(nil, owner)
			tr := opened(t, w.address(), tc.user)
			for range 2 {
				begin := time.Now()
				results := tr.Send(t.Context(), three())
				wantAll(t, results, fault.Blocked, tc.want, tc.ambiguous)
				wantTodo(t, results[0].Err)
				if strings.Contains(results[0].Err.Error(), password) {
					t.Errorf("the password is in %v", results[0].Err)
				}
				if took := time.Since(begin); took > 5*time.Second {
					t.Errorf("it took %v to hear of it", took)
				}
			}
			if got := len(w.readBack()); got != 0 {
				t.Errorf("%d messages are in the stream, want none", got)
			}
		})
	}
	t.Run("may not look", func(t *testing.T) {
		t.Parallel()
		w := start(t, user(&server.Permissions{Publish: only(subject), Subscribe: only("_INBOX.>")}))
		w.stream(nil, owner)
		tr := opened(t, w.address(), func(c *Config) { as("writer", password)(c) })
		err := tr.Check(t.Context())
		if e := fault.From(err); e == nil || e.Class != fault.Blocked || e.Reason != "access_denied" || !strings.Contains(e.Error(), "STREAM.INFO") {
			t.Errorf("Check: %v, want Blocked access_denied, and what to allow", err)
		}
		wantAccepted(t, tr.Send(t.Context(), three()))
	})
}

func TestOtherStreamHasTakenOver(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.stream(nil)
	tr := opened(t, w.address(), func(c *Config) { c.Stream = "ANOTHER" })
	results := tr.Send(t.Context(), three())
	wantAll(t, results, fault.Blocked, "stream_mismatch", false)
	wantTodo(t, results[0].Err)
	if e := fault.From(tr.Check(t.Context())); e == nil || e.Reason != "stream_mismatch" {
		t.Errorf("Check: %v, want stream_mismatch", e)
	}
}

func TestServerWithoutJetStream(t *testing.T) {
	t.Parallel()
	w := start(t, func(o *server.Options) { o.JetStream = false })
	tr := opened(t, w.address(), nil)
	wantAll(t, tr.Send(t.Context(), three()), fault.Blocked, "stream_missing", false)
	if e := fault.From(tr.Check(t.Context())); e == nil || e.Class != fault.Blocked || e.Reason != "jetstream_disabled" {
		t.Errorf("Check: %v, want jetstream_disabled", e)
	}
}

func TestAnotherAnswersOnTheSubject(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.admin()
	if _, err := w.nc.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond([]byte("thanks")) }); err != nil {
		t.Fatal(err)
	}
	if err := w.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	wantAll(t, opened(t, w.address(), nil).Send(t.Context(), three()), fault.Blocked, "unexpected_answer", false)
}
