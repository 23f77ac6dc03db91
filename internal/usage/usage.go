// Package usage is how the commands explain themselves: for terminals of Columns columns.
package usage

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// Columns is how wide help may be: the width that terminals open with.
const Columns = 80

// Template is cobra's, short, and with flags that keep to Columns.
const Template = `Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Global Flags:
{{.InheritedFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}
`

// Wide lists the lines of help, of the command and of all under it, that are wider than Columns, and says how many commands
// it has looked at. It writes to the commands' output.
func Wide(cmd *cobra.Command) (lines []string, commands int) {
	var out strings.Builder
	cmd.SetOut(&out)
	cmd.InitDefaultHelpFlag()
	if err := cmd.Help(); err != nil {
		return []string{fmt.Sprintf("%s: %v", cmd.CommandPath(), err)}, 1
	}
	for line := range strings.Lines(out.String()) {
		line = strings.TrimRight(line, "\n")
		if n := utf8.RuneCountInString(line); n > Columns {
			lines = append(lines, fmt.Sprintf("%s: %d columns: %s", cmd.CommandPath(), n, line))
		}
	}
	commands = 1
	for _, sub := range cmd.Commands() {
		more, n := Wide(sub)
		lines, commands = append(lines, more...), commands+n
	}
	return lines, commands
}
