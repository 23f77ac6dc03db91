package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sluice/ingest"
	"sluice/internal/awslocal"
	"sluice/internal/proof"
)

// A named pipe in place of a file hangs whoever opens it, until somebody writes into it. The program says in a sentence what
// it is, and ends.
func TestNamedPipeInPlaceOfAFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		at   func(state, other string) string // where the pipe is
		vars []string                         // PIPE stands for its path
		args []string
		code int
	}{
		{"env file", elsewhere, nil, []string{"--env-file", "PIPE", "run"}, exitConfig},
		{"file of a secret", elsewhere, []string{"SLUICE_HTTP_TOKEN_FILE", "PIPE"}, []string{"run"}, exitConfig},
		{"schema", elsewhere, []string{"SLUICE_SCHEMA_FILE", "PIPE"}, []string{"run"}, exitConfig},
		{"checkpoint", checkpointFile, nil, []string{"run"}, exitDamaged},
		{"checkpoint of run --once", checkpointFile, nil, []string{"run", "--once"}, exitDamaged},
		{"checkpoint that is shown", checkpointFile, nil, []string{"checkpoint", "show"}, exitDamaged},
		{"dead letters", deadLetterFile, nil, []string{"deadletter", "list"}, exitDamaged},
		{"lock of the checkpoint", func(state, _ string) string { return filepath.Join(state, "lock") }, nil, []string{"run"}, exitDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, 1, awslocal.Options{})
			vars := daemonSettings(t, w)
			if err := os.MkdirAll(vars["SLUICE_STATE_DIR"], 0o700); err != nil {
				t.Fatal(err)
			}
			pipe := c.at(vars["SLUICE_STATE_DIR"], t.TempDir())
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			fill := func(templates []string) (filled []string) {
				for _, s := range templates {
					filled = append(filled, strings.ReplaceAll(s, "PIPE", pipe))
				}
				return filled
			}
			p := start(t, with(vars, fill(c.vars)...), fill(c.args)...)
			if code := p.wait(t, soon); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if said := p.said(); !strings.Contains(said, pipe) || !strings.Contains(said, "a named pipe") {
				t.Errorf("it said %q, want that %s is a named pipe", said, pipe)
			}
			proof.Row{Area: "disk", Fault: "a named pipe in place of a file: " + c.name, Action: proof.Exit, Promises: "P12"}.Report(t)
		})
	}
}

func elsewhere(_, other string) string      { return filepath.Join(other, "pipe") }
func checkpointFile(state, _ string) string { return ingest.CheckpointPath(state) }
func deadLetterFile(state, _ string) string { return ingest.DeadLetterPath(state) }

// TestNamedPipeInACase: 'sluice test' names it instead of waiting for somebody to write into it.
func TestNamedPipeInACase(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"001.http", "records.ndjson", "expect.json", "cursor"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "case.env"), []byte("SLUICE_STREAM=s\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
		p := start(t, nil, "test", dir)
		if code := p.wait(t, soon); code != exitFailure || !strings.Contains(p.out.String(), "named pipe") {
			t.Errorf("%s is a named pipe: exit code %d and %q, want %d and that it is one", name, code, p.out.String(), exitFailure)
		}
	}
}
