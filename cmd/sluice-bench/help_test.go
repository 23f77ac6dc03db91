package main

import (
	"testing"

	"sluice/internal/usage"
)

// TestHelpFitsTheScreen: that of every command, however deep.
func TestHelpFitsTheScreen(t *testing.T) {
	t.Parallel()
	wide, commands := usage.Wide(root())
	for _, line := range wide {
		t.Error(line)
	}
	if commands < 7 {
		t.Errorf("looked at %d commands, want all", commands)
	}
}
