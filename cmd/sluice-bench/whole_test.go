package main

import "testing"

// whole skips, aloud, a test that runs whole benchmarks in real time where only the short form is asked for. Such tests say
// nothing about the promises of delivery; .ci/run runs them by themselves.
func whole(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: runs whole benchmarks in real time; go test without -short runs it")
	}
}
