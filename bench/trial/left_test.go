package trial

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/bench/result"
)

// What is left at the far end is looked for until it is gone or the time to drain is over, and seldom where a look is a call
// to somebody else's service.
func TestWhatIsLeftAtTheFarEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		kind     string
		goneIn   time.Duration
		want     string
		atMost   int // looks
		atLeast  int
		waitedTo time.Duration
	}{
		{"nothing", result.StandIn, 0, "", 1, 1, 0},
		{"gone in time from a server of our own", result.StandIn, 500 * time.Millisecond, "", 26, 26, 500 * time.Millisecond},
		{"gone in time from a broker nearby", result.Local, 500 * time.Millisecond, "", 26, 26, 500 * time.Millisecond},
		{"gone in time from AWS", result.AWS, 30 * time.Second, "", 31, 31, 30 * time.Second},
		{"gone in time from a broker far away", result.Remote, 30 * time.Second, "", 31, 31, 30 * time.Second},
		{"there until the limit", result.AWS, time.Hour, "7 records were left at the far end", 62, 61, 61 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start, looks := time.Now(), 0
				far := newBroker().farEnd()
				far.Target.Kind = c.kind
				far.Backlog = func(context.Context) (int, error) {
					looks++
					if time.Since(start) >= c.goneIn {
						return 0, nil
					}
					return 7, nil
				}
				tr := &trial{Runner: runner(t, steady, newBroker()), far: far}
				if err := tr.leftOver(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(tr.invalid, ", "); got != c.want {
					t.Errorf("invalid because %q, want %q", got, c.want)
				}
				if looks < c.atLeast || looks > c.atMost || time.Since(start) > c.waitedTo {
					t.Errorf("%d looks in %v, want %d to %d in at most %v", looks, time.Since(start), c.atLeast, c.atMost, c.waitedTo)
				}
			})
		})
	}
}

// A trial that leaves something behind does not count, however well it went.
func TestATrialThatLeavesRecordsBehindDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := newBroker()
		end := far.farEnd()
		end.Backlog = func(context.Context) (int, error) { return 3, nil }
		got := run(t, runner(t, steady, far), end)
		if got.Valid || len(got.Because) != 1 || got.Because[0] != "3 records were left at the far end" {
			t.Errorf("valid %v, because %q; want it invalid for 3 records", got.Valid, got.Because)
		}
	})
}
