package farend

import (
	"context"

	"sluice/bench/cost"
	"sluice/bench/result"
	"sluice/bench/trial"
)

// memory is the null destination: it shows what the sender itself costs.
func memory(context.Context, Options) (*trial.FarEnd, error) {
	return &trial.FarEnd{
		Option: cost.Memory,
		Target: result.Target{Transport: "memory", Kind: result.Null, Name: "nothing", Consumer: "reply", Durability: "none: the record is dropped"},
		Env:    settings("SLUICE_TRANSPORT", "memory"),
	}, nil
}
