package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"sluice/ingest"
	"sluice/ingest/format"
	"sluice/internal/fault"
)

// op is the name of what fails, in every error of this package.
const op = "command"

// name is how the program is called in messages.
func (c Config) name() string {
	return ingest.OneLine(filepath.Base(c.Argv.words[0]), 60)
}

// unstartable is the verdict on a program that could not be started.
func unstartable(cfg Config, err error) error {
	var lasting string
	switch {
	case cfg.Dir != "" && !isFolder(cfg.Dir): // the error does not tell it from a program that is not there
		lasting = "SLUICE_COMMAND_DIR cannot be entered"
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrDot):
		lasting = "there is no such program; install it, or correct SLUICE_COMMAND_ARGV"
	case errors.Is(err, fs.ErrPermission):
		lasting = "it may not be executed; make it executable for the user of the daemon, or correct SLUICE_COMMAND_ARGV"
	case errors.Is(err, syscall.ENOEXEC):
		lasting = "it is no program for this machine; a script needs a first line such as #!/bin/sh"
	case errors.Is(err, syscall.E2BIG):
		lasting = "its arguments are too long"
	}
	if lasting != "" {
		return &fault.Error{Class: fault.Blocked, Reason: "command_missing", Op: op, Err: fmt.Errorf("%s cannot be started: %s", cfg.name(), lasting)}
	}
	return &fault.Error{Reason: "command_failed", Op: op, Err: fmt.Errorf("%s cannot be started: %w", cfg.name(), bare(err))}
}

// bare is err without the path in it, which may hold anything.
func bare(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

// failed is the verdict on a run that has ended with anything but 0.
func failed(cfg Config, state *os.ProcessState, said string) error {
	how := fmt.Sprintf("has ended with exit code %d", state.ExitCode())
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		how = fmt.Sprintf("was ended by a signal (%v)", status.Signal())
	}
	return &fault.Error{Reason: "command_failed", Op: op, Err: fmt.Errorf("%s %s%s", cfg.name(), how, said)}
}

// overdue is the verdict on a run that took too long.
func overdue(cfg Config, what string) error {
	return &fault.Error{Reason: "timeout", Op: op, Err: fmt.Errorf("%s was given up: %s", cfg.name(), what)}
}

// unreadable is the verdict on output that is not what Format says. It shows no data.
func unreadable(cfg Config, line int64, err error) error {
	if at, ok := errors.AsType[*format.Error](err); ok {
		line, err = at.Line, at.Err
	}
	return &fault.Error{Class: fault.Blocked, Reason: "bad_output", Op: op, Err: fmt.Errorf(
		"line %d of what %s has printed cannot be used: %w (SLUICE_COMMAND_FORMAT is %s)", line, cfg.name(), err, cfg.Format)}
}
