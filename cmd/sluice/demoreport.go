package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"sluice/bench"
	"sluice/ingest"
	"sluice/internal/awslocal/faults"
	"sluice/internal/fault"
	"sluice/internal/telemetry"
	"sluice/transport"
)

// A tally counts by reason code. The zero tally is empty.
type tally map[string]int

func (t tally) plus(code string, n int) tally {
	if t == nil {
		t = tally{}
	}
	t[code] += n
	return t
}

// String lists the codes, the most frequent first.
func (t tally) String() string {
	codes := slices.SortedFunc(maps.Keys(t), func(a, b string) int { return cmp.Or(cmp.Compare(t[b], t[a]), strings.Compare(a, b)) })
	for i, code := range codes {
		codes[i] = fmt.Sprintf("%s %d", code, t[code])
	}
	return strings.Join(codes, ", ")
}

// A witness notes what the daemon meets. Safe for concurrent use.
type witness struct {
	ingest.DeadLetter

	mu       sync.Mutex
	moved    time.Time       // when a record was read, accepted or set aside last
	fates    map[string]bool // records that are accepted or set aside, by the publisher's id
	pages    tally           // failed reads
	unread   error           // why the newest read failed; nil: it did not
	requests tally           // failed requests, once by each reason in them
}

// watch puts a witness beside the daemon's own observers, and before its dead letters.
func watch(d *daemon) *witness {
	w := &witness{DeadLetter: d.pipeline.DeadLetter, moved: time.Now(), fates: map[string]bool{}}
	d.pipeline.DeadLetter = w
	attempt, read := d.pipeline.Deliverer.Observe, d.pipeline.Observe.Read
	d.pipeline.Deliverer.Observe = func(a transport.Attempt) {
		attempt(a)
		w.sent(a)
	}
	d.pipeline.Observe.Read = func(items, bytes int, took time.Duration, err error) {
		read(items, bytes, took, err)
		w.read(items, err)
	}
	return w
}

// Put notes a record that is set aside.
func (w *witness) Put(ctx context.Context, r ingest.Refused) error {
	err := w.DeadLetter.Put(ctx, r)
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.settle(r.Item)
	}
	return err
}

func (w *witness) read(items int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unread = err
	switch {
	case err != nil:
		w.pages = w.pages.plus(fault.From(err).Code(), 1)
	case items > 0:
		w.moved = time.Now()
	}
}

func (w *witness) sent(a transport.Attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	codes := map[string]bool{}
	for i, r := range a.Results {
		if r.Err == nil {
			w.settle(a.Records[i].Body)
			continue
		}
		codes[fault.From(r.Err).Code()] = true
	}
	for code := range codes {
		w.requests = w.requests.plus(code, 1)
	}
}

// settle notes the fate of a record; the caller holds mu.
func (w *witness) settle(item []byte) {
	w.fates[publisherID(item)] = true
	w.moved = time.Now()
}

// progress returns how many records have a fate, and when anything has moved last.
func (w *witness) progress() (accounted int, moved time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.fates), w.moved
}

// accounted reports whether the daemon says that a record was accepted or set aside.
func (w *witness) accounted(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fates[id]
}

// obstacles says what is in the way: what the daemon is not ready for, and what it would not call a trouble yet.
func (w *witness) obstacles(d *daemon) (found []telemetry.Reason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	add := func(part ingest.Part, err error) {
		known := slices.ContainsFunc(found, func(r telemetry.Reason) bool { return r.Part == string(part) })
		if err != nil && !known {
			found = append(found, telemetry.Reason{Part: string(part), Reason: fault.From(err).Code(), Message: telemetry.Sanitize(err.Error(), 500)})
		}
	}
	for _, r := range d.monitor.Readiness().Reasons {
		if r.Reason != "starting" || w.unread == nil {
			found = append(found, r)
		}
	}
	add(ingest.PartSource, w.unread)
	lane := d.pipeline.Deliverer.Status()
	add(ingest.PartDestination, lane.Err)
	if wait := time.Until(lane.RetryAt).Round(time.Second); wait > 0 {
		add(ingest.PartDestination, &fault.Error{Class: fault.Throttled, Reason: "throttled",
			Err: fmt.Errorf("it has asked to be left alone, for %v more", wait)})
	}
	return found
}

// publisherID is what the publisher calls an event.
func publisherID(event []byte) string { return gjson.GetBytes(event, "id").String() }

