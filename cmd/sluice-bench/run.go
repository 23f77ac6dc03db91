package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/bench/experiment"
	"sluice/bench/report"
	"sluice/bench/result"
)

func runCommand(envFiles *[]string) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "run [--profile NAME | --workload FILE]",
		Short: "Run a workload through the transports and compare them",
		Long: `Runs the trials of a workload and writes what they show: a table here, and
results.json, trials.csv, series.csv and report.html into a folder.

With --embedded the far ends are servers of its own on this machine: a stand-in
of SQS and API Gateway, an embedded NATS server, and RabbitMQ where one answers
(--rabbitmq, or the local port 5672). That measures this client and not Amazon,
and says so. Otherwise the far ends are those of the daemon's own settings; a
run on AWS says what it will cost before it begins, keeps within the workload's
budget, and removes what it has created.

SIGINT and SIGTERM end the run: what was finished is written, marked as partial,
and what was created is removed. A second signal leaves it behind, and with it
temporary files. While the run lasts, results.partial.json has what is finished.`,
		Args: exactly(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.envFiles = *envFiles
			return runBenchmark(cmd.Context(), &o, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.flags(cmd)
	return cmd
}

// runBenchmark prepares, runs, compares and reports.
func runBenchmark(ctx context.Context, o *options, in io.Reader, out, progress io.Writer) error {
	s, err := prepare(ctx, o)
	if err != nil {
		return early(ctx, err)
	}
	defer func() {
		if err := s.close(); err != nil {
			fmt.Fprintln(progress, complaint(fmt.Errorf("clean up: %w", err)))
		}
	}()
	s.announce(progress)
	if err := s.confirm(ctx, o.yes, in, progress); err != nil {
		return early(ctx, err)
	}
	start := time.Now()
	failure := s.measure(ctx, o.out, out, progress)
	if len(s.file.Trials) == 0 && len(s.file.Searches) == 0 { // there is nothing that is worth more than older results
		return early(ctx, failure)
	}
	s.file.Run.Seconds = time.Since(start).Seconds()
	s.file.Comparisons = experiment.Compare(s.file)
	experiment.Measuring(s.file)
	paths, unwritten := writeResults(o.out, s.file)
	fmt.Fprintln(out)
	if err := errors.Join(unwritten, report.Table(out, s.file, columns(out), paths)); err != nil {
		return errors.Join(failure, err)
	}
	fmt.Fprintln(out, next(paths, s.pool))
	if failure == nil && s.file.Run.Partial != "" {
		failure = coded{exitFailure, errors.New("the run is partial: " + s.file.Run.Partial)}
	}
	return failure
}

// early is the error of a run that has nothing to show.
func early(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return coded{exitFailure, errors.New("interrupted before anything was measured; nothing was written")}
	}
	return err
}

// measure runs trials and searches and says of each how it went.
func (s *session) measure(ctx context.Context, dir string, out, progress io.Writer) error {
	bar := newBar(progress)
	defer bar.close()
	e := s.experiment()
	lasts, _ := e.Lasts()
	if total := e.Trials(); total > 0 {
		bar.say(func() { fmt.Fprintln(out, report.LineHeader()) })
		bar.show(0, total, lasts)
	}
	warned := false
	e.Told = func(ev experiment.Event) {
		bar.say(func() {
			fmt.Fprintln(out, report.Line(s.file, &ev.Trial, ev.USD))
			if ev.Again {
				fmt.Fprintln(out, "           This client was busy elsewhere; the trial is done again.")
			}
		})
		bar.show(ev.Done, ev.Total, ev.Left)
		if err := writePartial(dir, *s.file); err != nil && !warned {
			warned = true
			bar.say(func() {
				fmt.Fprintln(progress, complaint(fmt.Errorf("the trials that are done exist in memory only: %w", err)))
			})
		}
	}
	e.Stepped = func(transport string, step result.Step) { bar.note(stepLine(transport, step)) }
	e.Searched = func(found result.Search) { bar.say(func() { fmt.Fprintln(out, searchLine(found)) }) }
	return e.Run(ctx, s.file)
}

// stepLine says how a step of a search went.
func stepLine(transport string, s result.Step) string {
	how := fmt.Sprintf("%6.0f/s", s.Offered)
	if s.Kind == "closed" {
		how = fmt.Sprintf("%3d at once, %6.0f/s", s.Concurrency, s.Achieved)
	}
	verdict := "passed"
	if !s.Passed {
		verdict = s.Because
	}
	return fmt.Sprintf("%-10s search: %s: %s", transport, how, verdict)
}

// searchLine says what a search has found.
func searchLine(s result.Search) string {
	switch {
	case strings.HasPrefix(s.Because, "not decided"):
		return fmt.Sprintf("%-10s %s: %s: %s", s.Transport, s.Phase, s.SLO, s.Because)
	case s.MaxAtSLO == 0:
		return fmt.Sprintf("%-10s %s: no rate keeps %s: %s", s.Transport, s.Phase, s.SLO, s.Because)
	}
	line := fmt.Sprintf("%-10s %s: %.0f/s keep %s; a closed loop reaches %.0f/s", s.Transport, s.Phase, s.MaxAtSLO, s.SLO, s.MaxClosed)
	if s.Because != "" {
		line += "; " + s.Because
	}
	return line
}
