package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sluice/bench/report"
	"sluice/bench/result"
)

func reportCommand() *cobra.Command {
	var out string
	var pictures bool
	cmd := &cobra.Command{
		Use:   "report results.json",
		Short: "Make table, page and CSV files again from results",
		Long: `Makes everything that 'run' has shown again, from results.json alone: the table
here, and report.html, trials.csv and series.csv beside the file, or in --out.
With --screenshots also pictures of the page's top in both themes, which takes a
Chromium.`,
		Args: exactly(1, "a results.json"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := readResults(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Dir(args[0])
			}
			paths, err := writeReports(out, f)
			if err != nil {
				return err
			}
			paths.Results = args[0]
			if pictures {
				if paths.Pictures, err = screenshots(cmd.Context(), paths.HTML); err != nil {
					return err
				}
			}
			return report.Table(cmd.OutOrStdout(), f, columns(cmd.OutOrStdout()), paths)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`folder` for the files; unset: that of results.json")
	cmd.Flags().BoolVar(&pictures, "screenshots", false, "write report-light.png and report-dark.png too")
	return cmd
}

func compareCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "compare A.json B.json",
		Short: "Compare two runs of the same workload",
		Long: `Prints by how much each metric changed from the first run to the second. It
refuses, with 78, if workload, records, kind of target, consumer or batching
differ, and says which; other differences it only names. The runs were not
interleaved, so there is no verdict: whatever changed between them is in the
numbers.`,
		Args: exactly(2, "two files"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := readResults(args[0])
			if err != nil {
				return err
			}
			b, err := readResults(args[1])
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			err = report.Comparison(out, a, b, columns(out), force)
			if errors.As(err, new(*result.NotComparable)) {
				return coded{exitConfig, err}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "compare what is not comparable, and say so")
	return cmd
}

func gateCommand() *cobra.Command {
	var rules []string
	var baseline string
	var o result.GateOptions
	cmd := &cobra.Command{
		Use:   "gate results.json --fail-if RULE ...",
		Short: "Fail with 99 if a run breaks a rule: for CI",
		Long: `Ends with 99 if a rule is met. A rule is [TRANSPORT.]METRIC[@PHASE] [ratio] OP
NUMBER[UNIT], such as

  --fail-if 'lost > 0' --fail-if 'sqs.accept.p99 > 200ms'
  --baseline main.json --fail-if 'processed.p99 ratio > 1.10'

A rule fails if its whole 95 % interval is beyond the limit: if the regression
is proved. With --strict it fails unless the whole interval is within: unless
all is proved well.`,
		Args: exactly(1, "a results.json"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := readResults(args[0])
			if err != nil {
				return err
			}
			var base *result.File
			if baseline != "" {
				if base, err = readResults(baseline); err != nil {
					return err
				}
			}
			return gate(cmd.OutOrStdout(), f, base, rules, o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&rules, "fail-if", nil, "`rule`; may be given several times")
	f.StringVar(&baseline, "baseline", "", "`file` with the results that ratios relate to")
	f.BoolVar(&o.Strict, "strict", false, "fail unless the interval is within the limit")
	f.BoolVar(&o.FailUndecided, "fail-inconclusive", false, "fail if the interval has the limit in it")
	f.BoolVar(&o.Force, "force", false, "use a baseline that is not comparable, and say so")
	return cmd
}

func gate(out io.Writer, f, baseline *result.File, rules []string, o result.GateOptions) error {
	g, err := result.Gate(f, baseline, rules, o)
	switch {
	case errors.As(err, new(*result.RuleError)):
		return coded{exitUsage, err}
	case errors.As(err, new(*result.NotComparable)):
		return coded{exitConfig, err}
	case err != nil:
		return coded{exitDamaged, err}
	}
	if err := report.Gate(out, g, columns(out)); err != nil {
		return err
	}
	if g.Failed {
		return coded{exitGate, errors.New("the gate is shut")}
	}
	return nil
}

// readResults reads a file of results.
func readResults(path string) (*result.File, error) {
	f, err := result.Read(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, coded{exitUsage, fmt.Errorf("there is no file %s", path)}
	}
	if err != nil {
		return nil, coded{exitDamaged, err}
	}
	return f, nil
}
