// Command sluice-bench compares transports on the user's own workload, with the code that the daemon ships, and says which
// of them to choose.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"sluice/bench/load"
	"sluice/internal/config"
)

// version is set by the build.
var version = "unknown"

func main() { os.Exit(run()) }

// Exit codes: those of sysexits.h where it has one.
const (
	exitFailure     = 1
	exitUsage       = 64 // the command line, the workload, a rule
	exitDamaged     = 65 // a results.json that cannot be read
	exitUnavailable = 69 // a destination cannot be used
	exitConfig      = 78 // settings
	exitGate        = 99 // a threshold failed
)

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "sluice-bench:", err)
		return exitCode(err)
	}
	return 0
}

// A coded error ends the program with its code.
type coded struct {
	code int
	error
}

func (c coded) Unwrap() error { return c.error }

// exitCode is the code that an error ends the program with.
func exitCode(err error) int {
	if c := (coded{}); errors.As(err, &c) {
		return c.code
	}
	if refused := (*load.Refusal)(nil); errors.As(err, &refused) {
		return refused.Code
	}
	return exitFailure
}

func root() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "sluice-bench",
		Short: "Queue or gateway? Compare transports on your own workload, with the code that the daemon ships",
		Long: `Delivers the same records through several transports, in interleaved trials,
receives them at the far end, accounts for every one of them, and compares
latency, throughput, loss and cost. Begin with

  sluice-bench run --embedded

which needs no account and no settings.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			for _, path := range files {
				if _, err := config.LoadEnvFile(path); err != nil {
					return coded{exitConfig, err}
				}
			}
			return nil
		},
	}
	cmd.PersistentFlags().StringArrayVar(&files, "env-file", nil, "`file` of NAME=value lines; what is set already wins")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return coded{exitUsage, err} })
	cmd.AddCommand(runCommand(), reportCommand(), compareCommand(), gateCommand(), adviseCommand(), senderCommand())
	return cmd
}
