package sqs

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// A store is what a server has taken.
type store struct {
	mu   sync.Mutex
	recs []transport.Record
}

// take keeps messages, and answers for them as SQS does.
func (k *store) take(messages ...message) []map[string]any {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []map[string]any
	for _, m := range messages {
		k.recs = append(k.recs, transport.Record{ID: m.Attributes["sluice-id"].StringValue, Body: []byte(m.Body)})
		out = append(out, accepted(m))
	}
	return out
}

func (k *store) all() []transport.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.recs)
}

func (k *store) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.recs = nil
}

const probe = 30 * time.Millisecond

// quick is a backoff for tests.
var quick = backoff.Policy{Min: time.Millisecond, Max: 5 * time.Millisecond}

// A drill is one delivery of ten records to a server in trouble.
type drill struct {
	*testing.T
	server  *server
	store   *store
	ledger  *transporttest.Ledger
	recs    []transport.Record
	results []transport.Result
	dead    []string // ids
}

// A trouble answers the nth SendMessageBatch.
type trouble func(k *store, w http.ResponseWriter, r request, n int)

// well takes everything.
func (k *store) well(w http.ResponseWriter, r request) {
	answer{Successful: k.take(r.Entries...)}.write(w)
}

// first is trouble for the first n requests; then all is well.
func first(n int, f func(http.ResponseWriter, request, int)) trouble {
	return func(k *store, w http.ResponseWriter, r request, i int) {
		if i <= n {
			f(w, r, i)
			return
		}
		k.well(w, r)
	}
}

// deliver sends ten records through a Deliverer until all are settled, and checks that each has one fate.
func deliver(t *testing.T, f trouble, change func(*Config)) *drill {
	t.Helper()
	s, k := newServer(t), &store{}
	s.on("SendMessageBatch", func(w http.ResponseWriter, r request, n int) { f(k, w, r, n) })
	return deliverTo(t, s, k, openOn(t, s, change), ten())
}

func deliverTo(t *testing.T, s *server, k *store, tr *Transport, recs []transport.Record) *drill {
	t.Helper()
	d := &drill{T: t, server: s, store: k, recs: recs}
	deliverer := &transport.Deliverer{Transport: tr, Backoff: quick, Probe: probe}
	d.ledger = new(transporttest.Ledger).Keep(deliverer)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // only a test that fails needs it
	defer cancel()
	d.results = deliverer.Deliver(ctx, d.recs)
	d.dead = d.ledger.Settled(t, d.recs, d.results, k.all())
	return d
}

// ten are the records of a drill; "r7" is the one in trouble where only one is.
func ten() []transport.Record {
	var recs []transport.Record
	for i := range 10 {
		recs = append(recs, record(fmt.Sprint("r", i), fmt.Sprintf("body %d – ü", i)))
	}
	return recs
}

// onlySevenDies fails unless r7 was rejected for this reason, and its neighbours were stored once each.
func (d *drill) onlySevenDies(reason string) {
	d.Helper()
	if !slices.Equal(d.dead, []string{"r7"}) {
		d.Fatalf("rejected: %q, want r7 alone", d.dead)
	}
	if got := fault.From(d.results[7].Err).Reason; got != reason {
		d.Errorf("rejected for %s, want %s", got, reason)
	}
	if got := len(d.store.all()); got != 9 {
		d.Errorf("%d messages stored, want nine, each once", got)
	}
}

func (d *drill) noneDies() {
	d.Helper()
	if len(d.dead) != 0 {
		d.Errorf("rejected: %q, want none", d.dead)
	}
}

func (d *drill) report(fault string, action proof.Action, reason, promises string) {
	d.Helper()
	proof.Row{Area: "sqs", Fault: fault, Action: action, Reason: reason, Promises: promises}.Report(d.T)
}

// split divides entries into the seventh and the others, by id.
func sevenOf(r request) (seven []message, others []message) {
	for _, m := range r.Entries {
		if m.Attributes["sluice-id"].StringValue == "r7" {
			seven = append(seven, m)
		} else {
			others = append(others, m)
		}
	}
	return seven, others
}

func TestFaultsThatPause(t *testing.T) {
	t.Parallel()
	html := func(status int) func(http.ResponseWriter, request, int) {
		return func(w http.ResponseWriter, _ request, _ int) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>log in</html>")
		}
	}
	for name, tc := range map[string]struct {
		answer func(http.ResponseWriter, request, int)
		reason string
	}{
		"access denied":                         {fail(403, "AccessDeniedException", "AccessDenied"), "access_denied"},
		"queue deleted":                         {fail(400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"), "queue_missing"},
		"the queue's key disabled":              {fail(400, "KmsDisabled", "KMS.DisabledException"), "kms_unavailable"},
		"use of the queue's key denied":         {fail(400, "KmsAccessDenied", "KMS.AccessDeniedException"), "kms_denied"},
		"wrong signature, clocks agree":         {fail(403, "InvalidSignatureException", "SignatureDoesNotMatch"), "bad_signature"},
		"answer 302 to a POST":                  {html(302), "redirected"},
		"answer 307 to a POST":                  {html(307), "redirected"},
		"answer 200 with HTML":                  {html(200), "unexpected_answer"},
		"answer 403 without a code, by a proxy": {html(403), "access_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deliver(t, first(3, tc.answer), nil)
			d.noneDies()
			d.ledger.Paused(t, tc.reason, probe)
			if got := len(d.server.of("SendMessageBatch")); got != 4 {
				t.Errorf("%d requests, want three refused and one accepted", got)
			}
			d.report(name, proof.Pause, tc.reason, "P1 P11 P12")
		})
	}
}

