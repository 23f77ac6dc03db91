package experiment

import (
	"math"
	"slices"
	"testing"
	"time"

	"sluice/bench/advise"
	"sluice/bench/cost"
	"sluice/bench/result"
	"sluice/bench/result/resulttest"
)

func evidenceOf(t *testing.T, f *result.File, o cost.Option) advise.Evidence {
	t.Helper()
	in, err := Evidence(f)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(in.Evidence, func(e advise.Evidence) bool { return e.Option == o })
	if i < 0 {
		t.Fatalf("no evidence for %s", o)
	}
	return in.Evidence[i]
}

func TestEvidenceOfARun(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	e := evidenceOf(t, f, cost.SQSStandard)
	accepted, lost := 0, 0
	for _, trial := range f.Trials {
		if trial.Transport == "sqs" {
			accepted, lost = accepted+trial.Audit.Accepted, lost+trial.Audit.Lost
		}
	}
	if e.Records != accepted || e.Lost != lost || accepted == 0 {
		t.Errorf("%d records and %d lost, want %d and %d, over all trials, valid or not", e.Records, e.Lost, accepted, lost)
	}
	if !e.StandIn {
		t.Error("a stand-in's evidence is not called that")
	}
	m, _ := result.MetricNamed("processed.p99")
	typical := result.Typical(f.Values(m, "sqs", f.MainPhase()))
	if got := e.Latencies["processed.p99"]; got.Value != millis(typical.Mid) || got.Low >= got.Value || got.High <= got.Value {
		t.Errorf("processed.p99 is %+v, want %v with an interval around it", got, millis(typical.Mid))
	}
	in, err := Evidence(f)
	if err != nil || len(in.Evidence) != len(f.Targets)-1 || in.Book.ID != f.PriceBook.ID {
		t.Errorf("%d options by the book %s, %v; want all but the null transport, by the run's book", len(in.Evidence), in.Book.ID, err)
	}
}

func TestEvidenceAnswersAQuestion(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{result.AWS, result.StandIn} {
		f := resulttest.Fixture()
		for i := range f.Targets {
			if f.Targets[i].Kind == result.StandIn {
				f.Targets[i].Kind = kind
			}
		}
		in, err := Evidence(f)
		if err != nil {
			t.Fatal(err)
		}
		in.Question = advise.Question{RecordsPerMonth: 1e8, Size: 1024, Together: 1, MaxRecords: 10, PostRecords: 1, SLO: &advise.SLO{Metric: "processed.p99", Bound: time.Microsecond}}
		if _, err = advise.Ask(in); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if got := evidenceOf(t, f, cost.REST).StandIn; got != (kind == result.StandIn) {
			t.Errorf("%s: the gateway's evidence is a stand-in's: %v", kind, got)
		}
	}
}

func TestEvidenceOfAFIFOQueue(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	for i := range f.Targets {
		if f.Targets[i].Transport == "sqs" {
			f.Targets[i].Name = "https://sqs.us-east-1.amazonaws.com/1/records.fifo"
		}
	}
	evidenceOf(t, f, cost.SQSFIFO)
}

func TestEvidenceOfARunWithoutTrials(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	f.Trials, f.Comparisons = nil, nil
	e := evidenceOf(t, f, cost.SQSStandard)
	if e.Records != 0 || len(e.Latencies) != 0 || math.IsNaN(e.SendFill) || math.IsNaN(e.Attempts) {
		t.Errorf("%+v, want nothing", e)
	}
	f.PriceBook.Doc = "nonsense"
	if _, err := Evidence(f); err == nil {
		t.Error("a book that cannot be read is taken")
	}
}
