package main

import (
	"github.com/spf13/cobra"

	"sluice/internal/config"
)

// root returns the command line of the program.
func root() *cobra.Command {
	var files []string
	var loaded []*config.EnvFile
	cmd := &cobra.Command{
		Use:   "sluice",
		Short: "Pull records from a source and deliver each of them, at least once, into AWS",
		Long: `Sluice pulls records from an HTTP API and delivers each of them, at least once, into AWS: through an SQS queue or
through an API Gateway endpoint. SLUICE_TRANSPORT switches between the two. All settings are environment
variables; 'sluice env' lists them.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:              usageArgs(cobra.NoArgs),
		PersistentPreRunE: func(*cobra.Command, []string) error {
			for _, path := range files {
				file, err := config.LoadEnvFile(path)
				if err != nil {
					return withCode(exitConfig, err)
				}
				loaded = append(loaded, file)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringArrayVar(&files, "env-file", nil, "file of `NAME=value` lines; variables set already win (repeatable)")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return withCode(exitUsage, err) })
	cmd.AddCommand(runCommand(&loaded), demoCommand(), localCommand(), sendCommand(), validateCommand(), envCommand(),
		checkpointCommand(), healthcheckCommand(), versionCommand())
	return cmd
}

// usageArgs makes the errors of an argument check usage errors.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error { return withCode(exitUsage, check(cmd, args)) }
}
