package main

import (
	"errors"
	"strings"

	"sluice/bench/load"
	"sluice/internal/fault"
)

// Exit codes: those of sysexits.h where it has one.
const (
	exitFailure     = 1  // unexpected, or interrupted
	exitUsage       = 64 // the command line, the workload, a rule
	exitDamaged     = 65 // a results.json that cannot be read
	exitUnavailable = 69 // a destination cannot be used
	exitConfig      = 78 // settings
	exitGate        = 99 // a threshold failed
)

// A coded error ends the program with its code.
type coded struct {
	code int
	error
}

func (c coded) Unwrap() error { return c.error }

// exitCode is the one place that turns an error into an exit code.
func exitCode(err error) int {
	var c coded
	var refused *load.Refusal
	switch {
	case errors.As(err, &c):
		return c.code
	case errors.As(err, &refused):
		return refused.Code
	case errors.As(err, new(*fault.Error)):
		return exitUnavailable
	}
	return exitFailure
}

// complaint is what the program says when it ends with err: one line per problem.
func complaint(err error) string {
	lines := strings.Split(err.Error(), "\n")
	if len(lines) == 1 {
		return "sluice-bench: " + lines[0]
	}
	return "sluice-bench:\n  " + strings.Join(lines, "\n  ")
}
