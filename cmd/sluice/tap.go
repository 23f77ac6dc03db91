package main

import (
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"sluice/internal/config"
	"sluice/internal/drivers"
	"sluice/internal/telemetry"
)

func tapCommand() *cobra.Command {
	var wish telemetry.TapWish
	var addr string
	var raw bool
	cmd := &cobra.Command{
		Use:   "tap",
		Short: "Watch records pass through the running daemon",
		Long: `Shows what passes through the running daemon, from its admin port: items as they
were read, the records made of them, and what has come of them. Secrets are
taken out, and long bodies cut. It shows at most 100 a second and drops what it
is too slow for: delivery never waits for it.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stages := telemetry.Stages()
			switch {
			case wish.Stage != "" && !slices.Contains(stages, wish.Stage):
				return withCode(exitUsage, fmt.Errorf("--stage is %q, want one of %s", wish.Stage, strings.Join(stages, ", ")))
			case !(wish.Sample > 0 && wish.Sample <= 1):
				return withCode(exitUsage, fmt.Errorf("--sample is %v, want a share above 0 and up to 1", wish.Sample))
			case wish.Limit < 0:
				return withCode(exitUsage, fmt.Errorf("--limit is %d, want 0 or more", wish.Limit))
			}
			settings, err := drivers.Load(0)
			if err != nil {
				return withCode(exitConfig, err)
			}
			if addr == "" {
				addr = settings.Core.AdminAddr
			}
			if addr == config.AdminOff {
				return withCode(exitConfig, errors.New("SLUICE_ADMIN_ADDR is off, so there is nothing to ask; set it, or --addr, to the address that the daemon has"))
			}
			signal.Ignore(syscall.SIGPIPE)
			out := cmd.OutOrStdout()
			err = telemetry.Tap(cmd.Context(), addr, settings.Core.AdminToken, wish, func(line []byte, l telemetry.TapLine) error {
				if raw {
					_, err := fmt.Fprintln(out, legible(string(line)))
					return err
				}
				return tapLine(out, l)
			})
			switch {
			case errors.Is(err, syscall.EPIPE):
				return nil
			case errors.Is(err, syscall.ECONNREFUSED):
				return withCode(exitUnavailable, fmt.Errorf("nobody listens on %s: the daemon is not running, or its SLUICE_ADMIN_ADDR is another one", addr))
			}
			return withCode(exitFailure, err)
		},
	}
	cmd.Flags().StringVar(&wish.Stage, "stage", "", "only this `stage`: "+strings.Join(telemetry.Stages(), ", "))
	cmd.Flags().IntVar(&wish.Limit, "limit", 0, "end after so many; 0: go on until interrupted")
	cmd.Flags().Float64Var(&wish.Sample, "sample", 1, "`share` of what passes that is shown, above 0 and up to 1")
	cmd.Flags().StringVar(&addr, "addr", "", "`address` of the admin port; empty: SLUICE_ADMIN_ADDR")
	cmd.Flags().BoolVar(&raw, "json", false, "print lines of JSON, as they come")
	return cmd
}

// tapLine prints a sighting for people, in two lines.
func tapLine(out io.Writer, l telemetry.TapLine) error {
	what := l.Stage
	if l.Fate != "" {
		what = strings.ReplaceAll(l.Fate, "_", " ")
	}
	line := fmt.Sprintf("%s  %-9s  %-26s  %s", l.Time.Local().Format("15:04:05.000"), what, oneLine([]byte(l.ID), 26), count(l.Bytes, "byte", "bytes"))
	if l.Key != "" {
		line += "  key " + oneLine([]byte(l.Key), 12)
	}
	if l.Dropped > 0 {
		line += fmt.Sprintf("  (%d not shown)", l.Dropped)
	}
	if l.Reason != "" {
		line += "\n  why  " + oneLine([]byte(strings.TrimPrefix(l.Position+": ", ": ")+l.Reason+": "+l.Message), 500)
	}
	data := l.Data
	if l.DataBase64 != "" {
		data = "base64 " + l.DataBase64
	}
	_, err := fmt.Fprintf(out, "%s\n  %s\n", line, oneLine([]byte(data), screen-2))
	return err
}
