package proof_test

import (
	"testing"

	"sluice/internal/proof"
)

// A recorder keeps the attributes of a test.
type recorder struct {
	testing.TB
	failed bool
	got    []string
}

func (r *recorder) Helper()                {}
func (r *recorder) Failed() bool           { return r.failed }
func (r *recorder) Attr(key, value string) { r.got = append(r.got, key+"="+value) }

func TestWhatIsReported(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	proof.Count(r, proof.Kills, 3)
	proof.Fault(r, "lost reply", 4)
	row := proof.Row{Area: "source", Fault: "5xx", Action: proof.Retry, Reason: "source_failing", Promises: "P10"}
	row.Report(r)
	want := []string{"prove/kills=3", "prove/fault/lost_reply=4",
		`prove/row={"area":"source","fault":"5xx","action":"retry","reason":"source_failing","promises":"P10"}`}
	if len(r.got) != len(want) {
		t.Fatalf("got %q, want %q", r.got, want)
	}
	for i := range want {
		if r.got[i] != want[i] {
			t.Errorf("got %s, want %s", r.got[i], want[i])
		}
	}
}

func TestAFailedTestHoldsNoRow(t *testing.T) {
	t.Parallel()
	r := &recorder{failed: true}
	proof.Row{Area: "source", Fault: "5xx"}.Report(r)
	if len(r.got) != 0 {
		t.Errorf("got %q, want nothing", r.got)
	}
}
