package command

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

// TestAProgramThatFailsInEachRunIsWaitedForAndTold: it brings records and a mark each time, so that for the pipeline each
// failure is the first one.
func TestAProgramThatFailsInEachRunIsWaitedForAndTold(t *testing.T) {
	t.Parallel()
	mark := func(i int) string { return fmt.Sprintf("{\"sluice_cursor\":\"%d\"}\n", i) }
	var notes []string
	cfg := config(self("say", object(0)+"\n", mark(1), object(1)+"\n", mark(2), "2>token expired\n", "exit 7"))
	cfg.Batch, cfg.Interval = 1, time.Hour
	cfg.Note = func(text string) { notes = append(notes, text) }
	s := open(t, cfg)
	var waits []time.Duration
	at := ingest.Cursor("")
	for run := range 4 {
		for {
			b, err := s.Read(t.Context(), at)
			if err != nil {
				waits = append(waits, fault.From(err).RetryAfter)
				break
			}
			if at = b.Next; b.CaughtUp {
				t.Fatalf("run %d has ended well, want exit code 7", run+1)
			}
		}
		if want := min(run, 1); len(notes) != want {
			t.Fatalf("after %d runs that failed: notes %q, want %d", run+1, notes, want)
		}
	}
	if !strings.Contains(notes[0], `exit code 7, saying "token expired"`) {
		t.Errorf("the note is %q, want the exit code and what the program says", notes[0])
	}
	if waits[0] != 0 {
		t.Errorf("after the first failure it asks for %v, want nothing", waits[0])
	}
}

func TestTheWaitGrowsWithTheFailuresInARow(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.Argv, cfg.Note = self("say"), func(string) {}
	broken := &fault.Error{Reason: "command_failed", Op: op, Err: errEnded}
	for name, c := range map[string]struct {
		interval, ran time.Duration
		before        int // failures
		well          bool
		want          time.Duration
	}{
		"the first":                        {interval: time.Minute, want: 0},
		"the second":                       {interval: time.Minute, before: 1, want: 200 * time.Millisecond},
		"the fourth":                       {interval: time.Minute, before: 3, want: 800 * time.Millisecond},
		"the hundredth":                    {interval: time.Hour, before: 99, want: longestWait},
		"no longer than Interval":          {interval: time.Second, before: 99, want: time.Second},
		"a run that took long":             {interval: time.Hour, before: 99, ran: time.Hour, want: 0},
		"the first since a run ended well": {interval: time.Hour, before: 99, well: true, want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cfg := cfg
				cfg.Interval = c.interval
				var f failures
				for range c.before {
					_ = f.failed(cfg, time.Now(), broken)
				}
				if c.well {
					f.read(ingest.Batch{CaughtUp: true})
				}
				got := fault.From(f.failed(cfg, time.Now().Add(-c.ran), broken)).RetryAfter
				if got != c.want {
					t.Errorf("failure %d asks for %v, want %v", c.before+1, got, c.want)
				}
			})
		})
	}
}
