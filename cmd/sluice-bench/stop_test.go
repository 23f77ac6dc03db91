package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/bench/result"
)

// long is a workload that nobody waits for: its trials take a second each, and there are many of them.
const long = `
workload: 1
phases:
  - {name: steady, rate: 200/s, arrivals: constant, duration: 1s}
transports: [sqs, jetstream]
trials: {pairs: 100, order: fixed, warmup: 0s, drain: 60s}
`

// wantPartial checks a run that was ended at begun: soon, with what was finished, and without anything left.
func (s *started) wantPartial(begun time.Time, complaint string) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		s.t.Fatal("it did not end within 20 s")
	}
	if took := time.Since(begun); took > 20*time.Second {
		s.t.Errorf("it ended after %v, want a few seconds", took)
	}
	if code := s.cmd.ProcessState.ExitCode(); code != exitFailure {
		s.t.Errorf("exit code %d, want %d", code, exitFailure)
	}
	if text := s.stderr.String(); !strings.Contains(text, complaint) || strings.Count(text, "sluice-bench:") != 1 {
		s.t.Errorf("it complains %q, want one sentence with %q", text, complaint)
	}
	if !strings.Contains(s.all.String(), "PARTIAL") {
		s.t.Error("the table does not say PARTIAL")
	}
	f, err := result.Read(filepath.Join(s.dir, "bench-results", "results.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	if f.Run.Partial == "" || len(f.Trials) == 0 {
		s.t.Errorf("the results say %q of %d trials, want that they are partial, and the finished ones", f.Run.Partial, len(f.Trials))
	}
	s.wantNothingLeft()
}

// wantNothingLeft checks that no process and no temporary folder of the run are left.
func (s *started) wantNothingLeft() {
	s.t.Helper()
	if pids := s.family(); len(pids) > 0 {
		s.t.Errorf("the processes %v are left", pids)
	}
	left, err := os.ReadDir(s.tmp())
	if err != nil || len(left) > 0 {
		s.t.Errorf("left in the temporary folder: %v %v", left, err)
	}
}

// needProc skips where there is no /proc to look for processes in.
func needProc(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		skip(t, err.Error())
	}
}

func TestSignalEndsARunInTheMiddleOfATrial(t *testing.T) {
	needProc(t)
	t.Parallel()
	for name, send := range map[string]func(pid int) error{
		"Ctrl-C in a terminal": func(pid int) error { return syscall.Kill(-pid, syscall.SIGINT) },
		"SIGINT":               func(pid int) error { return syscall.Kill(pid, syscall.SIGINT) },
		"SIGTERM":              func(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) },
		"SIGHUP":               func(pid int) error { return syscall.Kill(pid, syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, long, nil, "--embedded")
			s.until("jetstream ") // a pair is done
			s.connected(s.sender())
			begun := time.Now()
			if err := send(s.cmd.Process.Pid); err != nil {
				t.Fatal(err)
			}
			s.wantPartial(begun, "the run is partial: interrupted after ")
		})
	}
}

// Whoever kills the program, or pulls the plug, finds the trials that were done.
func TestAKilledRunLeavesWhatWasFinished(t *testing.T) {
	needProc(t)
	t.Parallel()
	s := start(t, long, nil, "--embedded")
	s.until("jetstream ")
	s.until("sqs ")
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.ended
	f, err := result.Read(filepath.Join(s.dir, "bench-results", "results.partial.json"))
	if err != nil {
		t.Fatal(err)
	}
	if f.Run.Partial == "" || len(f.Trials) < 2 {
		t.Errorf("%d trials, partial %q; want those of a pair, and that there were to be more", len(f.Trials), f.Run.Partial)
	}
	s.poll("sender's end", 20*time.Second, func() bool { return len(s.family()) == 0 })
}

// Results that cannot be written are shown all the same: the trials may have cost money.
func TestResultsThatCannotBeWrittenAreShown(t *testing.T) {
	needProc(t)
	t.Parallel()
	s := start(t, long, nil, "--embedded")
	for _, name := range []string{"results.json", "results.partial.json"} { // folders in the way
		if err := os.MkdirAll(filepath.Join(s.dir, "bench-results", name, "full"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.until("jetstream ")
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-s.ended
	if code := s.cmd.ProcessState.ExitCode(); code != exitFailure || !strings.Contains(s.all.String(), "accepted p99") {
		t.Errorf("exit code %d, want %d and the table", code, exitFailure)
	}
	for _, want := range []string{"the trials that are done exist in memory only: ", "results.json: file exists"} {
		if strings.Count(s.stderr.String(), want) == 0 {
			t.Errorf("it complains %q, want %q in it", &s.stderr, want)
		}
	}
	s.wantNothingLeft()
}

func TestSignalRemovesWhatWasMade(t *testing.T) {
	needProc(t)
	t.Parallel()
	w := startWorld(t)
	vars, err := w.settings("sqs", "jetstream")
	if err != nil {
		t.Fatal(err)
	}
	delete(vars, "SLUICE_SQS_QUEUE_URL")
	s := start(t, long, vars)
	s.until("jetstream ")
	s.sending(w)
	if names, err := w.queues(t.Context()); err != nil || len(names) != 2 || !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "sluice-bench-") }) {
		t.Fatalf("during the run there are the queues %q, %v; want one of the run's own", names, err)
	}
	for _, pid := range s.family() {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err := clean(string(line), w.secrets()); err != nil {
			t.Errorf("who lists processes sees it: %v", err)
		}
	}
	begun := time.Now()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	s.wantPartial(begun, "the run is partial: interrupted after ")
	if names, err := w.queues(t.Context()); err != nil || !slices.Equal(names, []string{"records"}) {
		t.Errorf("there are the queues %q, %v; want the one that was there before", names, err)
	}
	if names, err := w.streams(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("there are the streams %q, %v; want none", names, err)
	}
}

