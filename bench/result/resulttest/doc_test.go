package resulttest

import (
	"testing"

	"sluice/bench/workload"
)

func TestTheWorkloadIsOne(t *testing.T) {
	w, err := workload.Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := w.Hash(), Fixture().Workload.SHA256; got != want {
		t.Errorf("the workload has the hash %s, the run says %s", got, want)
	}
}
