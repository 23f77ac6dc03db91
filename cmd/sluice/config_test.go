package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"sluice/internal/awslocal"
)

// A mistake in the settings ends the program before it has made a file, also where only the AWS SDK can find it.
func TestWrongSettingsTouchNoFile(t *testing.T) {
	t.Parallel()
	for name, pair := range map[string][2]string{
		"a setting of ours":     {"SLUICE_INFLIGHT", "-1"},
		"a profile that is not": {"AWS_PROFILE", "nonsense"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vars := with(daemonSettings(t, startWorld(t, 10, awslocal.Options{})), pair[0], pair[1])
			code, said := finish(t, vars, "run", "--once")
			if code != exitConfig || !strings.Contains(said, pair[0]) {
				t.Errorf("exit code %d, said %q, want %d and the name of the variable", code, said, exitConfig)
			}
			if _, err := os.Stat(vars["SLUICE_STATE_DIR"]); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the state folder is there (%v), want none", err)
			}
		})
	}
}
