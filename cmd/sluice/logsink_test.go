package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"sluice/examples/earthquakes"
	"sluice/internal/awslocal"
	"sluice/internal/proof"
)

// A logPipe is a pipe of the kernel between the program's standard error and this test, which need not read it.
type logPipe struct {
	r, w *os.File
	in   *bufio.Scanner
}

// launchInto starts the program with its standard error going into a pipe that nobody reads but through the logPipe.
func launchInto(t *testing.T, vars map[string]string, args ...string) (*process, *logPipe) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	l := &logPipe{r: r, w: w, in: bufio.NewScanner(r)}
	p := &process{cmd: exec.Command(program(t), args...), done: make(chan struct{}), changed: make(chan struct{})}
	p.cmd.Env = environ(os.Getenv("PATH"), vars)
	p.cmd.Stderr = w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		_, _ = r.Close(), w.Close()
	})
	return p, l
}

// admin reads the log as far as the line with the address of the admin port.
func (l *logPipe) admin(t *testing.T) string {
	t.Helper()
	for l.in.Scan() {
		var line struct{ Msg, URL string }
		if json.Unmarshal(l.in.Bytes(), &line) == nil && line.Msg == "admin port" {
			return line.URL
		}
	}
	t.Fatal("the log ended without the address of the admin port")
	return ""
}

// fill writes into the pipe until it is full.
func (l *logPipe) fill(t *testing.T) {
	t.Helper()
	// A description of its own: not to wait must not become a habit of the program too.
	f, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", l.w.Fd()), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("SKIPPED: this system cannot open a pipe again: %v", err)
	}
	defer f.Close()
	for _, size := range []int{4096, 1} {
		for {
			if _, err := syscall.Write(int(f.Fd()), bytes.Repeat([]byte("\n"), size)); err != nil {
				break
			}
		}
	}
}

var droppedLines = regexp.MustCompile(`(?m)^sluice_log_lines_dropped_total (\d+)$`)

func TestRecordsFlowThoughNobodyTakesTheLog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault string
		spoil func(*testing.T, *logPipe)
	}{
		"full pipe":   {"log goes into a full pipe that nobody reads", func(t *testing.T, l *logPipe) { l.fill(t) }},
		"closed pipe": {"log goes into a pipe whose reader has ended", func(_ *testing.T, l *logPipe) { _ = l.r.Close() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, 40, awslocal.Options{})
			vars := daemonSettings(t, w)
			p, log := launchInto(t, vars, "run")
			admin := log.admin(t)
			eventually(t, "the first records", func() bool { return accepted(t, admin) == 40 })
			c.spoil(t, log)
			var lost int
			within(t, 3*soon, "more lines than wait for a reader", func() bool { // each SIGHUP makes one, unless the one before is unread
				for range 20 {
					p.signal(t, syscall.SIGHUP)
					_, _ = get(t, admin+"/healthz") // so that it is read
				}
				_, metrics := get(t, admin+"/metrics")
				if m := droppedLines.FindStringSubmatch(metrics); m != nil {
					lost, _ = strconv.Atoi(m[1])
				}
				return lost > 0
			})
			if err := w.feed.Add(earthquakes.Records()[40]); err != nil {
				t.Fatal(err)
			}
			eventually(t, "a fresh record", func() bool { return accepted(t, admin) == 41 })
			proof.Fault(t, "log_line_dropped", lost)
			p.signal(t, syscall.SIGTERM)
			if code := p.wait(t, soon); code != 0 {
				t.Errorf("ended with %d (%v), want 0 although nobody takes the last words", code, p.cmd.ProcessState)
			}
			w.want = append(w.want, earthquakes.Records()[40])
			if a := w.wantWhole(t); a.Duplicates != 0 {
				t.Errorf("%d duplicates, want none", a.Duplicates)
			}
			proof.Row{Area: "process", Fault: c.fault, Action: proof.None, Promises: "P9 P10"}.Report(t)
		})
	}
}

// A complaint that nobody reads must not keep the program from ending.
func TestEndsThoughNobodyTakesTheComplaint(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	(&logPipe{r: r, w: w}).fill(t)
	cmd := exec.Command(program(t), "run")
	cmd.Env = environ(os.Getenv("PATH"), map[string]string{"SLUICE_INFLIGHT": "none"})
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(soon):
		_ = cmd.Process.Kill()
		<-ended
		t.Fatalf("still running after %v", soon)
	}
	if code := cmd.ProcessState.ExitCode(); code != exitConfig {
		t.Errorf("exit code %d, want %d", code, exitConfig)
	}
}
