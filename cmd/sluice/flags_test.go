package main

import (
	"regexp"
	"testing"

	"github.com/spf13/cobra"
)

// TestNoFlagTakesASecret: arguments of a process are read by everybody on the machine.
func TestNoFlagTakesASecret(t *testing.T) {
	t.Parallel()
	flag := regexp.MustCompile(`(?m)--([a-z-]+)( [A-Za-z]+)?`) // name, and what it takes, if anything
	telling := regexp.MustCompile(`(?i)token|secret|passw|credential|api-?key|external-?id`)
	flags := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, m := range flag.FindAllStringSubmatch(cmd.Flags().FlagUsages(), -1) {
			flags++
			if telling.MatchString(m[0]) {
				t.Errorf("%s %s sounds like a secret", cmd.CommandPath(), m[0])
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root())
	if flags < 10 {
		t.Errorf("%d flags looked at, want all", flags)
	}
}
