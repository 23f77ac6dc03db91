package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"

	"sluice/bench"
	"sluice/bench/cost"
	"sluice/examples/earthquakes"
	"sluice/internal/awslocal"
	"sluice/internal/config"
	"sluice/internal/drivers"
	"sluice/internal/readback"
	"sluice/transport"
)

// demoTransports are those that the demonstration can deliver through.
var demoTransports = []string{"sqs", "apigateway"}

func demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Deliver 1,707 real earthquakes, on this machine alone",
		Long: `Starts a stand-in of SQS, STS and API Gateway and a feed of 1,707 real
earthquakes in this process, pulls the feed page by page with the settings of
examples/earthquakes/earthquakes.env, delivers it once through SQS and once
through API Gateway, reads both destinations back, and compares. It needs no
account, no network and no settings, and ends with 0 only if nothing is lost or
altered.

With --faults the feed and the stand-in go wrong by a script (docs/faults.md,
examples in examples/faults). It says how often each rule struck and what the
daemon made of it, and ends with 69 if nothing moves any more.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.patienceSet = cmd.Flags().Changed("patience")
			return demo(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), f)
		},
	}
	cmd.Flags().StringVar(&f.faults, "faults", "", "`file` with a script of faults for the feed and the stand-in")
	cmd.Flags().StringVar(&f.transport, "transport", "", "sqs or apigateway; empty: one after the other")
	cmd.Flags().DurationVar(&f.patience, "patience", 30*time.Second, "with --faults: give up when nothing has moved for so `long`")
	return cmd
}

func demo(ctx context.Context, out, progress io.Writer, f demoFlags) error {
	transports, script, err := f.check()
	if err != nil {
		return withCode(exitUsage, err)
	}
	dir, err := os.MkdirTemp("", "sluice-demo-")
	if err != nil {
		return fmt.Errorf("the demonstration needs a temporary folder: %w; set TMPDIR to one that can be written", err)
	}
	asked := ctx // ends when the user wants it to
	defer os.RemoveAll(dir)
	servers, ctx := errgroup.WithContext(ctx)
	ctx, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		_ = servers.Wait()
	}()
	standIn, err := demoServers(ctx, servers, out, dir, len(transports))
	if err != nil {
		return err
	}
	if f.faults != "" {
		return f.demoFaults(ctx, out, progress, standIn, script, transports, dir)
	}
	var trials []bench.Trial
	for _, name := range transports {
		t, err := demoPass(ctx, name, filepath.Join(dir, name), progress)
		switch {
		case asked.Err() != nil:
			return withCode(exitFailure, errors.New("interrupted; nothing was compared"))
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		}
		trials = append(trials, t)
	}
	return report(out, trials)
}

// report prints the trials, and fails if one of them lost or altered a record, or if nobody could read it.
func report(out io.Writer, trials []bench.Trial) error {
	var table bytes.Buffer
	bench.WriteTable(&table, cost.DefaultBook(), trials)
	table.WriteString("Latency and throughput are those of a stand-in on this machine: they measure\nSluice, not Amazon.\n")
	var broken []error
	if _, err := table.WriteTo(out); err != nil {
		broken = append(broken, fmt.Errorf("print the result: %w", err))
	}
	for _, t := range trials {
		if a := t.Audit; !a.Whole() {
			broken = append(broken, fmt.Errorf("%s: %d of %d records lost, %d altered, %d that nobody sent",
				t.Transport, a.Lost, a.Sent, a.Altered, a.Ghosts))
		}
	}
	return errors.Join(broken...)
}

// demoServers starts the stand-in and the feed, and makes the environment of this process that of somebody who uses them
// with the settings of the example.
func demoServers(ctx context.Context, servers *errgroup.Group, out io.Writer, dir string, passes int) (*awslocal.Server, error) {
	ln, err := awslocal.ListenLoopback("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	standIn, err := awslocal.New(awslocal.Options{BaseURL: "http://" + ln.Addr().String()})
	if err != nil {
		return nil, err
	}
	servers.Go(func() error { return standIn.Serve(ctx, ln) })
	feed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	servers.Go(func() error { return serveFeed(ctx, feed, standIn.Source(&earthquakes.Feed{})) })

	forgetSettings()
	variables := append(standIn.Environment(),
		awslocal.Variable{Name: "SLUICE_HTTP_URL", Value: feedURL(feed.Addr())},
		awslocal.Variable{Name: "SLUICE_ADMIN_ADDR", Value: config.AdminOff})
	for _, v := range variables {
		if err := os.Setenv(v.Name, v.Value); err != nil {
			return nil, err
		}
	}
	example := filepath.Join(dir, "earthquakes.env")
	if err := os.WriteFile(example, earthquakes.Settings(), 0o600); err != nil {
		return nil, err
	}
	if _, err := config.LoadEnvFile(example); err != nil {
		return nil, err
	}
	through := "through each transport once"
	if passes == 1 {
		through = "through one transport"
	}
	fmt.Fprintf(out, "1,707 earthquakes of the week to 7 February 2018, %s,\nfrom http://%s (feed) to http://%s (stand-in of AWS)\n\n",
		through, feed.Addr(), ln.Addr())
	return standIn, nil
}

// forgetSettings keeps the user's own settings, and above all the user's AWS account, out of the demonstration.
func forgetSettings() {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "SLUICE_") || strings.HasPrefix(name, "AWS_") || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			_ = os.Unsetenv(name)
		}
	}
	_ = os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	_ = os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
}

// demoPass runs the daemon until the feed has nothing more, and reads the destination back.
func demoPass(ctx context.Context, name, stateDir string, progress io.Writer) (bench.Trial, error) {
	_ = os.Setenv("SLUICE_TRANSPORT", name) // the only thing that changes
	_ = os.Setenv("SLUICE_STATE_DIR", stateDir)
	settings, err := drivers.Load(drivers.ForSource | drivers.ForTransport)
	if err != nil {
		return bench.Trial{}, withCode(exitConfig, err)
	}
	d, err := wire(ctx, settings, slog.New(slog.DiscardHandler), true)
	if err != nil {
		return bench.Trial{}, err
	}
	defer d.Close()
	want := earthquakes.Records()
	tally := bench.NewTally()
	d.pipeline.Deliverer.Observe = tally.Observe

	bar := newProgress(progress, len(want))
	done := bar.follow(name+": delivering", func() int { return tally.Counts().Accepted })
	start := time.Now()
	err = d.pipeline.Run(ctx)
	took := time.Since(start)
	done()
	bar.end(tally.Counts().Accepted)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return bench.Trial{}, err
	}

	bar = newProgress(progress, len(want))
	bar.show(name+": reading back", 0)
	got, err := readback.OpenQueue(d.destination.AWS, os.Getenv("SLUICE_SQS_QUEUE_URL")).Drain(ctx, func(n int) { bar.show(name+": reading back", n) })
	bar.end(len(got))
	if err != nil {
		return bench.Trial{}, err
	}
	return bench.Trial{Transport: name, Took: took, Counts: tally.Counts(), Audit: audit(want, got)}, nil
}

// audit compares what the publisher gave with what has arrived, by the publisher's own ids: nothing of Sluice is in it.
func audit(want []json.RawMessage, got []transport.Record) bench.Audit {
	arrived := make([][]byte, len(got))
	for i, r := range got {
		arrived[i] = r.Body
	}
	return auditBodies(want, arrived)
}

func auditBodies(want []json.RawMessage, got [][]byte) bench.Audit {
	sent := make([][]byte, len(want))
	for i, event := range want {
		sent[i] = event
	}
	return bench.Compare(sent, got, func(body []byte) string { return gjson.GetBytes(body, "id").String() })
}
