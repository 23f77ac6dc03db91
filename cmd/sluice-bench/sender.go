package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"sluice/bench/audit"
	"sluice/bench/clock"
	"sluice/bench/farend"
	"sluice/bench/load"
	"sluice/bench/workload"
	"sluice/internal/drivers"
	"sluice/transport"
)

// senderCommand is the sender of one trial, in a process of its own so that its cost can be told from all other. The
// benchmark starts it and talks to it; it is of no use to a person.
func senderCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "sender",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			farend.Resolve()
			return load.Serve(cmd.Context(), os.Stdin, os.Stdout, openSender, exitCode)
		},
	}
}

// openSender opens the transport that the environment configures, as the daemon does.
func openSender(ctx context.Context, job load.Job) (*load.Sender, func(), error) {
	settings, err := drivers.Load(drivers.ForTransport)
	if err != nil {
		return nil, nil, coded{exitConfig, err}
	}
	w, err := workload.Parse([]byte(job.Workload))
	if err != nil {
		return nil, nil, coded{exitUsage, err}
	}
	pool, sum, err := openPool(w, job.Samples)
	if err != nil {
		return nil, nil, coded{exitUsage, err}
	}
	if sum != job.SHA256 {
		return nil, nil, coded{exitUsage, fmt.Errorf("--records: %s has changed since the run began", job.Samples)}
	}
	wire := &load.Wire{}
	settings.Tap(wire.Count)
	destination, err := settings.Transport(ctx)
	if err != nil {
		return nil, nil, coded{exitConfig, err}
	}
	if err := destination.Check(ctx); err != nil {
		return nil, nil, errors.Join(coded{exitUnavailable, err}, destination.Close())
	}
	record := func(seq int) transport.Record {
		body := pool.Body(seq)
		return transport.Record{ID: audit.ID(job.Run, job.Trial, seq, body), Key: pool.Key(seq), Body: body}
	}
	if err := fits(destination, pool, record(0)); err != nil {
		return nil, nil, errors.Join(coded{exitUsage, err}, destination.Close())
	}
	sender := &load.Sender{Transport: destination, Timeout: destination.Timeout, Concurrency: settings.Core.Concurrency,
		Clock: clock.New(), Wire: wire, Sleep: clock.Sleep, Record: record}
	return sender, func() { _ = destination.Close() }, nil
}

// fits fails for records that are too long for the destination: it would reject them every time.
func fits(t transport.Transport, pool *workload.Pool, r transport.Record) error {
	most := t.Capabilities().MaxRecordBytes
	if most == 0 {
		return nil
	}
	for i, body := range pool.Bodies() {
		r.Body = body
		if size := t.Size(r); size > most {
			return fmt.Errorf("record %d of the workload has %d bytes as it travels, and this destination takes %d at most; leave the record out, or the transport", i+1, size, most)
		}
	}
	return nil
}
