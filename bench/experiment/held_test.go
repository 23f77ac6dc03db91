package experiment

import (
	"slices"
	"strings"
	"testing"

	"sluice/bench/result"
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
