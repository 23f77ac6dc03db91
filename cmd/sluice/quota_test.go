package main

import (
	"strings"
	"testing"

	"sluice/internal/awslocal"
)

// TestStatusShowsTheLimitsOfTheSource, in the words that fetch has for them.
func TestStatusShowsTheLimitsOfTheSource(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 1, awslocal.Options{})
	p := start(t, with(daemonSettings(t, w), "SLUICE_HTTP_REQUESTS_PER", "1000/1m"), "run")
	admin := p.admin(t)
	eventually(t, "the limits in the status", func() bool {
		return strings.HasPrefix(currentStatus(t, admin).Source.Quota, "own budget 1000/1m0s, ")
	})
}
