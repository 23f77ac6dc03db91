package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/drivers"
)

func validateCommand() *cobra.Command {
	var connect bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the settings, and with --connect what they point at",
		Long: `Reports everything that is wrong with the settings at once. With --connect it
also reads the source's first page, asks STS who it is, reads the queue's
attributes or opens a connection to the gateway. It delivers nothing.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			settings, err := drivers.Load(drivers.ForSource | drivers.ForTransport)
			if err != nil {
				return withCode(exitConfig, err)
			}
			fmt.Fprintf(out, "settings     ok: source %s, transport %s\n", settings.Core.Source, settings.Core.Transport)
			for _, warning := range settings.Warnings() {
				fmt.Fprintf(out, "warning      %s\n", warning)
			}
			if !connect {
				return nil
			}
			return connectAll(cmd.Context(), out, settings)
		},
	}
	cmd.Flags().BoolVar(&connect, "connect", false, "also try source, credentials and destination, without delivering")
	return cmd
}

// connectTimeout is the limit for each thing that validate tries.
const connectTimeout = 30 * time.Second

// connectAll tries everything even if something fails, so that all problems are seen at once.
func connectAll(ctx context.Context, out io.Writer, s *drivers.Settings) error {
	var failed []error
	try := func(what string, f func(context.Context) (string, error)) {
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		found, err := f(ctx)
		if err != nil {
			fmt.Fprintf(out, "%-12s FAILED: %v\n", what, advise(err))
			failed = append(failed, errors.New(what))
			return
		}
		fmt.Fprintf(out, "%-12s ok: %s\n", what, found)
	}
	s.HTTP.Warn = func(text string) { fmt.Fprintf(out, "%-12s %s\n", "warning", text) }
	source, err := s.Source()
	if err != nil {
		return withCode(exitConfig, err)
	}
	defer source.Close()
	try("source", source.Check)
	destination, err := s.Transport(ctx)
	if err != nil {
		return withCode(exitConfig, err)
	}
	defer destination.Close()
	if destination.AWS != nil {
		try("credentials", func(ctx context.Context) (string, error) {
			who, err := destination.AWS.Identity(ctx)
			return "STS says we are " + who.ARN, err
		})
	}
	try("destination", func(ctx context.Context) (string, error) {
		return reachable[s.Core.Transport], destination.Check(ctx)
	})
	fmt.Fprintf(out, "%-12s %s\n", "not checked", unchecked[s.Core.Transport])
	if len(failed) > 0 {
		return withCode(exitUnavailable, fmt.Errorf("%d of the checks failed", len(failed)))
	}
	return nil
}

// What a check of each destination shows, and what only a delivered record would.
var (
	reachable = map[string]string{
		"sqs":        "the queue is there and its attributes can be read",
		"apigateway": "the endpoint takes connections",
		"jetstream":  "a stream listens to the subject",
		"rabbitmq":   "the broker lets us in, and the queue or exchange is there",
		"memory":     "nothing to check",
	}
	unchecked = map[string]string{
		"sqs":        "whether we may send (sqs:SendMessage); 'sluice send' delivers a record and tells",
		"apigateway": "whether the gateway takes our signature, API key, path and records; 'sluice send' delivers a record and tells",
		"jetstream":  "whether we may publish to the subject; 'sluice send' delivers a record and tells",
		"rabbitmq":   "whether we may publish, and whether the exchange leads to a queue; 'sluice send' delivers a record and tells",
		"memory":     "nothing",
	}
)