// A faultyResult is what came of a pass under faults.
type faultyResult struct {
	transport string
	want      []json.RawMessage
	took      time.Duration
	struck    []faults.Count
	witness   *witness
	status    telemetry.Status

	audit         bench.Audit
	lost, waiting int   // waiting: still at the source, because it was given up
	asideFor      tally // dead letters by reason

	gaveUp   bool
	patience time.Duration
	blocked  []telemetry.Reason // what was in the way then
}

const (
	reportWidth = 80
	labelWidth  = 14
)

// print says what happened, in 80 columns.
func (r *faultyResult) print(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "\n%s: %d of %d records accounted for in %v\n", r.transport, len(r.want)-r.waiting-r.lost, len(r.want), r.took.Round(100*time.Millisecond))
	fmt.Fprintf(&b, "\n%-70s%10s\n", "rule", "struck")
	for _, c := range r.struck {
		fmt.Fprintf(&b, "%2d  %-66s%10d\n", c.Rule, short(c.Name, 64), c.Fired)
	}
	if slices.ContainsFunc(r.struck, func(c faults.Count) bool { return c.Fired == 0 }) {
		b.WriteString("(0: an earlier rule acted in its place, there was no such call, or too few)\n")
	}
	b.WriteString("\nwhat the daemon saw\n")
	s := r.status
	line(&b, "source", fmt.Sprintf("%s, %d of them failed%s", count(int(s.Source.Reads), "read", "reads"), s.Source.FailedReads, withReasons(r.witness.pages)))
	line(&b, "destination", fmt.Sprintf("%s%s", count(int(s.Transport.Requests), "request", "requests"), withReasons(r.witness.requests)))
	line(&b, "sent again", fmt.Sprintf("%s, %d of them with an unknown outcome", count(int(s.Transport.Retried), "record", "records"), s.Transport.Unknown))
	b.WriteString("\nwhat became of the records\n")
	line(&b, "lost", fmt.Sprint(r.lost))
	line(&b, "altered", fmt.Sprint(r.audit.Altered+r.audit.Ghosts))
	line(&b, "duplicated", fmt.Sprintf("%d; unknown outcomes explain up to %d", r.audit.Duplicates, s.Transport.Unknown))
	aside := 0
	for _, n := range r.asideFor {
		aside += n
	}
	line(&b, "set aside", fmt.Sprintf("%d%s", aside, withReasons(r.asideFor)))
	if r.gaveUp {
		line(&b, "at the source", fmt.Sprintf("%d: nothing had moved for %v, so this was given up", r.waiting, r.patience))
		if len(r.blocked) == 0 {
			line(&b, "blocked", "nothing; the source answers, and shows no more")
		}
		for _, reason := range r.blocked {
			line(&b, "blocked", fmt.Sprintf("%s: %s: %s", reason.Part, reason.Reason, reason.Message))
		}
	}
	_, err := b.WriteTo(out)
	return err
}

// withReasons lists reasons after a number.
func withReasons(t tally) string {
	if len(t) == 0 {
		return ""
	}
	return ": " + t.String()
}

// line prints a label and a text, broken at spaces so that it fits.
func line(b *bytes.Buffer, label, text string) {
	fmt.Fprintf(b, "  %-*s", labelWidth, label)
	at := 2 + labelWidth
	for i, word := range strings.Fields(text) {
		word = short(word, reportWidth-3-labelWidth)
		if n := len([]rune(word)); i > 0 && at+1+n > reportWidth {
			fmt.Fprintf(b, "\n  %-*s", labelWidth, "")
			at = 2 + labelWidth
		} else if i > 0 {
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len([]rune(word))
	}
	b.WriteByte('\n')
}

// short cuts a text after n characters.
func short(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

// verdict is nil if every record has arrived as it was, or was set aside.
func (r *faultyResult) verdict() error {
	switch {
	case r.lost > 0 || r.audit.Altered > 0 || r.audit.Ghosts > 0:
		return withCode(exitFailure, fmt.Errorf("%s: %d of %d records lost, %d altered, %d that nobody sent",
			r.transport, r.lost, len(r.want), r.audit.Altered, r.audit.Ghosts))
	case r.gaveUp:
		return withCode(exitUnavailable, fmt.Errorf("%s: nothing moved for %v; %s wait at the source", r.transport, r.patience, count(r.waiting, "record", "records")))
	}
	return nil
}
