package experiment

import (
	"slices"
	"strings"
	"testing"

	"sluice/bench/result"
	"sluice/bench/workload"
)

// Each of 4 senders has ten records accepted a millisecond at most; memory is as fast as this machine.
const closedDown = `
workload: 1
records: {size: {dist: fixed, bytes: 100B}}
phases:
  - {name: max, closed: true, concurrency: [4], duration: 200ms}
transports: [sqs, memory]
trials: {pairs: 2, warmup: 0s, drain: 1s}
`

func TestTheRunWarnsThatTheBudgetHeldItDown(t *testing.T) {
	t.Parallel()
	for budget, want := range map[string][]string{
		"":                             nil,
		"budget: {max_rps: 1000000}\n": nil,
		"budget: {max_rps: 100}\n":     {"budget.max_rps, 100/s, held the closed phases of memory, sqs down: their highest throughput is that of the budget, and no comparison of it says which transport takes more"},
	} {
		e, f := experimentOf(t, parse(t, closedDown+budget), result.StandIn), &result.File{}
		if err := e.Run(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(f.Warnings, want) {
			t.Errorf("%q: warnings %q, want %q", strings.TrimSpace(budget), f.Warnings, want)
		}
		for _, trial := range f.Trials {
			if p := trial.Phases[0]; want != nil && p.Accepted > 30 {
				t.Errorf("%s: %d records were accepted in 200 ms, want about 20 at 100/s", trial.Transport, p.Accepted)
			}
		}
	}
}

func TestTheRunWarnsOfFaultsThatNeverStruck(t *testing.T) {
	t.Parallel()
	e, f := experimentOf(t, parse(t, strings.Replace(closedDown, "drain: 1s}", "drain: 1s}\nfaults: [{kind: stall, at: 100ms, for: 10ms}]", 1)), result.StandIn), &result.File{}
	for _, end := range e.Ends {
		end.Arm = func([]workload.Fault, uint64) error { return nil }
		end.Fired = func() map[string]int { return map[string]int{} }
	}
	if err := e.Run(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if len(f.Warnings) != 1 || !strings.HasPrefix(f.Warnings[0], "memory, sqs: a fault was scripted and never struck") || !strings.Contains(f.Warnings[0], ": stall; ") {
		t.Errorf("warnings %q, want that the stall of memory and sqs never struck", f.Warnings)
	}
}
