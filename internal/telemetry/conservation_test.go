package telemetry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

// TestCountsAreConserved compares the metrics of daemons that live in trouble with what was seen outside of them: what
// was read is accepted, set aside or in flight, and every record of every request is counted once.
func TestCountsAreConserved(t *testing.T) {
	t.Parallel()
	total := map[string]int{}
	const seeds = 40
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &counted{t: t, ordered: seed%2 == 1, rnd: rand.New(rand.NewPCG(seed, 5)), sink: &memory.Transport{Limits: transport.Capabilities{MaxRecords: 10, Dedup: 20 * time.Second}}}
				c.tr = transporttest.NewFaulty(c.sink, seed)
				c.tr.Throttle, c.tr.Drop, c.tr.LoseReply, c.tr.Stall, c.tr.Entry, c.tr.Block = 0.1, 0.1, 0.1, 0.1, 0.05, 0.01
				c.tr.Poison = poison
				for range 4 {
					c.live(time.Duration(c.rnd.Int64N(int64(time.Minute))), total)
				}
				c.tr.Calm()
				c.live(time.Hour, total)
				if c.saved != itemsOfSource {
					t.Errorf("the cursor is %d after an hour in peace, want %d", c.saved, itemsOfSource)
				}
				total["aside"] += c.aside
			})
		})
	}
	for _, what := range []string{"quiet", "in flight", "unknown", "missed", "aside", "rejected", "split", "retried"} {
		if total[what] == 0 {
			t.Errorf("%q never happened in %d seeds: the test shows nothing about it", what, seeds)
		}
	}
	t.Logf("%v", total)
	proof.Count(t, proof.Seeds, seeds)
	proof.Count(t, proof.Obligations, seeds*itemsOfSource)
	proof.Count(t, proof.DeadLetters, total["aside"])
}

const itemsOfSource = 200

func poison(r transport.Record) bool { return strings.HasSuffix(string(r.Body), `3}`) }

// wholly refuses a request as a whole for a bad record in it.
type wholly struct{ transport.Transport }

func (w wholly) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	if len(recs) > 1 && slices.ContainsFunc(recs, poison) {
		return transporttest.Fail(&fault.Error{Class: fault.Rejected, Reason: "whole", Op: "test", Whole: true})(ctx, recs)
	}
	return w.Transport.Send(ctx, recs)
}

// counted is what is outside of the daemons of one seed. It is source, checkpoint and dead letters at once.
type counted struct {
	t       *testing.T
	ordered bool
	sink    *memory.Transport
	tr      *transporttest.Faulty

	mu    sync.Mutex
	rnd   *rand.Rand
	read  int // items handed out in this life
	saved int // the cursor
	aside int // dead letters
}

func (c *counted) Read(_ context.Context, after ingest.Cursor) (ingest.Batch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rnd.IntN(10) == 0 {
		return ingest.Batch{}, errors.New("on purpose")
	}
	at, _ := strconv.Atoi(string(after))
	b := ingest.Batch{Next: after}
	for i := at; i < min(at+15, itemsOfSource); i++ {
		b.Items = append(b.Items, fmt.Appendf(nil, `{"k":%d,"n":%d}`, i%4, i))
	}
	if len(b.Items) > 0 {
		c.read += len(b.Items)
		b.Next = ingest.Cursor(strconv.Itoa(at + len(b.Items)))
	}
	b.CaughtUp = len(b.Items) == 0
	return b, nil
}

func (c *counted) Load(context.Context) (ingest.Cursor, error) {
	return ingest.Cursor(strconv.Itoa(c.saved)), nil
}

func (c *counted) Save(_ context.Context, cursor ingest.Cursor) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved, _ = strconv.Atoi(string(cursor))
	return nil
}

func (c *counted) Put(context.Context, ingest.Refused) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aside++
	return nil
}

