//go:build !linux

package file_test

import (
	"os"
	"testing"
)

// unprivileged calls do, unless this user may read everything.
func unprivileged(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("SKIPPED: this user may read everything, and only on Linux can a thread be somebody else")
	}
	do()
}
