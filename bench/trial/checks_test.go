package trial

import (
	"slices"
	"testing"
	"time"

	"sluice/bench/load"
	"sluice/bench/result"
)

// A judged phase is what the checks of one are made of.
type judged struct {
	measured
	phase result.Phase
	late  []time.Duration
	after time.Duration // every accept latency
}

// ofChecks returns the checks by name.
func (j *judged) ofChecks() map[string]result.Check {
	h := histograms{}
	for _, each := range h.all() {
		*each = result.NewHistogram()
	}
	for _, d := range j.late {
		h.late.Record(d)
	}
	for range 100 {
		h.accept.Record(j.after)
	}
	all := map[string]result.Check{}
	for _, c := range j.checks(j.phase, h) {
		all[c.Name] = c
	}
	return all
}

// late has n records that were late by much among a thousand that were late by little.
func late(little, much time.Duration, n int) func(*judged) {
	return func(j *judged) {
		j.late = nil
		for i := range 1000 {
			if i < n {
				j.late = append(j.late, much)
			} else {
				j.late = append(j.late, little)
			}
		}
	}
}

func TestLimitsOfTheChecks(t *testing.T) {
	t.Parallel()
	const us = time.Microsecond
	accepted := func(n int) func(*judged) { return func(j *judged) { j.phase.Accepted = n } }
	cpu := func(d time.Duration) func(*judged) { return func(j *judged) { j.report.Cost.CPU = d } }
	pause := func(d time.Duration) func(*judged) { return func(j *judged) { j.report.Cost.GCPauseP99 = d } }
	little := func(l, lw float64) func(*judged) {
		return func(j *judged) { j.phase.InSystem, j.phase.LambdaW = l, lw }
	}
	slow := func(change func(*judged)) func(*judged) {
		return func(j *judged) { change(j); j.after = 100 * time.Millisecond }
	}
	for _, c := range []struct {
		name, check string
		in, out     func(*judged)
	}{
		{"70 % of two processors", "cpu", cpu(13_990 * time.Millisecond), cpu(14_010 * time.Millisecond)},
		{"a pause of 5 ms", "gc", pause(5 * time.Millisecond), pause(5*time.Millisecond + 1)},
		{"5 % more by rate × time", "little", little(100, 104.9), little(100, 105.1)},
		{"5 % less by rate × time", "little", little(100, 95.1), little(100, 94.9)},
		{"100 µs of each of 400 a second", "little", little(0.1, 0.1399), little(0.1, 0.1401)},
		{"99 % of a thousand", "achieved", accepted(990), accepted(989)},
		{"late by 1 ms where accepting is quick", "late_send", late(990*us, 990*us, 0), late(1010*us, 1010*us, 0)},
		{"late by 5 % of the median", "late_send", slow(late(4950*us, 4950*us, 0)), slow(late(5050*us, 5050*us, 0))},
		{"one in a hundred is very late", "late_send", late(us, time.Second, 10), late(us, time.Second, 11)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for want, change := range map[bool]func(*judged){true: c.in, false: c.out} {
				j := &judged{after: 10 * time.Millisecond, phase: result.Phase{Offered: 1000, Accepted: 1000, OfferedRate: 400, InSystem: 4, LambdaW: 4}}
				j.kind, j.report.Cost = "open", load.Cost{Wall: 10 * time.Second, Procs: 2, CPU: time.Second}
				change(j)
				for name, got := range j.ofChecks() {
					if expected := want || name != c.check; got.OK != expected || got.Warning {
						t.Errorf("want held %v: %s held %v, warning %v: %s", want, name, got.OK, got.Warning, got.Text)
					}
					if name == c.check && name != "achieved" && (got.Value <= got.Limit) != want {
						t.Errorf("want held %v: %s is %v with limit %v", want, name, got.Value, got.Limit)
					}
				}
				if len(j.ofChecks()) != 5 {
					t.Errorf("%d checks, want five", len(j.ofChecks()))
				}
			}
		})
	}
}

// A closed phase has no schedule that it could be late for, and offers what is taken.
func TestAClosedPhaseIsNotLate(t *testing.T) {
	t.Parallel()
	j := &judged{phase: result.Phase{Offered: 1000, Accepted: 500}, late: []time.Duration{time.Hour}}
	j.kind = "closed"
	for name, c := range j.ofChecks() {
		if name == "late_send" || name == "achieved" || !c.OK {
			t.Errorf("got %s, held %v; want only CPU, garbage and Little's law, and all of them held", name, c.OK)
		}
	}
}

// Senders that wait for each other's records would not be as fast as they are answered.
func TestRecordsLingerInOpenPhasesOnly(t *testing.T) {
	t.Parallel()
	r := runner(t, `
phases: [{name: steady, rate: 100/s, duration: 1s}, {name: max, closed: true, concurrency: [2, 4], duration: 1s}]
batching: {max_records: 7, linger: 30ms}
`, newBroker())
	tr := &trial{Runner: r, far: newBroker().farEnd()}
	for i, want := range []time.Duration{30 * time.Millisecond, 0} {
		for _, m := range tr.steps(i, r.Workload.Phases[i]) {
			if m.sent.Linger != want || m.sent.MaxRecords != 7 {
				t.Errorf("%s × %d: linger %v, %d records at once; want %v, 7", m.name, m.concurrency, m.sent.Linger, m.sent.MaxRecords, want)
			}
		}
	}
}

func TestTheClientIsWhatAllPhasesTook(t *testing.T) {
	t.Parallel()
	entries := make([]load.Entry, 5)
	tr := &trial{
		phases: []measured{
			{report: load.Report{Entries: entries, Cost: load.Cost{Wall: time.Second, CPU: 100 * time.Microsecond, Procs: 2, Allocs: 20, AllocBytes: 200,
				PeakRSS: 3 << 20, GCPauseP99: 2 * time.Millisecond, Connections: 1, BytesOut: 10, BytesIn: 100}}},
			{report: load.Report{Entries: entries, Cost: load.Cost{Wall: 3 * time.Second, CPU: 300 * time.Microsecond, Procs: 2, Allocs: 40, AllocBytes: 600,
				PeakRSS: 2 << 20, GCPauseP99: time.Millisecond, Connections: 2, BytesOut: 20, BytesIn: 200}}},
		},
		warmed: []measured{{report: load.Report{Entries: entries, Cost: load.Cost{CPU: time.Hour, Allocs: 1e6, BytesIn: 1e6, BytesOut: 1e6}}}},
	}
	want := result.Client{CPUMicros: 40, CPUShare: 400e-6 / 4 / 2, Allocs: 6, AllocBytes: 80, PeakRSS: 3 << 20, GCPauseP99: 2,
		BytesOut: 30, BytesIn: 300, Connections: 3}
	got := tr.client()
	if share := got.CPUShare; !nearly(share, want.CPUShare) {
		t.Errorf("share of the CPU is %v, want %v", share, want.CPUShare)
	}
	got.CPUShare = want.CPUShare
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	slices.Reverse(tr.phases)
	if got := tr.client(); got.PeakRSS != want.PeakRSS || got.GCPauseP99 != want.GCPauseP99 {
		t.Errorf("the other way round: peak %d, pause %v ms; want %d, %v", got.PeakRSS, got.GCPauseP99, want.PeakRSS, want.GCPauseP99)
	}
}
