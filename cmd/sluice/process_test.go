package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A process is the program in a process of its own. It is killed at the end of the test at the latest.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and all of its output is there

	mu      sync.Mutex
	out     bytes.Buffer
	lines   []string // of standard error
	changed chan struct{}
	seen    int // lines that log has gone past
}

// start starts the program with these variables and nothing else in its environment.
func start(t *testing.T, vars map[string]string, args ...string) *process {
	t.Helper()
	return watched(t, launch(t, vars, args...), args...)
}

// startUnder is start with a limit that 'ulimit' sets.
func startUnder(t *testing.T, limit string, vars map[string]string, args ...string) *process {
	t.Helper()
	sh := append([]string{"-c", "ulimit " + limit + ` && exec "$0" "$@"`, program(t)}, args...)
	return watched(t, execute(t, exec.Command("sh", sh...), vars), args...)
}

// watched has a process killed at the end of the test, and what it said shown if that has failed.
func watched(t *testing.T, p *process, args ...string) *process {
	t.Helper()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("sluice %s said:\n%s", strings.Join(args, " "), p.said())
		}
	})
	return p
}

// launch is start for a test that ends the process itself.
func launch(t *testing.T, vars map[string]string, args ...string) *process {
	t.Helper()
	return execute(t, exec.Command(program(t), args...), vars)
}

// execute starts a command that leads to the program.
func execute(t *testing.T, cmd *exec.Cmd, vars map[string]string) *process {
	t.Helper()
	p := &process{cmd: cmd, done: make(chan struct{}), changed: make(chan struct{})}
	p.cmd.Env = environ(os.Getenv("PATH"), vars)
	p.cmd.Stdout = writer(func(b []byte) { p.out.Write(b) })
	stderr, feeder := io.Pipe()
	p.cmd.Stderr = feeder
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { p.read(stderr) })
	go func() {
		_ = p.cmd.Wait()
		_ = feeder.Close()
		reading.Wait()
		close(p.done)
	}()
	return p
}

// program is the path of the program.
func program(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("sluice")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

func (p *process) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// said is all that the program has written to standard error.
func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// log waits for the next line of the log with this message.
func (p *process) log(t *testing.T, msg string) map[string]any {
	t.Helper()
	deadline := time.After(soon)
	for ended := false; ; {
		p.mu.Lock()
		for ; p.seen < len(p.lines); p.seen++ {
			var line map[string]any
			if json.Unmarshal([]byte(p.lines[p.seen]), &line) == nil && line["msg"] == msg {
				p.seen++
				p.mu.Unlock()
				return line
			}
		}
		changed := p.changed
		p.mu.Unlock()
		if ended {
			t.Fatalf("the program has ended (%v) without logging %q", p.cmd.ProcessState, msg)
		}
		select {
		case <-changed:
		case <-p.done:
			ended = true
		case <-deadline:
			t.Fatalf("no log line %q within %v", msg, soon)
		}
	}
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("send %v: %v", s, err)
	}
}

// wait waits for the end and returns the exit code, -1 after a signal.
func (p *process) wait(t *testing.T, limit time.Duration) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(limit):
		t.Fatalf("still running after %v", limit)
	}
	return p.cmd.ProcessState.ExitCode()
}

// admin waits for the admin port and returns its address as a URL.
func (p *process) admin(t *testing.T) string {
	t.Helper()
	url, _ := p.log(t, "admin port")["url"].(string)
	return url
}

// finish runs the program to its end and returns its exit code and all that it said.
func finish(t *testing.T, vars map[string]string, args ...string) (int, string) {
	t.Helper()
	p := start(t, vars, args...)
	code := p.wait(t, 2*soon)
	return code, p.said()
}

// with returns vars with some changed.
func with(vars map[string]string, pairs ...string) map[string]string {
	all := maps.Clone(vars)
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}

// get asks for a page and returns its status and text.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	within(t, soon, what, yes)
}

// within is eventually with a limit of its own.
func within(t *testing.T, limit time.Duration, what string, yes func() bool) {
	t.Helper()
	deadline := time.After(limit)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !yes() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// receive takes a value from a channel.
func receive[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(soon):
		t.Fatalf("%s: not within %v", what, soon)
	}
	panic("not reached")
}
