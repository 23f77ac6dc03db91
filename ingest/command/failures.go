package command

import (
	"fmt"
	"time"

	"sluice/ingest"
	"sluice/internal/backoff"
	"sluice/internal/fault"
)

// longestWait is the longest that a program which fails in each run is waited for.
const longestWait = 30 * time.Second

// failures counts the runs that have failed since one ended well. The caller of Read cannot: a program that prints a mark and
// then fails, each time, brings something each time.
type failures struct {
	n       int
	brought bool // since the last one
	told    bool
}

// read notes what a Read has returned.
func (f *failures) read(b ingest.Batch) {
	if b.CaughtUp {
		*f = failures{}
	}
	f.brought = f.brought || len(b.Items) > 0
}

// failed notes that the run which began at begun has failed with err. From the second failure on it asks for a wait, counted
// from begun and at most Interval, and the first time that a run has failed again in spite of bringing records, the
// operator is told.
func (f *failures) failed(cfg Config, begun time.Time, err error) error {
	verdict := *fault.From(err)
	if verdict.Class != fault.Transient {
		return err
	}
	f.n++
	if f.n == 1 {
		f.brought = false
		return err
	}
	if f.brought && !f.told {
		f.told = true
		cfg.Note(fmt.Sprintf("%s fails again and again, although it brings records: %v", cfg.name(), verdict.Err))
	}
	f.brought = false
	policy := backoff.Policy{Max: min(longestWait, cfg.Interval), Rand: func() float64 { return 1 }} // the pipeline spreads it
	verdict.RetryAfter = max(0, policy.Wait(f.n-1)-time.Since(begun))
	return &verdict
}
