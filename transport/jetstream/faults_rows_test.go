package jetstream

import (
	"slices"
	"testing"
	"time"

	api "github.com/nats-io/nats.go/jetstream"

	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/transporttest"
)

const probe = 50 * time.Millisecond

// drill delivers recs through a Deliverer until all are settled, calling then after each Send, and checks that each has one
// fate. It returns what was rejected.
func drill(t *testing.T, w *world, tr *Transport, recs []transport.Record, then func(n int)) (*transporttest.Ledger, []string) {
	t.Helper()
	l := new(transporttest.Ledger).Then(then)
	d := &transport.Deliverer{Transport: tr, Backoff: quick, Probe: probe}
	l.Keep(d)
	results := d.Deliver(t.Context(), recs)
	stored := w.readBack()
	dead := l.Settled(t, recs, results, stored)
	if len(stored)+len(dead) != len(recs) {
		t.Errorf("%d messages in the stream and %d dead letters of %d records, want each once: the stream drops repeats", len(stored), len(dead), len(recs))
	}
	return l, dead
}

func row(t *testing.T, fault string, action proof.Action, reason, promises string) {
	t.Helper()
	proof.Row{Area: "jetstream", Fault: fault, Action: action, Reason: reason, Promises: promises}.Report(t)
}

func TestFaultRows(t *testing.T) {
	t.Parallel()
	t.Run("no responders for a moment", func(t *testing.T) {
		t.Parallel()
		w := start(t, nil)
		w.stream(nil)
		tr := opened(t, w.address(), nil)
		wantAccepted(t, tr.Send(t.Context(), three()))
		if err := w.admin().DeleteStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
		l, dead := drill(t, w, tr, transporttest.Records(10), func(n int) {
			if n == 2 {
				w.stream(nil)
			}
		})
		if len(dead) != 0 {
			t.Errorf("rejected: %q", dead)
		}
		l.Retried(t, "stream_missing")
		row(t, "no responders, as while a leader is elected", proof.Retry, "stream_missing", "P1 P10")
	})
	t.Run("no responders for good", func(t *testing.T) {
		t.Parallel()
		w := start(t, nil)
		tr := opened(t, w.address(), nil)
		l, dead := drill(t, w, tr, transporttest.Records(10), func(n int) {
			if n == 3 {
				w.stream(nil)
			}
		})
		if len(dead) != 0 {
			t.Errorf("rejected: %q", dead)
		}
		l.Paused(t, "stream_missing", probe)
		row(t, "no stream listens to the subject", proof.Pause, "stream_missing", "P11 P12")
	})
	t.Run("no acknowledgement in time", func(t *testing.T) {
		t.Parallel()
		w := start(t, nil)
		w.stream(nil)
		p := transporttest.NewProxy(t, w.address())
		tr := opened(t, p.Address(), func(c *Config) { c.Timeout = 500 * time.Millisecond })
		p.Mute()
		l, _ := drill(t, w, tr, transporttest.Records(10), func(n int) {
			if n == 1 {
				p.Pass()
			}
		})
		l.Retried(t, "no_answer")
		if e := l.First(); e == nil || !e.Ambiguous {
			t.Error("the outcome is called certain")
		}
		row(t, "no acknowledgement in time", proof.Retry, "no_answer", "P5 P6")
	})
	t.Run("acknowledgement lost", func(t *testing.T) {
		t.Parallel()
		w := start(t, nil)
		w.stream(nil)
		p := transporttest.NewProxy(t, w.address())
		tr := opened(t, p.Address(), nil)
		p.CutReply()
		l, _ := drill(t, w, tr, transporttest.Records(10), nil)
		l.Retried(t, "disconnected")
		row(t, "acknowledgement lost; the repeat is answered Duplicate=true", proof.Retry, "disconnected", "P5 P6")
	})
	t.Run("duplicate", func(t *testing.T) {
		t.Parallel()
		w := start(t, nil)
		w.stream(nil)
		tr := opened(t, w.address(), nil)
		recs := transporttest.Records(10)
		wantAccepted(t, tr.Send(t.Context(), recs))
		l, _ := drill(t, w, tr, recs, nil)
		if l.Sends() != 1 || l.First() != nil {
			t.Errorf("%d requests, first verdict %+v; want one in which all are accepted", l.Sends(), l.First())
		}
		row(t, "Duplicate=true", proof.None, "", "P6")
	})
	t.Run("stream full", func(t *testing.T) {
		t.Parallel()
		w := start(t, nil)
		w.stream(func(c *api.StreamConfig) { c.Discard, c.MaxMsgs = api.DiscardNew, 6 })
		tr := opened(t, w.address(), nil)
		l, dead := drill(t, w, tr, transporttest.Records(10), func(n int) {
			if n != 2 {
				return
			}
			cfg := api.StreamConfig{Name: stream, Subjects: []string{subject}, Duplicates: time.Minute, Discard: api.DiscardNew, MaxMsgs: 100}
			if _, err := w.admin().UpdateStream(t.Context(), cfg); err != nil {
				t.Error(err)
			}
		})
		if len(dead) != 0 {
			t.Errorf("rejected: %q", dead)
		}
		l.Retried(t, "stream_full")
		row(t, "stream full, refusing new messages", proof.Retry, "stream_full", "P1 P11")
	})
	t.Run("one record too large", func(t *testing.T) {
		t.Parallel()
		w := start(t, nil)
		tr := opened(t, w.address(), nil) // before there is a stream, so that the stream has to say it
		w.stream(func(c *api.StreamConfig) { c.MaxMsgSize = 4000 })
		recs := transporttest.Records(10)
		recs[7].Body = make([]byte, 5000)
		_, dead := drill(t, w, tr, recs, nil)
		if !slices.Equal(dead, []string{recs[7].ID}) {
			t.Errorf("rejected: %q, want %q", dead, recs[7].ID)
		}
		row(t, "one record larger than the stream takes", proof.Dead, "record_too_large", "P16")
	})
	t.Run("server stops", func(t *testing.T) {
		t.Parallel()
		w := start(t, nil)
		w.stream(nil)
		tr := opened(t, w.address(), func(c *Config) { c.Timeout = 2 * time.Second })
		wantAccepted(t, tr.Send(t.Context(), three()))
		w.down()
		up := false
		l := new(transporttest.Ledger).Then(func(n int) {
			if n == 2 {
				w.up()
				up = true
			}
		})
		d := &transport.Deliverer{Transport: tr, Backoff: quick, Concurrency: 1}
		l.Keep(d)
		recs := transporttest.Records(10)
		wantAccepted(t, d.Deliver(t.Context(), recs))
		if got := len(w.readBack()); !up || got != 10 {
			t.Errorf("%d messages in the stream, want each once", got)
		}
		e := l.First()
		if e == nil || e.Reason != "disconnected" && e.Reason != "unreachable" { // as the loss of the connection was noticed or not
			t.Errorf("first verdict: %+v, want disconnected or unreachable", e)
		}
		row(t, "server stops and starts again", proof.Retry, "disconnected", "P1 P10")
	})
}
