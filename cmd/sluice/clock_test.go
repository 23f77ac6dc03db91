package main

import (
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/examples/earthquakes"
	"sluice/internal/awslocal"
	"sluice/internal/proof"
)

// The clock of AWS jumps against ours, which is what a jump of ours looks like to AWS: signatures are too old or from the
// future, and credentials seem to have ended, or to live too long. Each time records flow again without a restart. (A Go
// program asks the kernel for the time and not the C library, so that libfaketime cannot move its clock.)
func TestTheClockJumps(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sqs", "apigateway"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var offset atomic.Int64
			w := startWorld(t, 20, awslocal.Options{Now: func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }})
			p := start(t, with(daemonSettings(t, w), "SLUICE_TRANSPORT", name, "SLUICE_SHUTDOWN_TIMEOUT", "5s"), "run")
			admin := p.admin(t)
			eventually(t, "the first records", func() bool { return accepted(t, admin) == 20 })
			for i, jump := range []time.Duration{10 * time.Minute, -10 * time.Minute, time.Hour, -time.Hour, 0} {
				offset.Store(int64(jump))
				rec := earthquakes.Records()[20+i]
				w.want = append(w.want, rec)
				if err := w.feed.Add(rec); err != nil {
					t.Fatal(err)
				}
				eventually(t, "a record after a jump to "+jump.String(), func() bool {
					s := currentStatus(t, admin)
					return s.Transport.Accepted == int64(21+i) && s.Checkpoint.Unsettled == 0
				})
			}
			p.signal(t, syscall.SIGTERM)
			if code := p.wait(t, soon); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			if strings.Contains(p.said(), "blocked") {
				t.Errorf("a jump of the clock was called a matter for a person:\n%s", p.said())
			}
			if a := w.wantWhole(t); a.Duplicates != 0 {
				t.Errorf("%d duplicates, want none: what is refused for its signature was not done", a.Duplicates)
			}
			proof.Fault(t, "clock_jump", 5)
			proof.Row{Area: "process", Fault: "the clock jumps by minutes and by an hour, both ways, " + name, Action: proof.Retry, Promises: "P3 P5 P10"}.Report(t)
		})
	}
}