// TestSignalBeforeTheFirstTrialIsDone: nothing was measured, so older results stay as they are.
func TestSignalBeforeTheFirstTrialIsDone(t *testing.T) {
	needProc(t)
	t.Parallel()
	s := start(t, strings.Replace(long, "duration: 1s", "duration: 60s", 1), nil, "--embedded")
	s.until("transport ")
	s.connected(s.sender())
	begun := time.Now()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-s.ended
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it ended after %v, want a few seconds", took)
	}
	if code, text := s.cmd.ProcessState.ExitCode(), s.stderr.String(); code != exitFailure || !strings.Contains(text, "interrupted before anything was measured; nothing was written") {
		t.Errorf("exit code %d and %q", code, text)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "bench-results")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder for the results: %v, want none", err)
	}
	s.wantNothingLeft()
}

func TestASenderThatIsKilledEndsTheRun(t *testing.T) {
	needProc(t)
	t.Parallel()
	s := start(t, long, nil, "--embedded")
	s.until("sqs ")
	pid := s.sender()
	s.connected(pid)
	begun := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.wantPartial(begun, "the sender ended before it was done: signal: killed")
}

func TestADestinationThatGoesAwayEndsTheRun(t *testing.T) {
	needProc(t)
	t.Parallel()
	w := startWorld(t)
	vars, err := w.settings("sqs")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, strings.Replace(long, "drain: 60s", "drain: 1s", 1), vars, "--transports", "sqs")
	s.until("sqs ")
	s.sending(w)
	w.http.CloseClientConnections()
	w.http.Close()
	<-s.ended
	text := s.stderr.String()
	if code := s.cmd.ProcessState.ExitCode(); code != exitUnavailable || !strings.Contains(text, "connection refused") {
		t.Errorf("exit code %d and %q, want %d and that nobody is there", code, text, exitUnavailable)
	}
	if err := clean(text+s.all.String(), w.secrets()); err != nil {
		t.Error(err)
	}
	f, err := result.Read(filepath.Join(s.dir, "bench-results", "results.json"))
	if err != nil || !strings.HasPrefix(f.Run.Partial, "failed after ") || len(f.Trials) == 0 {
		t.Errorf("results %v, want partial ones with what was finished: %v", f, err)
	}
	s.wantNothingLeft()
}

// TestNobodyReadsTheTable: a closed pipe is no reason to leave a queue behind, or to lose what was measured.
func TestNobodyReadsTheTable(t *testing.T) {
	needProc(t)
	t.Parallel()
	w := startWorld(t)
	vars, err := w.settings("sqs")
	if err != nil {
		t.Fatal(err)
	}
	delete(vars, "SLUICE_SQS_QUEUE_URL")
	program, err := exec.LookPath("sluice-bench")
	if err != nil {
		t.Fatal(err)
	}
	workload, err := filepath.Abs("testdata/tiny.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "run", "--workload", workload, "--transports", "sqs", "--out", filepath.Join(t.TempDir(), "out"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "AWS_EC2_METADATA_DISABLED=true"}
	for name, value := range vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = out.Close() // before the first line
	cmd.Stdout = in
	err = cmd.Run()
	_ = in.Close()
	if state := cmd.ProcessState; state == nil || !state.Exited() {
		t.Errorf("it ended with %v (%v), want an exit code", state, err)
	}
	if _, err := result.Read(cmd.Args[len(cmd.Args)-1] + "/results.json"); err != nil {
		t.Error(err)
	}
	if names, err := w.queues(t.Context()); err != nil || !slices.Equal(names, []string{"records"}) {
		t.Errorf("there are the queues %q, %v; want the one that was there before", names, err)
	}
}

func TestASenderEndsWithTheRun(t *testing.T) {
	needProc(t)
	t.Parallel()
	w := startWorld(t)
	vars, err := w.settings("sqs")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, strings.Replace(long, "duration: 1s", "duration: 60s", 1), vars, "--transports", "sqs")
	s.sending(w)
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.ended
	s.poll("the end of the sender", 5*time.Second, func() bool { return len(s.family()) == 0 })
}