func TestFaultsThatAreTriedAgain(t *testing.T) {
	t.Parallel()
	takeFirst := func(then func(k *store, w http.ResponseWriter, r request)) trouble {
		return func(k *store, w http.ResponseWriter, r request, n int) {
			if n == 1 {
				then(k, w, r)
				return
			}
			k.well(w, r)
		}
	}
	for name, tc := range map[string]struct {
		trouble trouble
		reason  string
		copies  int // of all records together
	}{
		"answer 500, not stored":        {first(2, fail(500, "InternalFailure", "InternalFailure")), "service_error", 10},
		"answer 503 without a code":     {first(2, func(w http.ResponseWriter, _ request, _ int) { w.WriteHeader(503) }), "service_error", 10},
		"no answer after all is stored": {takeFirst(func(k *store, _ http.ResponseWriter, r request) { k.take(r.Entries...); panic(http.ErrAbortHandler) }), "network", 20},
		"entries failed, not the sender's fault": {takeFirst(func(k *store, w http.ResponseWriter, r request) {
			a := answer{Successful: k.take(r.Entries[:4]...)}
			for _, m := range r.Entries[4:] {
				a.Failed = append(a.Failed, failed(m.ID, "InternalError", false))
			}
			a.write(w)
		}), "service_error", 10},
		"entries throttled, flagged as the sender's fault": {takeFirst(func(k *store, w http.ResponseWriter, r request) {
			a := answer{Successful: k.take(r.Entries[:9]...)}
			a.Failed = append(a.Failed, failed("9", "RequestThrottled", true))
			a.write(w)
		}), "throttled", 10},
		"id missing in the answer": {takeFirst(func(k *store, w http.ResponseWriter, r request) {
			answer{Successful: k.take(r.Entries...)[:7]}.write(w)
		}), "no_answer", 13},
		"id unknown in the answer": {takeFirst(func(k *store, w http.ResponseWriter, r request) {
			a := answer{Successful: k.take(r.Entries...)}
			a.Successful[2]["Id"] = "99"
			a.write(w)
		}), "no_answer", 11},
		"id twice in the answer": {takeFirst(func(k *store, w http.ResponseWriter, r request) {
			a := answer{Successful: k.take(r.Entries...)}
			a.Failed = []map[string]any{failed("3", "InternalError", false)}
			a.Successful = append(a.Successful, a.Successful[5])
			a.write(w)
		}), "unexpected_answer", 12},
		"empty answer": {takeFirst(func(k *store, w http.ResponseWriter, r request) {
			k.take(r.Entries...)
			_, _ = io.WriteString(w, "{}")
		}), "no_answer", 20},
		"checksum of another message": {takeFirst(func(k *store, w http.ResponseWriter, r request) {
			a := answer{Successful: k.take(r.Entries...)}
			a.Successful[7]["MD5OfMessageBody"] = strings.Repeat("0", 32)
			a.write(w)
		}), "checksum_mismatch", 11},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deliver(t, tc.trouble, nil)
			d.noneDies()
			d.ledger.Retried(t, tc.reason)
			if got := len(d.store.all()); got != tc.copies {
				t.Errorf("%d messages stored, want %d: only what was in doubt is sent again", got, tc.copies)
			}
			proof.Count(t, proof.Duplicates, tc.copies-10)
			proof.Count(t, proof.DuplicateBound, tc.copies-10)
			d.report(name, proof.Retry, tc.reason, "P1 P5 P14")
		})
	}
}

func TestNoAnswerInTimeAfterAllWasStored(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	d := deliver(t, func(k *store, w http.ResponseWriter, r request, n int) {
		if n == 1 {
			k.take(r.Entries...)
			<-release
			return
		}
		k.well(w, r)
	}, func(c *Config) { c.Timeout = 400 * time.Millisecond })
	d.noneDies()
	d.ledger.Retried(t, "timeout")
	if got := len(d.store.all()); got != 20 {
		t.Errorf("%d messages stored, want each twice: the first outcome was unknown", got)
	}
	d.report("no answer in time after all was stored", proof.Retry, "timeout", "P1 P5 P6")
}
