package result_test

import (
	"slices"
	"strings"
	"testing"

	"sluice/bench/result"
	"sluice/bench/result/resulttest"
)

func TestWhatForbidsAComparison(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field   string
		change  func(*result.File)
		refused bool
	}{
		{"workload.sha256", func(f *result.File) { f.Workload.SHA256 = "x" }, true},
		{"workload.records", func(f *result.File) { f.Workload.Records = "x" }, true},
		{"targets.sqs.kind", func(f *result.File) { f.Targets[1].Kind = result.AWS }, true},
		{"targets.sqs.consumer", func(f *result.File) { f.Targets[1].Consumer = "reply" }, true},
		{"targets.sqs.max_records", func(f *result.File) { f.Targets[1].MaxRecords = 1 }, true},
		{"targets.sqs.linger_ms", func(f *result.File) { f.Targets[1].Linger = 50 }, true},
		{"targets.sqs.model", func(f *result.File) { f.Targets[1].Model = "x" }, false},
		{"targets.sqs.settings.kind", func(f *result.File) { f.Targets[1].Settings["kind"] = "x" }, false},
		{"targets.sqs.region", func(f *result.File) { f.Targets[1].Region = "eu-west-1" }, false},
		{"env.commit", func(f *result.File) { f.Env.Commit = "x" }, false},
		{"env.dirty", func(f *result.File) { f.Env.Dirty = true }, false},
		{"env.go", func(f *result.File) { f.Env.Go = "go1.27" }, false},
		{"env.gomaxprocs", func(f *result.File) { f.Env.GOMAXPROCS = 64 }, false},
		{"env.modules.github.com/nats-io/nats.go", func(f *result.File) { f.Env.Modules["github.com/nats-io/nats.go"] = "x" }, false},
		{"prices.id", func(f *result.File) { f.PriceBook.ID = "x" }, false},
		{"run.seed", func(f *result.File) { f.Run.Seed = 1<<63 + 1 }, false},
	} {
		t.Run(c.field, func(t *testing.T) {
			a, b := resulttest.Fixture(), resulttest.Fixture()
			c.change(b)
			for _, each := range [][2]*result.File{{a, b}, {b, a}} {
				got, err := result.Compare(each[0], each[1])
				if err != nil {
					t.Fatal(err)
				}
				if got.OK() == c.refused {
					t.Errorf("comparable: %v, want %v", got.OK(), !c.refused)
				}
				all := slices.Concat(got.Refused, got.Warned)
				if len(all) != 1 || all[0].Field != c.field || all[0].A == all[0].B {
					t.Errorf("got %v, want %s alone with both values", all, c.field)
				}
			}
		})
	}
}

func TestSameRunIsComparableWithItself(t *testing.T) {
	t.Parallel()
	c, err := result.Compare(resulttest.Fixture(), resulttest.Fixture())
	if err != nil || !c.OK() || len(c.Warned) > 0 || len(c.Common) != 5 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestTransportsOfOneRunAloneForbidNothing(t *testing.T) {
	t.Parallel()
	a, b := resulttest.Fixture(), resulttest.Fixture()
	b.Targets = b.Targets[1:2]
	b.Trials = slices.DeleteFunc(b.Trials, func(t result.Trial) bool { return t.Transport != "sqs" })
	c, err := result.Compare(a, b)
	if err != nil || !c.OK() || !slices.Equal(c.Common, []string{"sqs"}) || len(c.Warned) > 0 {
		t.Errorf("got %+v, %v, want sqs in common and nothing else to say", c, err)
	}
	b.Targets[0].Transport = "kafka"
	for i := range b.Trials {
		b.Trials[i].Transport = "kafka"
	}
	if c, err = result.Compare(a, b); err != nil || c.OK() {
		t.Errorf("nothing in common: got %+v, %v, want it refused", c, err)
	}
	if text := (&result.NotComparable{Differences: c.Refused}).Error(); !strings.Contains(text, "kafka") || !strings.Contains(text, "rabbitmq") {
		t.Errorf("%q does not name the transports of both", text)
	}
}

func TestChangesAreThoseOfTheTrials(t *testing.T) {
	t.Parallel()
	a, b := run(100, 100), run(200, 200)
	b.Trials[1].Audit.Lost = 3
	got := map[string]result.Change{}
	for _, c := range result.Changes(a, b, []string{"sqs"}) {
		got[c.Metric.Name] = c
	}
	if c := got["accept.p99"]; c.A.Mid < 99.99 || c.A.Mid > 100.01 || c.Ratio.Mid < 1.999 || c.Ratio.Mid > 2.001 {
		t.Errorf("accept.p99: got %+v, want 100 and twice as much", c)
	}
	if c := got["lost"]; c.A.Mid != 0 || c.B.Mid != 3 {
		t.Errorf("lost: got %+v, want 0 and 3", c)
	}
	if _, ok := got["processed.p99"]; ok {
		t.Error("processed.p99 was compared, and no trial has it")
	}
}
