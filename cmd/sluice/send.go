package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
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
		Long: `Delivers one JSON record through the configured transport, and prints the
outcome, its ID and the receipt. Filter and map apply to it. It reads no source
and touches no checkpoint.
Example:

  sluice send '{"accountid":"1234","priority":"high"}'`,
		Args: oneRecord,
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

// oneRecord refuses what looks like a record that the shell has cut into words.
func oneRecord(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return withCode(exitUsage, fmt.Errorf("'sluice send' takes one record, and %d arguments were given; put the record into single quotes", len(args)))
	}
	return nil
}

// input returns the record to send, without the line end that an editor or echo leaves.
func input(in io.Reader, args []string) ([]byte, error) {
	if len(args) == 1 && args[0] != "-" {
		in = strings.NewReader(args[0])
	}
	item, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	if len(item) > maxInput {
		return nil, withCode(exitUsage, fmt.Errorf("the record has more than %d bytes, which no destination takes", maxInput))
	}
	if item = bytes.TrimRight(item, "\r\n"); len(item) == 0 {
		return nil, withCode(exitUsage, errors.New("there is no record: give it as an argument or on standard input"))
	}
	return item, nil
}

func send(ctx context.Context, out io.Writer, s *drivers.Settings, item []byte) error {
	parse, err := naming(s, nil).Compile()
	if err != nil {
		return withCode(exitConfig, err)
	}
	records, err := parse(item)
	if err != nil {
		return withCode(exitFailure, fmt.Errorf("not sent: %w", err))
	}
	if len(records) == 0 {
		_, err = fmt.Fprintln(out, "left out  by SLUICE_FILTER or SLUICE_MAP")
		return err
	}
	destination, err := s.Transport(ctx)
	if err != nil {
		return withCode(exitConfig, err)
	}
	defer destination.Close()
	deliverer := &transport.Deliverer{Transport: destination, Timeout: destination.Timeout, Backoff: hasty, Patience: patience}
	start := time.Now()
	results := deliverer.Deliver(ctx, records)
	took := time.Since(start).Round(time.Microsecond)
	var failed error
	for i, result := range results {
		if err := result.Err; err != nil {
			code := exitUnavailable
			if fault.Is(err, fault.Rejected) {
				code = exitFailure
			}
			failed = cmp.Or(failed, withCode(code, fmt.Errorf("not accepted (%s): %w", fault.From(err).Code(), adviseAgain(err))))
			continue
		}
		if _, err := fmt.Fprintf(out, "accepted  transport=%s  id=%s  receipt=%s  took=%s\n", s.Core.Transport, records[i].ID, result.Receipt, took); err != nil {
			return err
		}
	}
	return failed
}
