package trial

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sluice/bench/audit"
	"sluice/bench/load"
	"sluice/bench/result"
)

// served is a phase of Poisson arrivals that one server works on in the order in which they come, for an exponential time.
// rate and capacity are per second at the start and at the end of the phase.
func served(seed uint64, length time.Duration, from, to, capacity float64) *measured {
	chance := rand.New(rand.NewPCG(seed, 1))
	m := &measured{kind: "open", calm: true, length: length}
	at, free := 0.0, 0.0
	for {
		at += chance.ExpFloat64() / (from + (to-from)*at/length.Seconds())
		if at >= length.Seconds() {
			return m
		}
		free = max(free, at) + chance.ExpFloat64()/capacity
		due, done := int64(at*1e9), int64(free*1e9)
		m.report.Entries = append(m.report.Entries, load.Entry{Due: due, Released: due, First: due, Start: due, Accepted: due + 1, Left: due + 1, Fate: audit.Accepted})
		m.done = append(m.done, Receipt{Seq: len(m.done), Done: done})
	}
}

func (m *measured) judged() result.Check {
	return m.stable(result.Phase{OfferedRate: float64(len(m.report.Entries)) / m.length.Seconds()})
}

func TestABacklogThatGrowsIsUnstable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		length         time.Duration
		rate, capacity float64
	}{
		{"mqperf's row of 50 threads", 6 * time.Second, 22_687, 14_423},
		{"the same for three seconds", 3 * time.Second, 22_687, 14_423},
		{"a tenth too much for three seconds", 3 * time.Second, 1100, 1000},
		{"a thirtieth too much for a minute", time.Minute, 1033, 1000},
		{"next to nothing is done", 10 * time.Second, 100, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check := served(5, c.length, c.rate, c.rate, c.capacity).judged()
			if check.OK || !strings.HasPrefix(check.Text, "unstable: ") {
				t.Fatalf("got %+v, want it unstable", check)
			}
			want := c.rate - c.capacity
			if math.Abs(check.Value-want) > 0.5*want {
				t.Errorf("the backlog grew by %.0f a second, want about %.0f", check.Value, want)
			}
		})
	}
}

// What keeps up must never be called unstable for chance, or a comparison loses its pairs at random.
func TestWhatKeepsUpIsStable(t *testing.T) {
	t.Parallel()
	const seeds = 100
	for _, c := range []struct {
		name               string
		length             time.Duration
		from, to, capacity float64
		change             func(*measured)
	}{
		{"the quick profile", 3 * time.Second, 400, 400, 2000, nil},
		{"busy to nine tenths", 10 * time.Second, 900, 900, 1000, nil},
		{"a ramp", 10 * time.Second, 1, 900, 1000, nil},
		{"few records", 10 * time.Second, 20, 20, 30, nil},
		{"hardly any", 3 * time.Second, 2, 2, 10, nil},
		{"a pause of half a second near the end", 3 * time.Second, 400, 400, 2000, func(m *measured) { m.pause(2300*time.Millisecond, 500*time.Millisecond) }},
		{"65 ms slower from the middle on", 3 * time.Second, 400, 400, 2000, func(m *measured) { m.slower(1500*time.Millisecond, 65*time.Millisecond) }},
		{"a pause of a second early", 10 * time.Second, 400, 400, 2000, func(m *measured) { m.pause(time.Second, time.Second) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(seeds) {
				m := served(seed, c.length, c.from, c.to, c.capacity)
				if c.change != nil {
					c.change(m)
				}
				if check := m.judged(); !check.OK {
					t.Errorf("seed %d: %s", seed, check.Text)
				}
			}
		})
	}
}

// pause lets nothing be done from at on for so long; what was to be done is done at the end of it.
func (m *measured) pause(at, length time.Duration) {
	for i := range m.done {
		if done := time.Duration(m.done[i].Done); done >= at && done < at+length {
			m.done[i].Done = int64(at + length)
		}
	}
}

// slower lets everything take longer from at on.
func (m *measured) slower(at, by time.Duration) {
	for i := range m.done {
		if time.Duration(m.report.Entries[i].Due) >= at {
			m.done[i].Done += int64(by)
		}
	}
}

func TestABacklogThatDrainsIsStable(t *testing.T) {
	t.Parallel()
	m := served(1, 30*time.Second, 400, 400, 2000)
	for i, e := range m.report.Entries { // two seconds' worth at the start, worked off in ten
		left := 2*time.Second - time.Duration(e.Due)/5
		m.done[i].Done += max(0, int64(left))
	}
	if check := m.judged(); !check.OK || check.Value != 0 {
		t.Errorf("got %+v, want a growth of 0", check)
	}
}

// Records that were not accepted, or never came, are the audit's business. Those that were never sent say nothing.
func TestUnstableByWhatTheSenderWaitsFor(t *testing.T) {
	t.Parallel()
	m := served(1, 10*time.Second, 400, 400, 2000)
	for i := range m.report.Entries {
		e := &m.report.Entries[i]
		m.done[i].Seq = -1
		switch {
		case i%3 == 0:
			e.Fate, e.Accepted, e.Left = audit.Unsent, 0, 0
		default:
			e.Fate, e.Accepted, e.Left = audit.Unsettled, 0, e.Due+e.Due/10
		}
	}
	if check := m.judged(); check.OK {
		t.Errorf("got %+v, want it unstable: the sender's own queue grows", check)
	}
}
