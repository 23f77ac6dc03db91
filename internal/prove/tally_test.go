package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/proof"
)

// enough is a tally that proves something.
func enough() *tally {
	t := newTally()
	for _, what := range []string{proof.Seeds, proof.VirtualSeconds, proof.Kills, proof.Crashes, proof.Stops, proof.Obligations,
		proof.Duplicates, proof.DuplicateBound, proof.DeadLetters} {
		t.numbers[what] = 4000
	}
	t.faults["lost_reply"], t.faults["stall"], t.faults["5xx"] = 1234567, 1, 2
	t.rows = []heldRow{{proof.Row{Area: "sqs", Fault: "a|b", Action: proof.Retry, Reason: "network", Promises: "P10"}, "transport/sqs.TestX/a"}}
	t.plants = []plantResult{{plant: plant{name: "x", bug: "is wrong"}, caught: true, by: "ingest.TestY"}}
	t.took("all tests", 90*time.Second)
	return t
}

func TestDoubts(t *testing.T) {
	t.Parallel()
	if got := enough().doubts(); len(got) != 0 {
		t.Fatalf("doubts %q, want none", got)
	}
	for name, c := range map[string]struct {
		spoil func(*tally)
		want  string
	}{
		"a record is lost":         {func(t *tally) { t.numbers[proof.Lost] = 1 }, "1 records lost"},
		"a record is altered":      {func(t *tally) { t.numbers[proof.Altered] = 2 }, "2 records altered"},
		"too many duplicates":      {func(t *tally) { t.numbers[proof.Duplicates]++ }, "4001 duplicates, at most 4000 are explained"},
		"nothing was killed":       {func(t *tally) { t.numbers[proof.Kills] = 0 }, "no kills were seen"},
		"no duplicate at all":      {func(t *tally) { t.numbers[proof.Duplicates] = 0 }, "no duplicates were seen"},
		"no dead letter at all":    {func(t *tally) { t.numbers[proof.DeadLetters] = 0 }, "no dead letters were seen"},
		"a fault that never fired": {func(t *tally) { t.faults["stall"] = 0 }, "the fault stall never struck"},
		"no row":                   {func(t *tally) { t.rows = nil }, "no row of the fault matrix"},
		"a number that is none":    {func(t *tally) { t.hear(event{Test: "TestZ", Key: "prove/kills", Value: "many"}) }, "TestZ counts kills as many"},
		"a row that is none":       {func(t *tally) { t.hear(event{Test: "TestZ", Key: "prove/row", Value: "{"}) }, "TestZ reports a row that is none"},
	} {
		tally := enough()
		c.spoil(tally)
		if got := tally.doubts(); len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s: doubts %q, want one with %q", name, got, c.want)
		}
	}
}

func TestHear(t *testing.T) {
	t.Parallel()
	tally := newTally()
	for _, e := range []event{
		{Key: "prove/kills", Value: "3"}, {Key: "prove/kills", Value: "4"}, {Key: "prove/fault/stall", Value: "2"}, {Key: "other", Value: "x"},
		{Key: "prove/row", Package: "sluice/transport/sqs", Test: "TestA/b", Value: `{"area":"sqs","fault":"5xx","action":"retry","reason":"service_error","promises":""}`},
	} {
		tally.hear(e)
	}
	want := heldRow{proof.Row{Area: "sqs", Fault: "5xx", Action: proof.Retry, Reason: "service_error"}, "transport/sqs.TestA/b"}
	if tally.numbers["kills"] != 7 || tally.faults["stall"] != 2 || !slices.Equal(tally.rows, []heldRow{want}) || len(tally.numbers) != 1 || len(tally.strange) != 0 {
		t.Errorf("heard %+v", tally)
	}
}

// TestListener: what a program of tests that passes, fails, skips, panics or does not compile looks like.
func TestListener(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var heard []string
	l := listener{heard: func(e event) { heard = append(heard, e.Key+"="+e.Value) }, out: &out, said: map[string][]string{}}
	err := l.listen(strings.NewReader(`{"Action":"output","Package":"sluice/a","Test":"TestGood","Output":"chatter\n"}
{"Action":"attr","Package":"sluice/a","Test":"TestGood","Key":"prove/kills","Value":"1"}
{"Action":"pass","Package":"sluice/a","Test":"TestGood"}
{"Action":"output","Package":"sluice/a","Test":"TestBad","Output":"got 1, want 2\n"}
{"Action":"fail","Package":"sluice/a","Test":"TestBad"}
{"Action":"output","Package":"sluice/a","Test":"TestSkips","Output":"    a_test.go:3: no broker here\n"}
{"Action":"skip","Package":"sluice/a","Test":"TestSkips"}
{"Action":"output","Package":"sluice/a","Test":"TestPanics","Output":"panic: oh\n"}
{"Action":"fail","Package":"sluice/a","Elapsed":1.25}
{"Action":"build-output","ImportPath":"sluice/b","Output":"b.go:1: wrong\n"}
{"Action":"build-fail","ImportPath":"sluice/b"}
{"Action":"fail","Package":"sluice/b","FailedBuild":"sluice/b"}
{"Action":"pass","Package":"sluice/c","Elapsed":0.5}
no event at all
`))
	if err != nil {
		t.Fatal(err)
	}
	want := `got 1, want 2
SKIP  a.TestSkips: a_test.go:3: no broker here
panic: oh
FAIL  a                                            1.2s
b.go:1: wrong
FAIL  b                                            0.0s
ok    c                                            0.5s
no event at all
`
	if out.String() != want {
		t.Errorf("shown:\n%swant:\n%s", &out, want)
	}
	if got := strings.Join(l.failed, " "); got != "sluice/a.TestBad sluice/a.TestPanics sluice/a." || !l.unbuilt {
		t.Errorf("failed %q, unbuilt %v", got, l.unbuilt)
	}
	if strings.Join(heard, " ") != "prove/kills=1" {
		t.Errorf("heard %q", heard)
	}
}
