package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"sluice/bench/experiment"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  exactly(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			env := experiment.Machine(version)
			line := "sluice-bench " + env.Version
			if env.Commit != "" {
				line += " (" + env.Commit + ")"
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), line, "go"+env.Go)
			return err
		},
	}
}
