package command

import (
	"fmt"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

// The wait after a second failure, which doubles with each that follows, and the longest.
const (
	firstWait   = 200 * time.Millisecond
	longestWait = 30 * time.Second
)

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
	wait := min(longestWait, firstWait<<min(f.n-2, 10), cfg.Interval)
	verdict.RetryAfter = max(0, wait-time.Since(begun))
	return &verdict
}
