package telemetry

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/transport"
)

func TestMissedWindowsAreCountedAndToldOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := New(Options{Source: "http", Transport: "sqs", Log: slog.New(slog.NewTextHandler(&out, nil))})
		a := transport.Attempt{Records: make([]transport.Record, 3), Results: make([]transport.Result, 3)}
		m.Observe(a)
		a.Missed = 2
		for range 121 { // two minutes and a moment
			m.Observe(a)
			time.Sleep(time.Second) // virtual
		}
		if got := samples(t, m, "sluice_dedup_window_missed_total"); len(got) != 1 || got[0] != "sluice_dedup_window_missed_total{transport=sqs} 242" {
			t.Errorf("metric %q, want 242", got)
		}
		if n := m.Status().Transport.WindowMissed; n != 242 {
			t.Errorf("status: %d, want 242", n)
		}
		log := out.String()
		if n := strings.Count(log, "level=WARN"); n != 3 || !strings.Contains(log, "so_far=2\n") || !strings.Contains(log, "so_far=242\n") {
			t.Errorf("log\n%s\nwant a warning at once and one a minute, with what has come together", log)
		}
	})
}
