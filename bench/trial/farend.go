package trial

import (
	"context"
	"errors"
	"fmt"

	"sluice/bench/cost"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/workload"
)

// A FarEnd is the destination of one transport, made ready for a run: who receives there, and what the sender has to know.
// Functions that are nil stand for what it cannot do.
type FarEnd struct {
	Target result.Target
	Option cost.Option // how it is billed
	Env    []string    // NAME=value, for the sender's environment

	// Consume hands every copy that arrives to sink until ctx ends, and returns when what it was handed is done. nil: a
	// record counts as processed when the reply has come.
	Consume func(ctx context.Context, sink *Sink) error
	// Receipts says that Consume sees copies that were put aside for the audit alone: a record counts as processed when the
	// reply has come, and neither the work nor the faults of a consumer are done on its copies.
	Receipts bool
	// Within says that Consume is handed a record within the call that sends it, before there is a reply.
	Within bool
	// InHand is how many records a consumer has at once, which are those that it takes with it when it crashes; 0: as many as
	// the workload lets it receive together.
	InHand int
	// Backlog is the number of copies that wait there, or are being handled.
	Backlog func(context.Context) (int, error)
	// Arm makes the far end misbehave, from now on, as the faults say; none: no more.
	Arm func(faults []workload.Fault, seed uint64) error
	// Fired is how often each kind of fault has struck since Arm.
	Fired func() map[string]int
	// Units adds what the consumer was billed for since the last call to what the sender was billed for.
	Units func(sent load.Report) cost.Units
	// Close removes what was created for the run.
	Close func(context.Context) error
}

// Allows fails if the far end cannot bring about one of the faults; it is what a run asks before it begins.
func (f *FarEnd) Allows(faults []workload.Fault) error {
	for _, fault := range faults {
		if ofConsumer(fault.Kind) {
			continue
		}
		if f.Arm == nil {
			return fmt.Errorf("%s has no %s to script: only the stand-in does; leave the fault out, or the transport", f.Target.Transport, fault.Kind)
		}
		if err := f.Arm([]workload.Fault{fault}, 0); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", f.Target.Transport, err), f.Arm(nil, 0))
		}
	}
	if f.Arm == nil {
		return nil
	}
	return f.Arm(nil, 0)
}

// dwells reports whether records wait for the consumer once they are accepted. Where the reply is the end, or the consumer
// has to be done before there is one, there is nothing of the kind to be measured.
func (f *FarEnd) dwells() bool { return f.Consume != nil && !f.Receipts && !f.Within }

// A Sender sends phases; load.Process is one in another process, Inside one in this.
type Sender interface {
	Send(context.Context, load.Phase) (load.Report, error)
	Close()
}

// Inside sends in this process, for tests and where the sender's own cost does not matter.
type Inside struct{ *load.Sender }

// Send sends one phase.
func (i Inside) Send(ctx context.Context, p load.Phase) (load.Report, error) {
	return i.Sender.Send(ctx, p), nil
}

// Close does nothing: who made the Transport closes it.
func (i Inside) Close() {}
