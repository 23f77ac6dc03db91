package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A started benchmark is one in a process of its own, and in a process group of its own as under a terminal.
type started struct {
	t      *testing.T
	cmd    *exec.Cmd
	dir    string // its working directory
	ended  chan struct{}
	lines  chan string // of standard output
	stderr lockedBuffer
	all    lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// start runs the program with a workload and these variables.
func start(t *testing.T, workload string, vars map[string]string, args ...string) *started {
	t.Helper()
	whole(t)
	program, err := exec.LookPath("sluice-bench")
	if err != nil {
		t.Fatal(err)
	}
	s := &started{t: t, dir: t.TempDir(), ended: make(chan struct{}), lines: make(chan string, 10_000)}
	if err := errors.Join(os.WriteFile(filepath.Join(s.dir, "w.yaml"), []byte(workload), 0o600), os.Mkdir(s.tmp(), 0o700)); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(program, append([]string{"run", "--workload", "w.yaml"}, args...)...)
	s.cmd.Dir, s.cmd.Env = s.dir, []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + s.tmp(), "AWS_EC2_METADATA_DISABLED=true"}
	for name, value := range vars {
		s.cmd.Env = append(s.cmd.Env, name+"="+value)
	}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.cmd.Stderr = &s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		defer close(s.lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			fmt.Fprintln(&s.all, scanner.Text())
			s.lines <- scanner.Text()
		}
		_ = s.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.ended
		if t.Failed() {
			t.Logf("it said:\n%s%s", &s.all, &s.stderr)
		}
	})
	return s
}

func (s *started) tmp() string { return filepath.Join(s.dir, "tmp") }

// until waits for a line of standard output that begins with text.
func (s *started) until(text string) {
	s.t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				s.t.Fatalf("it ended before it said %q", text)
			}
			if strings.HasPrefix(line, text) {
				return
			}
		case <-limit:
			s.t.Fatalf("it did not say %q within a minute", text)
		}
	}
}

// poll waits until ready.
func (s *started) poll(what string, limit time.Duration, ready func() bool) {
	s.t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(limit); !ready(); <-ticker.C {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s did not happen within %v", what, limit)
		}
	}
}

// family are the processes of this run: those whose temporary folder is its own.
func (s *started) family() (pids []int) {
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environments {
		data, err := os.ReadFile(path)
		if err != nil || !slices.Contains(strings.Split(string(data), "\x00"), "TMPDIR="+s.tmp()) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// sender waits for a sender under way.
func (s *started) sender() (pid int) {
	s.t.Helper()
	s.poll("a sender", time.Minute, func() bool {
		for _, each := range s.family() {
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", each))
			if each != s.cmd.Process.Pid && strings.HasSuffix(string(line), "\x00sender\x00") {
				pid = each
			}
		}
		return pid != 0
	})
	return pid
}

// connected waits until a sender has a connection: then it is about to send, or sends.
func (s *started) connected(pid int) {
	s.t.Helper()
	s.poll("a connection", time.Minute, func() bool {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		return slices.ContainsFunc(files, func(path string) bool {
			to, _ := os.Readlink(path)
			return strings.HasPrefix(to, "socket:")
		})
	})
}

// sending waits until a trial under way has sent more to the stand-in than it had.
func (s *started) sending(w *world) {
	s.t.Helper()
	before := w.standIn.Calls()["SendMessageBatch"]
	s.poll("a request", time.Minute, func() bool { return w.standIn.Calls()["SendMessageBatch"] > before+5 })
}
