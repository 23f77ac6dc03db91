package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"sluice/internal/drivers"
	"sluice/internal/telemetry"
)

func healthcheckCommand() *cobra.Command {
	var ready bool
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the running daemon whether it is alive",
		Long: `Asks the admin port (SLUICE_ADMIN_ADDR) for /healthz, or with --ready for /readyz, and ends with 0 if the answer is yes.
For the health check of a container without a shell: ["CMD", "/sluice", "healthcheck"].`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := drivers.Load(0)
			if err != nil {
				return withCode(exitConfig, err)
			}
			path := "/healthz"
			if ready {
				path = "/readyz"
			}
			if err := telemetry.HealthCheck(cmd.Context(), settings.Core.AdminAddr, path); err != nil {
				return withCode(exitFailure, err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "ok")
			return err
		},
	}
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether records flow, and not only whether the process lives")
	return cmd
}
