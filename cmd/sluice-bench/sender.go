package main

import (
	"context"
	"errors"
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
	pool, err := openPool(w, job.Samples)
	if err != nil {
		return nil, nil, err
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
	sender := &load.Sender{Transport: destination, Timeout: destination.Timeout, Concurrency: settings.Core.Concurrency,
		Clock: clock.New(), Wire: wire, Sleep: clock.Sleep,
		Record: func(seq int) transport.Record {
			body := pool.Body(seq)
			return transport.Record{ID: audit.ID(job.Run, job.Trial, seq, body), Key: pool.Key(seq), Body: body}
		}}
	return sender, func() { _ = destination.Close() }, nil
}
