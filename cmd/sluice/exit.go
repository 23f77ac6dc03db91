package main

import (
	"errors"
	"strings"

	"sluice/ingest"
	"sluice/internal/atomicfile"
	"sluice/internal/fault"
)

// Exit codes, those of sysexits.h where it has one.
const (
	exitFailure     = 1  // unexpected
	exitUsage       = 64 // a command line that makes no sense
	exitDamaged     = 65 // the checkpoint or a dead letter is damaged, of a newer program, or no file
	exitMissing     = 66 // the state folder is not there
	exitUnavailable = 69 // source or destination cannot be used, and we were told not to wait
	exitHeld        = 75 // another process holds the checkpoint
	exitConfig      = 78 // settings
)

// A coded error ends the program with its code.
type coded struct {
	code int
	error
}

func (c coded) Unwrap() error { return c.error }

// withCode gives err an exit code; nil stays nil.
func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return coded{code, err}
}

// exitCode is the one place that turns an error into an exit code.
func exitCode(err error) int {
	var c coded
	switch {
	case errors.As(err, &c):
		return c.code
	case errors.Is(err, ingest.ErrCheckpointDamaged), errors.Is(err, ingest.ErrCheckpointNewer), errors.As(err, new(*atomicfile.SpecialFile)):
		return exitDamaged
	case errors.Is(err, ingest.ErrCheckpointForeign):
		return exitConfig
	case errors.Is(err, ingest.ErrCheckpointLocked), errors.Is(err, ingest.ErrCheckpointTaken):
		return exitHeld
	case errors.As(err, new(*fault.Error)):
		return exitUnavailable
	}
	return exitFailure
}

// complaint is what the program says when it ends with err: one line per problem.
func complaint(err error) string {
	lines := strings.Split(err.Error(), "\n")
	if len(lines) == 1 {
		return "sluice: " + lines[0]
	}
	return "sluice:\n  " + strings.Join(lines, "\n  ")
}
