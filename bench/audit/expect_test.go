package audit_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"sluice/bench/audit"
	"sluice/bench/workload"
)

// faulty has, for each kind of fault, what a trial of 100 records looks like when it has struck a destination that does
// exactly what it must.
func faulty() map[string]func([]audit.Sent, []audit.Seen) ([]audit.Sent, []audit.Seen) {
	type (
		sent = []audit.Sent
		seen = []audit.Seen
	)
	again := func(s sent, g seen) (sent, seen) { s[5].Attempts = 3; return s, g }
	unknown := func(s sent, g seen) (sent, seen) {
		s[5].Attempts, s[5].Unknown = 2, 1
		return s, append(g, message(5, "another", 1))
	}
	return map[string]func(sent, seen) (sent, seen){
		"stall":                 unknown,
		"latency":               func(s sent, g seen) (sent, seen) { return s, g },
		"5xx":                   func(s sent, g seen) (sent, seen) { s[5].Attempts, s[5].Unknown = 2, 1; return s, g },
		"throttle":              again,
		"partial_batch_failure": again,
		"reset_after_send":      unknown,
		"lost_ack":              unknown,
		"duplicate_delivery":    func(s sent, g seen) (sent, seen) { return s, append(g, g[5]) },
		"slow_consumer":         func(s sent, g seen) (sent, seen) { return s, append(g, message(5, "m5", 2)) },
		"consumer_crash":        func(s sent, g seen) (sent, seen) { return s, append(g, message(5, "m5", 2), message(6, "m6", 2)) },
		"expired_credentials":   again,
		"clock_skew":            again,
		"dns_failure":           again,
	}
}

func TestExpectations(t *testing.T) {
	t.Parallel()
	if got, want := slices.Sorted(maps.Keys(faulty())), workload.FaultKinds(); !slices.Equal(got, want) {
		t.Fatalf("there are worlds for %q, want one for each kind: %q", got, want)
	}
	traceless := []string{"stall", "latency", "slow_consumer", "expired_credentials", "clock_skew", "dns_failure"}
	for kind, strike := range faulty() {
		sent, seen := strike(trialOf(100))
		m := audit.Reckon(run, trial, sent, seen)
		if wrong := m.Check(audit.ExpectationFor(kind)); len(wrong) > 0 {
			t.Errorf("%s: what it must look like is refused: %q", kind, wrong)
		}
		if wrong := m.Check(audit.ExpectationFor(workload.FaultKinds()...)); len(wrong) == 0 {
			t.Errorf("%s: with all kinds at work, the traces of the others are not missed", kind)
		}
		unhurt := audit.Reckon(run, trial, accepted(100), seen[:100])
		if wrong := unhurt.Check(audit.ExpectationFor(kind)); (len(wrong) == 0) != slices.Contains(traceless, kind) {
			t.Errorf("%s: a trial without a trace of it: %q", kind, wrong)
		}
		for name, spoil := range map[string]func(seen []audit.Seen) []audit.Seen{
			"lost is 1":                   func(s []audit.Seen) []audit.Seen { return slices.Delete(s, 50, 51) },
			"corrupt is 1":                func(s []audit.Seen) []audit.Seen { s[50] = spoiled(s[50]); return s },
			"ghosts is 1":                 func(s []audit.Seen) []audit.Seen { return append(s, sight(100)) },
			"duplicates.unexplained is 1": func(s []audit.Seen) []audit.Seen { return append(s, message(50, "third", 1)) },
		} {
			wrong := audit.Reckon(run, trial, sent, spoil(slices.Clone(seen))).Check(audit.ExpectationFor(kind))
			if !slices.ContainsFunc(wrong, func(w string) bool { return strings.HasPrefix(w, name) }) {
				t.Errorf("%s excuses that %s: %q", kind, name, wrong)
			}
		}
	}
}

func TestDuplicatesNeedAFault(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"reset_after_send":   "duplicates.retry is 1, want 0",
		"duplicate_delivery": "duplicates.transport is 1, want 0",
		"consumer_crash":     "duplicates.redelivery is 2, want 0",
	} {
		sent, seen := faulty()[kind](trialOf(100))
		if wrong := audit.Reckon(run, trial, sent, seen).Check(audit.ExpectationFor()); !slices.Equal(wrong, []string{want}) {
			t.Errorf("%s, and nobody says so: %q, want %q", kind, wrong, want)
		}
	}
}

func TestADestinationThatDropsRepeatsMustDropThem(t *testing.T) {
	t.Parallel()
	expect := audit.ExpectationFor("lost_ack").Dedup()
	sent, seen := faulty()["lost_ack"](trialOf(100))
	if wrong, want := audit.Reckon(run, trial, sent, seen).Check(expect), []string{"duplicates.retry is 1, want 0"}; !slices.Equal(wrong, want) {
		t.Errorf("the repeat came through: %q, want %q", wrong, want)
	}
	if wrong := audit.Reckon(run, trial, sent, seen[:100]).Check(expect); len(wrong) > 0 {
		t.Errorf("the repeat was dropped: %q, want nothing wrong", wrong)
	}
	if wrong := audit.Reckon(run, trial, sent, seen[:100]).Check(audit.ExpectationFor("lost_ack")); !slices.Equal(wrong, []string{"duplicates.retry is 0, want at least 1"}) {
		t.Errorf("without Dedup the missing repeat is not missed: %q", wrong)
	}
}

func TestManyInDoubtAreNotExcused(t *testing.T) {
	t.Parallel()
	sent, seen := faulty()["reset_after_send"](trialOf(100))
	for i := range 6 {
		sent[10+i].Fate, sent[10+i].Unknown = audit.InDoubt, 1
	}
	wrong := audit.Reckon(run, trial, sent, seen).Check(audit.ExpectationFor("reset_after_send"))
	if want := []string{"in_doubt is 6, want at most 5, 5 % of the records"}; !slices.Equal(wrong, want) {
		t.Errorf("got %q, want %q", wrong, want)
	}
}

func TestEveryCountIsInTheJSON(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(audit.Reckon(run, trial, accepted(1), nil))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	for _, count := range []audit.Count{
		audit.CountLost, audit.CountSpoiled, audit.CountGhosts, audit.CountCorrupt, audit.CountRepeated, audit.CountInDoubt, audit.CountRejected,
		audit.CountUnsettled, audit.CountUnsent, audit.CountDuplicates, audit.CountByTransport, audit.CountByRetry, audit.CountByRedelivery,
		audit.CountUnexplained, audit.CountRetries, audit.CountUnknownAttempts,
	} {
		at, in := string(count), m
		if outer, inner, nested := strings.Cut(at, "."); nested {
			at, in = inner, m[outer].(map[string]any)
		}
		if _, has := in[at].(float64); !has {
			t.Errorf("%s is not in %s", count, data)
		}
	}
}

func TestExpectationForAnUnknownKindPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic: a mistyped kind would expect a faultless trial")
		}
	}()
	audit.ExpectationFor("lost-ack")
}
