package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"sluice/ingest"
	"sluice/internal/drivers"
	"sluice/internal/fault"
)

// silence is how long fetch waits for the source without a word.
const silence = 2 * time.Second

// awaited says what a read of the source may wait for.
func awaited(s *drivers.Settings) string {
	switch {
	case s.Core.Source == "sql" && s.SQL.Lag > 0:
		return fmt.Sprintf("up to %v (SLUICE_SQL_LAG) until the rows of slower transactions are there too; 'fetch' may be tried with 0s", s.SQL.Lag)
	case s.Core.Source == "sql":
		return fmt.Sprintf("for the database, up to %v (SLUICE_SQL_TIMEOUT)", s.SQL.Timeout)
	case s.Core.Source == "s3" && s.S3.Lag > 0:
		return fmt.Sprintf("up to %v until objects are %v old (SLUICE_S3_LAG) and those of slower writers are there too; 'fetch' may be tried with 0s", min(s.S3.Lag+2*time.Second, s.S3.Interval), s.S3.Lag)
	case s.Core.Source == "s3":
		return fmt.Sprintf("for an answer of S3, up to %v (SLUICE_S3_TIMEOUT)", s.S3.Timeout)
	case s.Core.Source == "command":
		return "for the program of SLUICE_COMMAND_ARGV to print a record or to end"
	case s.Core.Source == "http":
		return fmt.Sprintf("for an answer, up to %v (SLUICE_HTTP_TIMEOUT), or for the limit on requests", s.HTTP.Timeout)
	}
	return "for the source"
}

// read is a Read of the source that tells, once in a run, what it waits for if that takes long. Credentials that were refused
// and could be renewed are tried at once, which a daemon does after a pause.
func (p *pull) read(ctx context.Context) (ingest.Batch, error) {
	notice := time.AfterFunc(silence, func() { p.waiting.Do(func() { p.say("waiting", p.awaited) }) })
	defer notice.Stop()
	b, err := p.source.Read(ctx, p.cursor)
	if f := fault.From(err); err != nil && f.Class == fault.Transient && (f.Reason == "unauthorized" || f.Reason == "forbidden") {
		return p.source.Read(ctx, p.cursor)
	}
	return b, err
}

// A lockedWriter lets one Write at a time through.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(data)
}
