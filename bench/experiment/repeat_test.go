package experiment

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sluice/bench/audit"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/trial"
)

// A punctual sender says that all went by the schedule, or not, whatever this machine is busy with.
type punctual struct {
	late  bool // it released records 20 ms after they were due
	fails bool // nothing was accepted
}

func (punctual) Close() {}

func (s punctual) Send(_ context.Context, p load.Phase) (load.Report, error) {
	const service, wall = time.Millisecond, time.Second
	r := load.Report{Errors: map[string]int{}, Ended: p.Start + int64(wall), Cost: load.Cost{Wall: wall, Procs: 1}}
	r.InSystem = float64(len(p.Due)) * service.Seconds() / wall.Seconds()
	for _, due := range p.Due {
		e := load.Entry{Due: p.Start + int64(due), Attempts: 1}
		e.Released = e.Due
		if s.late {
			e.Released += int64(20 * time.Millisecond)
		}
		e.First, e.Start, e.Left = e.Released, e.Released, e.Released+int64(service)
		if !s.fails {
			e.Accepted, e.Fate = e.Left, audit.Accepted
		}
		r.Entries = append(r.Entries, e)
	}
	return r, nil
}

// A trial that only the client has spoiled stays, and is done again in the next slot; so many, and no more.
func TestATrialThatTheClientSpoiledIsRepeated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		late          func(number int) bool
		fails         bool // the far end accepts nothing in the trials that are late
		again, trials int
	}{
		"once":                  {late: func(n int) bool { return n == 2 }, again: 1, trials: 21},
		"always":                {late: func(int) bool { return true }, again: 2, trials: 22},
		"a far end that failed": {late: func(n int) bool { return n == 2 }, fails: true, trials: 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, f := experimentOf(t, parse(t, fmt.Sprintf(short, 1)), result.StandIn), &result.File{}
			e.Repeats = 2
			e.Runner.Sender = func(_ context.Context, _ *trial.FarEnd, number int) (trial.Sender, error) {
				return punctual{late: c.late(number), fails: c.late(number) && c.fails}, nil
			}
			again, last := 0, Event{}
			e.Told = func(ev Event) {
				if ev.Again {
					again++
				}
				last = ev
			}
			if err := e.Run(t.Context(), f); err != nil || f.Run.Partial != "" {
				t.Fatalf("%v, partial %q", err, f.Run.Partial)
			}
			if again != c.again || len(f.Trials) != c.trials || last.Done != last.Total {
				t.Fatalf("%d repeated of %d trials, %d of %d done, want %d of %d", again, len(f.Trials), last.Done, last.Total, c.again, c.trials)
			}
			if again != 1 {
				return
			}
			first, second := f.Trials[2], f.Trials[3]
			if first.Valid || !second.Valid || first.Transport != second.Transport || first.Pair != second.Pair || second.Slot != first.Slot+1 {
				t.Errorf("%s in slot %d, then %s in slot %d; want the same transport in the next one, valid this time: %v", first.Transport, first.Slot, second.Transport, second.Slot, second.Because)
			}
			if pairs := pairsOf(f.Trials, first.Transport, f.Trials[1].Transport); len(pairs) != 5 || !pairs[0][0].Valid {
				t.Errorf("%d pairs, the first of them valid: %v; want the trial that was repeated to stand", len(pairs), pairs[0][0].Valid)
			}
		})
	}
}
