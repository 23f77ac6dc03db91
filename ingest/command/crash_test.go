package command

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"sluice/ingest"
	"sluice/transport"
)

// A ledger is a destination that writes what it accepts into a file, and kills its process at a Send.
type ledger struct {
	file   *os.File
	sends  int
	killAt int  // the Send that does not return; 0: none
	before bool // it dies before it has written
}

func (l *ledger) Capabilities() transport.Capabilities {
	return transport.Capabilities{MaxRecords: 3, MaxInFlight: 1}
}
func (l *ledger) Size(r transport.Record) int { return len(r.Body) }
func (l *ledger) Close() error                { return l.file.Close() }

func (l *ledger) Send(_ context.Context, recs []transport.Record) []transport.Result {
	l.sends++
	die := func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} }
	if l.sends == l.killAt && l.before {
		die()
	}
	for _, r := range recs {
		if _, err := l.file.Write(append(r.Body, '\n')); err != nil {
			panic(err)
		}
	}
	if l.sends == l.killAt {
		die()
	}
	return make([]transport.Result, len(recs))
}

// daemon DIR ORIGIN FORMAT PROGRAM KILLAT BEFORE delivers what there is, and dies at a Send.
func daemon(args []string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	cfg := config(self(args[3], args[1], "4", "--state", "{state}"))
	switch cfg.Format = args[2]; {
	case args[3] == "cat":
		cfg.Argv = self("cat", args[1])
	case args[3] == "marks":
		cfg.Argv = self("marks", args[1], "4", "--from", "{cursor}")
	default:
		cfg.Stream = "events"
	}
	source, err := New(cfg)
	fail(err)
	checkpoint, err := ingest.OpenCheckpoint(context.Background(), ingest.CheckpointOptions{Dir: args[0], Fingerprint: source.Fingerprint()})
	fail(err)
	file, err := os.OpenFile(filepath.Join(args[0], "accepted"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	fail(err)
	l := &ledger{file: file, before: args[5] == "true"}
	l.killAt, err = strconv.Atoi(args[4])
	fail(err)
	p := &ingest.Pipeline{Source: source, Parse: ingest.Naming{Stream: "crash"}.Parser(), Deliverer: &transport.Deliverer{Transport: l},
		Checkpoint: checkpoint, DeadLetter: ingest.OpenDeadLetter(args[0]), Once: true}
	fail(p.Run(context.Background()))
	fail(source.Close())
	fail(checkpoint.Close())
}

// TestNoRecordIsLostWhenTheDaemonIsKilledAtEverySend kills a daemon at its first Send, its second, and so on, each time with
// new records in the origin, and starts it again until it ends by itself. What is there then is all, in no more copies than
// there were crashes.
func TestNoRecordIsLostWhenTheDaemonIsKilledAtEverySend(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ format, program string }{{"ndjson", "cat"}, {"ndjson", "marks"}, {"singer", "tap"}, {"singer", "again"}} {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprint(tc.program, ", before the records are there: ", before), func(t *testing.T) {
				t.Parallel()
				o, dir := newOrigin(t, 13, object), t.TempDir()
				crashes := 0
				for killAt := 1; ; killAt++ {
					argv := self("daemon", dir, o.file, tc.format, tc.program, strconv.Itoa(min(killAt, 3)), strconv.FormatBool(before)).words
					if killAt > 12 {
						argv[len(argv)-2] = "0"
					}
					out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
					if err == nil {
						break
					}
					if state, ok := err.(*exec.ExitError); !ok || !state.Sys().(syscall.WaitStatus).Signaled() { //nolint:errorlint // as exec returns it
						t.Fatalf("the daemon: %v\n%s", err, out)
					}
					crashes++
					o.add(1)
				}
				if crashes < 2 {
					t.Fatalf("%d crashes, want more", crashes)
				}
				text, err := os.ReadFile(filepath.Join(dir, "accepted"))
				if err != nil {
					t.Fatal(err)
				}
				copies := map[string]int{}
				for line := range strings.Lines(string(text)) {
					copies[strings.TrimSpace(line)]++
				}
				for i := range o.n {
					if n := copies[object(i)]; n == 0 || n > crashes+2 {
						t.Errorf("record %d is there %d times after %d crashes", i, n, crashes)
					}
				}
				if len(copies) != o.n {
					t.Errorf("%d different records, want %d", len(copies), o.n)
				}
			})
		}
	}
}
