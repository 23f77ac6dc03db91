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
	cmd := &cobra.Command{
		Use:   "sluice-bench",
		Short: "Queue or gateway? Compare transports on your own workload",
		Long: `Delivers the same records through several transports, in interleaved trials and
with the code that the daemon ships, receives them at the far end, accounts for
every one of them, and compares latency, throughput, loss and cost. Begin with

  sluice-bench run --embedded

which needs no account and no settings.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:              exactly(0, ""),
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
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return coded{exitUsage, fmt.Errorf("%w; '%s --help' lists the flags", err, cmd.CommandPath())}
	})
	cmd.SetUsageTemplate(usage.Template)
	cmd.SetHelpCommand(helpCommand(cmd))
	cmd.AddCommand(runCommand(&files), reportCommand(), compareCommand(), gateCommand(), adviseCommand(), versionCommand(), senderCommand())
	return cmd
}

// helpCommand is cobra's, but for a command that there is not it fails.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{Use: "help [COMMAND]", Short: "Help about any command", RunE: func(_ *cobra.Command, args []string) error {
		cmd, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return exactly(0, "")(cmd, rest)
		}
		cmd.InitDefaultHelpFlag() // so that --help is among the flags here too
		return cmd.Help()
	}}
}

// exactly wants so many arguments. Where there are subcommands, the first argument was meant to be one.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		path := cmd.CommandPath()
		switch {
		case len(args) == n:
			return nil
		case n > 0:
			return coded{exitUsage, fmt.Errorf("'%s' needs %s, got %d arguments", path, what, len(args))}
		case !cmd.HasAvailableSubCommands():
			return coded{exitUsage, fmt.Errorf("'%s' takes no argument such as %q; '%s --help' says what it takes", path, args[0], path)}
		}
		hint := fmt.Sprintf("'%s --help' lists the commands", path)
		cmd.SuggestionsMinimumDistance = 2
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = fmt.Sprintf("did you mean '%s %s'?", path, near[0])
		}
		return coded{exitUsage, fmt.Errorf("there is no command '%s %s'; %s", path, args[0], hint)}
	}
}
