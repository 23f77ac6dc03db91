package main

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/spf13/cobra"

	"sluice/internal/config"
	"sluice/internal/drivers"
	"sluice/internal/telemetry"
)

func healthcheckCommand() *cobra.Command {
	var ready bool
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the running daemon whether it is alive",
		Long: `Asks the admin port (SLUICE_ADMIN_ADDR) for /healthz, or with --ready for
/readyz, and ends with 0 if the answer is yes. For the health check of a
container without a shell: ["CMD", "/sluice", "healthcheck"].`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := drivers.Load(0)
			if err != nil {
				return withCode(exitConfig, err)
			}
			addr := settings.Core.AdminAddr
			if addr == config.AdminOff {
				return withCode(exitConfig, errors.New("SLUICE_ADMIN_ADDR is off, so there is nothing to ask; set it to the address that the daemon has"))
			}
			path := "/healthz"
			if ready {
				path = "/readyz"
			}
			err = telemetry.HealthCheck(cmd.Context(), addr, path, settings.Core.AdminToken)
			if errors.Is(err, syscall.ECONNREFUSED) {
				err = fmt.Errorf("nobody listens on %s: the daemon is not running, or its SLUICE_ADMIN_ADDR is another one", addr)
			}
			if err != nil {
				return withCode(exitFailure, err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "ok")
			return err
		},
	}
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether records flow, and not only whether the process lives")
	return cmd
}
