package main

import (
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/config"
	"sluice/internal/drivers"
)

func envCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "env",
		Short: "List every setting",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withCode(exitUsage, config.Write(cmd.OutOrStdout(), (&drivers.Settings{}).Sections(), format))
		},
	}
	cmd.Flags().StringVar(&format, "format", config.Formats()[0], "one of "+strings.Join(config.Formats(), ", "))
	return cmd
}
