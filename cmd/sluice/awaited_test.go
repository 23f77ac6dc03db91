package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/drivers"
	"sluice/internal/exchange"
	"sluice/internal/redact"
)

// A slowSource takes its time for each of two empty pages.
type slowSource struct {
	drivers.Source
	takes time.Duration
	reads int
}

func (s *slowSource) Read(context.Context, ingest.Cursor) (ingest.Batch, error) {
	time.Sleep(s.takes)
	if s.reads++; s.reads == 2 {
		return ingest.Batch{}, io.EOF
	}
	return ingest.Batch{Next: "1"}, nil
}

func TestFetchSaysOnceWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		takes time.Duration
		want  int // times that it is said
	}{
		"a source that is quick":            {time.Second, 0},
		"a source that lets us wait, twice": {time.Minute, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var said bytes.Buffer
				s := &drivers.Settings{}
				s.Core.Source, s.SQL.Lag = "sql", 10*time.Second
				p := &pull{source: &slowSource{takes: tt.takes}, out: newPrinter(io.Discard, fetchFlags{}, redact.Hiding(nil)), said: &lockedWriter{to: &said},
					told: new([]exchange.Seen), awaited: awaited(s)}
				if err := p.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := strings.Count(said.String(), "waiting  up to 10s (SLUICE_SQL_LAG) until"); got != tt.want {
					t.Errorf("said %d times what it waits for, want %d:\n%s", got, tt.want, said.String())
				}
			})
		})
	}
}
