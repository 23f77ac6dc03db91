package readback

import (
	"context"
	"time"

	"sluice/transport"
)

// A Delivery is one copy of a record as a consumer got it.
type Delivery struct {
	Record    transport.Record
	MessageID string    // names this copy; the same when it is handed out again, another for another copy of the record
	Receives  int       // how often this copy has been handed out, this time included
	Arrived   time.Time // when the answer or frame that holds it was here, with the monotonic clock

	// What the destination says, in the clock of the destination; zero if it does not say it.
	Stored        time.Time // when it took the copy
	FirstReceived time.Time // when it first handed the copy out
}

// A Consumer reads a destination.
type Consumer interface {
	// Consume calls handle for every copy, from Options.Pollers goroutines at once, and acknowledges (deletes) a copy
	// when handle returns nil; else it is left to come back. It returns nil when ctx ends; what is being handled then
	// is finished and acknowledged, with a context that has not ended. A destination that cannot be reached is asked
	// again; Consume fails when it has been away for a minute or refuses. It may be called once.
	Consume(ctx context.Context, handle func(context.Context, Delivery) error) error

	// Backlog is the number of copies waiting, or handed out and not acknowledged, as the destination counts them.
	Backlog(ctx context.Context) (int, error)

	// Close frees what the Consumer holds. No Consume may be in progress.
	Close() error
}

// Options say how a Consumer reads. The zero value reads with one poller.
type Options struct {
	// Pollers is how many ask, and handle, at once; 0: 1. Each handles what it was given one after the other, in
	// order, so with one poller handle sees the copies in the order of the destination.
	Pollers int

	// Batch is how many copies a poller is given at once; 0: 10. SQS gives no more than 10.
	Batch int

	// Wait is how long a poller of SQS waits for a message before it is told that there is none, in whole seconds of at
	// most 20; 0: 1 s. Consume ends so much later than it is asked to. The others are pushed to.
	Wait time.Duration

	// Visibility is how long a copy that was handed out stays hidden if it is not acknowledged; 0: what the queue says,
	// and 30 s for a consumer of JetStream. SQS counts in whole seconds. RabbitMQ knows no such time: there a copy
	// whose handle has failed comes back at once.
	Visibility time.Duration

	// Return gives a copy whose handle has failed back at once, instead of leaving it to its visibility.
	Return bool
}

const (
	defaultBatch      = 10
	defaultWait       = time.Second
	defaultVisibility = 30 * time.Second

	// patience is how long a destination may be away before Consume gives up.
	patience = time.Minute
	// finish is how long acknowledging may take after Consume was asked to end.
	finish = 10 * time.Second
)

func (o Options) pollers() int { return max(1, o.Pollers) }

func (o Options) batch() int {
	if o.Batch <= 0 {
		return defaultBatch
	}
	return o.Batch
}

// away counts how long a destination has been away.
type away struct{ since time.Time }

// pause waits a moment after err, and returns err when the destination has been away for too long, or nil when ctx ends.
func (a *away) pause(ctx context.Context, err error) error {
	if a.since.IsZero() {
		a.since = time.Now()
	}
	if ctx.Err() != nil {
		return nil
	}
	if time.Since(a.since) > patience {
		return err
	}
	timer := time.NewTimer(200 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

// back notes that the destination has answered.
func (a *away) back() { a.since = time.Time{} }
