package drivers

import (
	"context"
	"fmt"
	"time"

	"sluice/ingest"
	"sluice/ingest/command"
	"sluice/ingest/file"
	"sluice/ingest/httpapi"
	"sluice/ingest/s3"
	"sluice/ingest/sql"
	"sluice/internal/awscreds"
)

// A Source is an ingest.Source as the daemon needs it.
type Source interface {
	ingest.Source
	Stream() string      // stable name of what is read
	Fingerprint() string // changes with the meaning of a cursor
	Check(context.Context) (string, error)
	Close() error
}

// A choice is what the daemon has to know of a source before it is opened.
type choice struct {
	settings       any           // pointer to its struct
	interval       time.Duration // between two Reads when it is caught up
	maxRecordBytes int           // longest item that is taken for a record
	maxBatchBytes  int           // most bytes of one batch
	open           func() (Source, error)
}

// chosen is the selected source; the zero choice where there is none of that name.
func (s *Settings) chosen() choice {
	switch s.Core.Source {
	case "http":
		c := &s.HTTP
		return choice{c, c.Interval, c.MaxRecordBytes, c.MaxPageBytes, s.http}
	case "file":
		c := &s.File
		return choice{c, c.Interval, c.MaxRecordBytes, c.MaxBatchBytes(), func() (Source, error) { return file.New(*c) }}
	case "command":
		c := &s.Command
		return choice{c, c.Interval, c.MaxRecordBytes, int(c.MemoryPerBatch()), func() (Source, error) { return command.New(*c) }}
	case "s3":
		c := &s.S3
		return choice{c, c.Interval, c.MaxRecordBytes, c.MaxBatchBytes(), s.s3}
	case "sql":
		c := &s.SQL
		return choice{c, c.Interval, c.MaxRecordBytes, sql.MaxBatchBytes, func() (Source, error) { return sql.New(*c) }}
	}
	return choice{}
}

// Source opens the selected source.
func (s *Settings) Source() (Source, error) {
	c := s.chosen()
	if c.open == nil {
		return nil, fmt.Errorf("SLUICE_SOURCE: there is no source %q", s.Core.Source)
	}
	return c.open()
}

// http opens the HTTP source with the identity that it signs with, if it does.
func (s *Settings) http() (Source, error) {
	c := s.HTTP
	if s.signs() {
		aws, err := awscreds.Load(context.Background(), s.Role)
		if err != nil {
			return nil, err
		}
		c.AWS = aws
	}
	source, err := httpapi.New(c)
	if err != nil {
		if c.AWS != nil {
			c.AWS.Close()
		}
		return nil, err
	}
	return source, nil
}

// s3 opens the source of objects with the identity that it signs with.
func (s *Settings) s3() (Source, error) {
	aws, err := awscreds.Load(context.Background(), s.Role)
	if err != nil {
		return nil, err
	}
	source, err := s3.New(s.S3, aws)
	if err != nil {
		aws.Close()
		return nil, err
	}
	return source, nil
}

// Interval is the time between two Reads of the selected source when it is caught up.
func (s *Settings) Interval() time.Duration { return s.chosen().interval }

// MaxRecordBytes is the longest item that the selected source takes for a record.
func (s *Settings) MaxRecordBytes() int { return s.chosen().maxRecordBytes }

// MemoryBudget is the most memory that the settings allow for, in bytes (I5): the batches in flight, and the one that is
// being read, which takes up to three times its size. What the program itself needs is in it too.
func (s *Settings) MemoryBudget() int64 {
	const program = 64 << 20
	return int64(s.Core.Inflight+3)*int64(s.chosen().maxBatchBytes) + program
}
