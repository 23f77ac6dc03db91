package command

import (
	"strings"
	"testing"
)

func TestWarnsOfVariablesThatAreNotSet(t *testing.T) {
	t.Setenv("COMMAND_TEST_SET", "")
	c := Default()
	c.Env = []string{"COMMAND_TEST_SET", "COMMAND_TEST_UNSET"}
	got := c.Warnings()
	if len(got) != 1 || !strings.Contains(got[0], "COMMAND_TEST_UNSET is not set") {
		t.Errorf("Warnings() = %q, want one, of COMMAND_TEST_UNSET", got)
	}
}
