package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest"
	"sluice/internal/fault"
)

func failure(class fault.Class, reason, text string) error {
	return fmt.Errorf("wrapped: %w", &fault.Error{Class: class, Reason: reason, Op: "x.Do", Err: errors.New(text)})
}

// summary is a Readiness in short: "part reason since" each, where since is the time from the start.
func summary(m *Monitor) []string {
	r := m.Readiness()
	var out []string
	for _, reason := range r.Reasons {
		out = append(out, fmt.Sprintf("%s %s %v", reason.Part, reason.Reason, reason.Since.Sub(m.started)))
	}
	if r.Ready != (len(out) == 0) {
		out = append(out, fmt.Sprintf("and yet ready = %v", r.Ready))
	}
	return out
}

func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Options{Source: "http", Transport: "sqs"})
		o := m.Observer()
		step := func(what string, f func(), want ...string) {
			t.Helper()
			time.Sleep(time.Second) // inside a bubble: virtual
			f()
			if diff := cmp.Diff(want, summary(m)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		passing, blocked := failure(fault.Transient, "network", "x"), failure(fault.Blocked, "queue_missing", "x")
		read := func(err error) func() {
			return func() { o.Read(1, 1, time.Millisecond, err); o.Trouble(ingest.PartSource, err) }
		}
		step("at the start", func() {}, "source starting 0s")
		step("one failed read is chance", read(passing), "source starting 0s")
		step("two are a trouble", read(passing), "source starting 0s", "source network 3s")
		step("a read", read(nil))
		step("a blocked source is a trouble at once", read(failure(fault.Blocked, "", "x")), "source blocked 5s")
		step("another reason, the same trouble", read(passing), "source network 5s")
		step("a read again", read(nil))
		step("one failed read again", read(passing))
		step("a read in between", read(nil))
		step("is counted from the beginning", read(passing))
		step("well", read(nil))
		step("destination", func() { m.Report(blocked) }, "destination queue_missing 12s")
		step("and checkpoint", func() { o.Trouble(ingest.PartCheckpoint, errors.New("disk full")) }, "destination queue_missing 12s", "checkpoint transient 13s")
		step("and dead letters", func() { o.Trouble(ingest.PartDeadLetter, failure(fault.Blocked, "mass_dead_letters", "x")) },
			"destination queue_missing 12s", "checkpoint transient 13s", "deadletter mass_dead_letters 14s")
		step("destination well", func() { m.Report(nil) }, "checkpoint transient 13s", "deadletter mass_dead_letters 14s")
		step("asked to stop", func() { m.Drain() }, "daemon draining 16s", "checkpoint transient 13s", "deadletter mass_dead_letters 14s")
		step("asked twice", func() { m.Drain(); o.Trouble(ingest.PartCheckpoint, nil) }, "daemon draining 16s", "deadletter mass_dead_letters 14s")
	})
}

// TestDurationsInTheLogHaveAUnit: in JSON a duration would be a bare number of nanoseconds.
func TestDurationsInTheLogHaveAUnit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := New(Options{Source: "http", Transport: "sqs", Log: slog.New(slog.NewJSONHandler(&out, nil))})
		m.Report(failure(fault.Blocked, "queue_missing", "no queue"))
		time.Sleep(90 * time.Second)
		m.Report(nil)
		if want := `"after":"1m30s"`; !strings.Contains(out.String(), want) {
			t.Errorf("got %s, want %s in it", out.String(), want)
		}
	})
}

func TestChangesOfStateAreLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "after" {
			return slog.Attr{}
		}
		return a
	}}))
	m := New(Options{Source: "http", Transport: "sqs", Log: log})
	o := m.Observer()
	missing, denied, network := failure(fault.Blocked, "queue_missing", "no\nqueue"), failure(fault.Blocked, "access_denied", "no"), failure(fault.Transient, "network", "gone")
	for range 5 {
		m.Report(missing)
		m.Report(denied) // two reasons in turn are no reason to log each time
	}
	m.Report(nil)
	m.Report(nil)
	m.Report(missing)
	for range 5 {
		o.Trouble(ingest.PartSource, network)
	}
	o.Trouble(ingest.PartSource, nil)
	o.Trouble(ingest.PartSource, network)
	o.Trouble(ingest.PartSource, nil) // a single stumble: nothing to say
	o.Trouble(ingest.PartDeadLetter, failure(fault.Blocked, "mass_dead_letters", "many"))
	o.Trouble(ingest.PartDeadLetter, nil)
	o.Trouble(ingest.PartCheckpoint, failure(fault.Transient, "disk", "full"))
	o.Trouble(ingest.PartCheckpoint, nil)
	want := []string{
		`level=ERROR msg="destination blocked" part=destination reason=queue_missing class=blocked err="wrapped: x.Do: no queue"`,
		`level=ERROR msg="destination blocked" part=destination reason=access_denied class=blocked err="wrapped: x.Do: no"`,
		`level=INFO msg="delivering again" part=destination`,
		`level=ERROR msg="destination blocked" part=destination reason=queue_missing class=blocked err="wrapped: x.Do: no queue"`,
		`level=WARN msg="source does not answer as it should" part=source reason=network class=transient err="wrapped: x.Do: gone"`,
		`level=INFO msg="reading again" part=source`,
		`level=ERROR msg="too many records refused, delivery paused" part=deadletter reason=mass_dead_letters class=blocked err="wrapped: x.Do: many"`,
		`level=INFO msg="dead letters written again" part=deadletter`,
		`level=WARN msg="checkpoint cannot be saved" part=checkpoint reason=disk class=transient err="wrapped: x.Do: full"`,
		`level=INFO msg="checkpoint saved again" part=checkpoint`,
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(out.String()), "\n")); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestMessagesAreCleanAndShort(t *testing.T) {
	m := New(Options{})
	m.Report(errors.New("<b>\x1b[2J" + strings.Repeat("é", 10_000)))
	got := m.Readiness().Reasons[1].Message
	if len(got) > 500 || strings.ContainsAny(got, "\x1b\n") || !strings.HasPrefix(got, "<b> [2Jéé") {
		t.Errorf("message of %d bytes: %q, want at most 500 clean ones", len(got), got)
	}
}
