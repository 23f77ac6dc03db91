package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/drivers"
	"sluice/internal/fault"
	"sluice/transport"
)

// maxInput is the largest record that send reads: what API Gateway takes at most.
const maxInput = 10 << 20

func sendCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "send [RECORD]",
		Short: "Deliver one record, from the argument or from standard input",
		Long: `Delivers one JSON record through the configured transport, and prints the outcome, its ID and the receipt. It reads no
source and touches no checkpoint. Example:

  sluice send '{"accountid":"1234","priority":"high"}'`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := drivers.Load(drivers.ForTransport)
			if err != nil {
				return withCode(exitConfig, err)
			}
			item, err := input(cmd.InOrStdin(), args)
			if err != nil {
				return err
			}
			return send(cmd.Context(), cmd.OutOrStdout(), settings, item)
		},
	}
}

// input returns the record to send, without the line end that an editor or echo leaves.
func input(in io.Reader, args []string) ([]byte, error) {
	if len(args) == 1 && args[0] != "-" {
		return []byte(args[0]), nil
	}
	item, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if len(item) > maxInput {
		return nil, withCode(exitUsage, fmt.Errorf("standard input has more than %d bytes; send takes one record", maxInput))
	}
	if item = bytes.TrimRight(item, "\r\n"); len(item) == 0 {
		return nil, withCode(exitUsage, errors.New("there is no record: give it as an argument or on standard input"))
	}
	return item, nil
}

func send(ctx context.Context, out io.Writer, s *drivers.Settings, item []byte) error {
	naming, err := naming(s, nil)
	if err != nil {
		return withCode(exitConfig, err)
	}
	record, err := naming.Parser()(item)
	if err != nil {
		return withCode(exitFailure, err)
	}
	destination, err := s.Transport(ctx)
	if err != nil {
		return withCode(exitConfig, err)
	}
	defer destination.Close()
	deliverer := &transport.Deliverer{Transport: destination, Timeout: destination.Timeout, Patience: patience}
	start := time.Now()
	result := deliverer.Deliver(ctx, []transport.Record{record})[0]
	took := time.Since(start).Round(time.Microsecond)
	if err := result.Err; err != nil {
		code := exitUnavailable
		if fault.Is(err, fault.Rejected) {
			code = exitFailure
		}
		return withCode(code, fmt.Errorf("%s (%s): %w", fault.From(err).Class, fault.From(err).Code(), err))
	}
	_, err = fmt.Fprintf(out, "accepted  transport=%s  id=%s  receipt=%s  took=%s\n", s.Core.Transport, record.ID, result.Receipt, took)
	return err
}
