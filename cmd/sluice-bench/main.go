// Command sluice-bench delivers the same records through several transports with the daemon's own code, reads them back,
// and compares.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"sluice/internal/config"
)

func main() { os.Exit(run()) }

// Exit codes, those of sysexits.h where it has one.
const (
	exitFailure = 1
	exitUsage   = 64
	exitConfig  = 78
)

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "sluice-bench:", err)
		if c, ok := err.(coded); ok {
			return c.code
		}
		return exitFailure
	}
	return 0
}

// A coded error ends the program with its code.
type coded struct {
	code int
	error
}

func root() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:               "sluice-bench",
		Short:             "Compare transports on your own records, with the code that the daemon ships",
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
	cmd.AddCommand(runCommand())
	return cmd
}
