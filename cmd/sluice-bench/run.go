package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sluice/bench"
	"sluice/ingest"
	"sluice/internal/drivers"
	"sluice/internal/fault"
	"sluice/internal/readback"
	"sluice/transport"
)

// patience is how long a transport may let nothing through before a trial is given up.
const patience = 30 * time.Second

// maxLine is the longest record that is read from a file.
const maxLine = 10 << 20

type options struct {
	records    string
	transports []string
	readBack   bool
}

func runCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "run --records FILE",
		Short: "Deliver the records of a file through each transport, as fast as it takes them",
		Long: `Delivers every line of a file of JSON records through each of the transports,
one after the other, as fast as each takes them, and prints the trials side by
side. The settings are the daemon's. With --read-back it then empties the queue
SLUICE_SQS_QUEUE_URL (behind the gateway, too, the records must end up there)
and says what is lost, duplicated or altered; it deletes what it reads, so the
queue must be empty and nobody else's.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.records == "" {
				return coded{exitUsage, errors.New("--records is missing: a file with one JSON record a line")}
			}
			lines, err := readLines(o.records)
			if err != nil {
				return coded{exitUsage, err}
			}
			var trials []bench.Trial
			for _, name := range o.transports {
				t, err := trial(cmd.Context(), o, name, lines)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				trials = append(trials, t)
			}
			bench.WriteTable(cmd.OutOrStdout(), bench.ListPrices, trials)
			if !o.readBack {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "Lost is what was not accepted; --read-back also looks at what has arrived.")
			}
			return err
		},
	}
	cmd.Flags().StringVar(&o.records, "records", "", "`file` with one JSON record a line")
	cmd.Flags().StringSliceVar(&o.transports, "transports", []string{"sqs", "apigateway"}, "what to compare, of memory, sqs and apigateway")
	cmd.Flags().BoolVar(&o.readBack, "read-back", false, "empty the queue after each trial and compare")
	return cmd
}

// readLines returns the lines of a file, without the empty ones.
func readLines(path string) ([][]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lines [][]byte
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, maxLine)
	for scanner.Scan() {
		if line := scanner.Bytes(); len(line) > 0 {
			lines = append(lines, append([]byte(nil), line...))
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("%s, line %d: %w", path, len(lines)+1, err)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s holds no records", path)
	}
	return lines, nil
}

// trial delivers the lines once.
func trial(ctx context.Context, o options, name string, lines [][]byte) (bench.Trial, error) {
	if err := os.Setenv("SLUICE_TRANSPORT", name); err != nil {
		return bench.Trial{}, err
	}
	settings, err := drivers.Load(drivers.ForTransport)
	if err != nil {
		return bench.Trial{}, coded{exitConfig, err}
	}
	records, err := parse(settings, lines)
	if err != nil {
		return bench.Trial{}, err
	}
	destination, err := settings.Transport(ctx)
	if err != nil {
		return bench.Trial{}, coded{exitConfig, err}
	}
	defer destination.Close()
	tally := bench.NewTally()
	deliverer := &transport.Deliverer{Transport: destination, Timeout: destination.Timeout, Concurrency: settings.Core.Concurrency,
		Observe: tally.Observe, Patience: patience}
	start := time.Now()
	results := deliverer.Deliver(ctx, records)
	t := bench.Trial{Transport: name, Took: time.Since(start), Counts: tally.Counts(), Audit: bench.Audit{Sent: len(records)}}
	var failure error
	for _, r := range results {
		if r.Err == nil {
			t.Audit.Arrived++
		} else if failure == nil || !fault.Is(failure, fault.Blocked) {
			failure = r.Err
		}
	}
	t.Audit.Lost = t.Audit.Sent - t.Audit.Arrived
	if t.Audit.Arrived == 0 {
		return t, failure
	}
	if !o.readBack || name == "memory" {
		return t, nil
	}
	url := os.Getenv("SLUICE_SQS_QUEUE_URL")
	if url == "" {
		return t, coded{exitConfig, errors.New("SLUICE_SQS_QUEUE_URL: --read-back needs the queue where the records end up")}
	}
	got, err := readback.OpenQueue(destination.AWS, url).Drain(ctx, nil)
	if err != nil {
		return t, err
	}
	t.Audit = compare(records, got)
	return t, nil
}

// parse names the records as the daemon does.
func parse(s *drivers.Settings, lines [][]byte) ([]transport.Record, error) {
	parser := ingest.Naming{Stream: "bench", ID: s.Core.RecordID, Key: s.Core.RecordKey}.Parser()
	records := make([]transport.Record, len(lines))
	for i, line := range lines {
		r, err := parser(line)
		if err != nil {
			return nil, coded{exitUsage, fmt.Errorf("record %d: %w", i+1, err)}
		}
		records[i] = r
	}
	return records, nil
}

// compare audits by the ID that travels beside the body, so that an altered body is still known.
func compare(sent, got []transport.Record) bench.Audit {
	names := map[string]string{}
	bodies := func(records []transport.Record) [][]byte {
		out := make([][]byte, len(records))
		for i, r := range records {
			names[string(r.Body)] = r.ID
			out[i] = r.Body
		}
		return out
	}
	want, arrived := bodies(sent), bodies(got)
	return bench.Compare(want, arrived, func(body []byte) string { return names[string(body)] })
}
