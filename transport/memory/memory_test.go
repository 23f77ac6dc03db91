package memory_test

import (
	"testing"

	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

func TestContract(t *testing.T) {
	transporttest.Run(t, transporttest.Harness{
		Open: func(*testing.T) (transport.Transport, func() []transport.Record) {
			tr := &memory.Transport{}
			return tr, tr.Records
		},
	})
}

func TestDiscardCountsOnly(t *testing.T) {
	tr := &memory.Transport{Discard: true}
	tr.Send(t.Context(), transporttest.Records(7))
	if got, kept := tr.Count(), len(tr.Records()); got != 7 || kept != 0 {
		t.Errorf("counted %d and kept %d, want 7 and 0", got, kept)
	}
}