// live runs a daemon for d and compares its metrics with what happened.
func (c *counted) live(d time.Duration, total map[string]int) {
	m := New(Options{Source: "http", Transport: "sqs"})
	before, asideBefore, begin := c.sink.Count(), c.aside, c.saved
	c.read = 0
	var out transport.Transport = c.tr
	if c.rnd.IntN(2) == 0 {
		out = wholly{c.tr}
	}
	const inFlight = 3
	p := &ingest.Pipeline{Source: c, Checkpoint: c, DeadLetter: c, Parse: ingest.Naming{Stream: "s", Key: "k", Filter: ".n % 10 != 6"}.Parser(), InFlight: inFlight, Ordered: c.ordered,
		Deliverer: &transport.Deliverer{Transport: out, Timeout: 30 * time.Second, Observe: m.Observe, Report: m.Report, Backoff: backoff.Policy{Max: 5 * time.Second}},
		Observe:   m.Observer(), Drain: time.Duration(c.rnd.IntN(2)) * time.Minute, MaxDeadShare: 1}
	ctx, cancel := context.WithTimeout(c.t.Context(), d)
	defer cancel()
	err := p.Run(ctx)

	got := map[string]float64{}
	for _, line := range samples(c.t, m, "sluice_") {
		name, value, _ := strings.Cut(line, " ")
		if _, sum, histogram := strings.Cut(value, "/"); histogram {
			value = sum
		}
		got[name], _ = strconv.ParseFloat(value, 64)
	}
	sent := func(result string) int { return int(got["sluice_send_records_total{result="+result+",transport=sqs}"]) }
	accepted := int(got["sluice_records_settled_total{fate=accepted,transport=sqs}"])
	aside := int(got["sluice_records_settled_total{fate=set_aside,transport=sqs}"])
	read := int(got["sluice_records_read_total{source=http}"])
	filtered := int(got["sluice_records_filtered_total{source=http}"])
	left := read - accepted - aside - filtered
	wantEqual := func(what string, got, want int) {
		c.t.Helper()
		if got != want {
			c.t.Errorf("%s: got %d, want %d", what, got, want)
		}
	}
	wantEqual("read", read, c.read)
	refused := sent("transient") + sent("throttled") + sent("blocked") + sent("split")
	wantEqual("records in requests", int(got["sluice_send_request_records{transport=sqs}"]), sent("accepted")+sent("rejected")+sent("unknown")+refused)
	wantEqual("sent again", int(got["sluice_send_retried_records_total{transport=sqs}"]), refused+sent("unknown"))
	switch {
	case err == nil: // quiet: everything is settled, but for a batch that was read and had no place yet when the end came
		if left != 0 && (left > 15 || ctx.Err() == nil) {
			c.t.Errorf("%d in flight at rest, want none, or the batch that was read last", left)
		}
		wantEqual("accepted by attempts", sent("accepted"), accepted)
		wantEqual("set aside", aside, c.aside-asideBefore)
		wantEqual("rejected", sent("rejected"), aside)
		wantEqual("saved", c.saved, begin+read-left)
		total["quiet"]++
	case errors.Is(err, ingest.ErrUnsettled):
		total["in flight"]++
		if left < 0 || left > inFlight*15+15 {
			c.t.Errorf("%d in flight at the end, want at most %d", left, inFlight*15+15)
		}
		if accepted > sent("accepted") || aside > c.aside-asideBefore {
			c.t.Errorf("%d accepted and %d set aside are settled, more than the %d and %d that were", accepted, aside, sent("accepted"), c.aside-asideBefore)
		}
	default:
		c.t.Errorf("Run = %v", err)
	}
	if copies := c.sink.Count() - before; copies < sent("accepted") || copies > sent("accepted")+sent("unknown") {
		c.t.Errorf("%d copies arrived, want %d, and at most the %d of unknown outcome more", copies, sent("accepted"), sent("unknown"))
	}
	status := m.Status().Transport
	wantEqual("accepted in the status", int(status.Accepted), accepted)
	wantEqual("filtered in the status", int(status.Filtered), filtered)
	wantEqual("unknown in the status", int(status.Unknown), sent("unknown"))
	wantEqual("missed windows in the status", int(status.WindowMissed), int(got["sluice_dedup_window_missed_total{transport=sqs}"]))
	for what, n := range map[string]int{"unknown": sent("unknown"), "missed": int(status.WindowMissed), "rejected": sent("rejected"), "split": sent("split"), "retried": int(status.Retried)} {
		total[what] += n
	}
}
