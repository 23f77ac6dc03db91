package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/internal/telemetry"
)

func versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			build := telemetry.ReadBuild(version)
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(build)
			}
			line := "sluice " + build.Version
			if build.Revision != "" {
				line += " (" + build.Revision + ")"
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), line, build.Go)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
