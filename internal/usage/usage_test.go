package usage_test

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"sluice/internal/usage"
)

// TestFindsWhatIsTooWide in what a command says about itself, about those under it and about its flags.
func TestFindsWhatIsTooWide(t *testing.T) {
	t.Parallel()
	run := func(*cobra.Command, []string) {}
	tests := map[string]struct {
		make func() *cobra.Command
		want string // in the only line found; "": none is
	}{
		"a long flag is broken into lines": {func() *cobra.Command {
			c := &cobra.Command{Use: "a", Run: run}
			c.Flags().Bool("x", false, strings.Repeat("word ", 40))
			return c
		}, ""},
		"a line of exactly all columns": {func() *cobra.Command {
			return &cobra.Command{Use: "a", Run: run, Long: strings.Repeat("é", usage.Columns)}
		}, ""},
		"a line of one column more": {func() *cobra.Command {
			return &cobra.Command{Use: "a", Run: run, Long: strings.Repeat("é", usage.Columns+1)}
		}, "a: 81 columns: éé"},
		"a subcommand's own text": {func() *cobra.Command {
			c := &cobra.Command{Use: "a", Run: run}
			c.AddCommand(&cobra.Command{Use: "b", Run: run, Short: "short", Long: strings.Repeat("b", 90)})
			return c
		}, "a b: 90 columns: bb"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := tt.make()
			cmd.SetUsageTemplate(usage.Template)
			got, _ := usage.Wide(cmd)
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("got %q, want nothing", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
				t.Errorf("got %q, want one line with %q", got, tt.want)
			}
		})
	}
}
