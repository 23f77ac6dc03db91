package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/bench/experiment"
	"sluice/bench/farend"
	"sluice/bench/report"
	"sluice/bench/result"
	"sluice/bench/workload"
)

// options are those of the command line.
type options struct {
	profile    string
	workload   string
	records    string
	transports []string
	embedded   bool
	models     string
	broker     string
	out        string
	yes        bool
}

func runCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "run [--profile NAME | --workload FILE] [--records FILE] [--embedded]",
		Short: "Run a workload through the transports and compare them",
		Long: `Runs the trials of a workload and writes what they show: a table here, and
results.json, trials.csv, series.csv and report.html into a folder.

With --embedded the far ends are servers of its own on this machine: a stand-in
of SQS and API Gateway, an embedded NATS server, and RabbitMQ where one answers
(--rabbitmq, or the local port 5672). That measures this client and
not Amazon, and says so. Otherwise the far ends are those of the daemon's own
settings; a run on AWS says what it will cost before it begins, keeps within
the workload's budget, and removes what it has created.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runBenchmark(cmd.Context(), o, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.profile, "profile", "quick", "built-in workload: "+strings.Join(workload.Profiles(), ", "))
	f.StringVar(&o.workload, "workload", "", "`file` with a workload of your own, instead of a profile")
	f.StringVar(&o.records, "records", "", "`file` with your own records, one a line, instead of made-up ones")
	f.StringSliceVar(&o.transports, "transports", nil, "only these of the workload's transports")
	f.BoolVar(&o.embedded, "embedded", false, "servers of its own on this machine, whatever the settings say")
	f.StringVar(&o.models, "model", "", "latency models of the stand-in, such as sqs=sqs-send-2021,apigateway=apigw-rest-warm-2gb")
	f.StringVar(&o.broker, "rabbitmq", "", "embedded: `address` of a RabbitMQ, with user and password; unset: the local port 5672 if a broker answers there")
	f.StringVar(&o.out, "out", "bench-results", "`folder` for the results")
	f.BoolVar(&o.yes, "yes", false, "do not ask before spending money")
	return cmd
}

// runBenchmark prepares, runs, compares and reports.
func runBenchmark(ctx context.Context, o options, in io.Reader, out, progress io.Writer) error {
	s, err := prepare(ctx, o)
	if err != nil {
		return err
	}
	defer func() {
		if err := s.close(); err != nil {
			fmt.Fprintln(progress, "sluice-bench: clean up:", err)
		}
	}()
	for _, line := range s.said {
		fmt.Fprintln(progress, line)
	}
	if err := s.confirm(o, in, progress); err != nil {
		return err
	}
	start := time.Now()
	if err := s.calibrate(ctx); err != nil {
		return err
	}
	failure := s.measure(ctx, out, progress)
	s.file.Run.Seconds = time.Since(start).Seconds()
	s.file.Comparisons = experiment.Compare(s.file)
	experiment.Measuring(s.file)
	paths, err := writeResults(o.out, s.file)
	if err != nil {
		return err
	}
	fmt.Fprintln(out)
	if err := report.Table(out, s.file, columns(out), paths); err != nil {
		return err
	}
	if failure != nil {
		return failure
	}
	return partial(s.file)
}

// calibrate finds out what this machine can measure, and refuses a workload that is beyond it.
func (s *session) calibrate(ctx context.Context) error {
	null, err := farend.Open(ctx, "memory", farend.Options{Run: s.runner.Run, Workload: s.workload})
	if err != nil {
		return err
	}
	if s.file.Calibration, err = experiment.Calibrate(ctx, s.runner, null); err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	if err := experiment.Spare(s.file.Calibration); err != nil {
		return coded{exitUsage, err}
	}
	return nil
}

// measure runs trials and searches and says of each how it went.
func (s *session) measure(ctx context.Context, out, progress io.Writer) error {
	bar := newBar(progress)
	defer bar.clear()
	fmt.Fprintln(out, report.LineHeader())
	e := &experiment.Experiment{Runner: s.runner, Ends: s.ends,
		Told: func(ev experiment.Event) {
			bar.clear()
			fmt.Fprintln(out, report.Line(&ev.Trial, ev.USD))
			bar.show(ev)
		},
		Searched: func(found result.Search) { fmt.Fprintln(out, searchLine(found)) },
	}
	if err := e.Run(ctx, s.file); err != nil || s.file.Run.Partial != "" {
		return err
	}
	return e.Search(ctx, s.file)
}

// searchLine says what a search has found.
func searchLine(s result.Search) string {
	if s.MaxAtSLO == 0 {
		return fmt.Sprintf("%-10s search %s: no rate: %s", s.Transport, s.Phase, s.Because)
	}
	return fmt.Sprintf("%-10s search %s: %.0f/s keep %s; closed loop %.0f/s", s.Transport, s.Phase, s.MaxAtSLO, s.SLO, s.MaxClosed)
}

// partial is the error of a run that did not end by itself.
func partial(f *result.File) error {
	if f.Run.Partial == "" {
		return nil
	}
	return coded{exitFailure, errors.New("the run is partial: " + f.Run.Partial)}
}

// self is the path of this program, which is its own sender.
func self() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program, to start it as a sender: %w", err)
	}
	return path, nil
}
