package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"sluice/internal/config"
	"sluice/internal/usage"
)

// root returns the command line of the program.
func root() *cobra.Command {
	var files []string
	var loaded []*config.EnvFile
	cmd := &cobra.Command{
		Use:   "sluice",
		Short: "Pull records from a source and deliver each of them, at least once, into AWS",
		Long: `Sluice pulls records from an HTTP API, from files, from a program, from a
bucket of S3 or from PostgreSQL (SLUICE_SOURCE) and delivers each of them, at
least once, into AWS: through an SQS queue or through an API Gateway endpoint
(SLUICE_TRANSPORT).
All settings are environment variables; 'sluice env' lists them. 'sluice fetch'
shows what a source has.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:              noArgs,
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
	cmd.PersistentFlags().StringArrayVar(&files, "env-file", nil, "`file` of NAME=value lines; what is set already wins")
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return withCode(exitUsage, fmt.Errorf("%w; '%s --help' lists the flags", err, cmd.CommandPath()))
	})
	cmd.SetUsageTemplate(usage.Template)
	cmd.SetHelpCommand(helpCommand(cmd))
	cmd.AddCommand(runCommand(&loaded), demoCommand(), localCommand(), sendCommand(), fetchCommand(), testCommand(&files), tapCommand(), validateCommand(), envCommand(),
		checkpointCommand(), deadLetterCommand(), healthcheckCommand(), versionCommand())
	return cmd
}

// helpCommand is cobra's, but for a command that there is not it fails.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{Use: "help [COMMAND]", Short: "Help about any command", RunE: func(_ *cobra.Command, args []string) error {
		cmd, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return noArgs(cmd, rest)
		}
		cmd.InitDefaultHelpFlag() // so that --help is among the flags here too
		return cmd.Help()
	}}
}

// noArgs refuses arguments. Where there are subcommands, the first argument was meant to be one.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	path := cmd.CommandPath()
	if !cmd.HasAvailableSubCommands() {
		return withCode(exitUsage, fmt.Errorf("'%s' takes no argument such as %q; '%s --help' says what it takes", path, args[0], path))
	}
	cmd.SuggestionsMinimumDistance = 2
	hint := fmt.Sprintf("'%s --help' lists the commands", path)
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("did you mean '%s %s'?", path, near[0])
	}
	return withCode(exitUsage, fmt.Errorf("there is no command '%s %s'; %s", path, args[0], hint))
}
