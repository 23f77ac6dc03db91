package load

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopGrace is how long a sender may take to end once it was asked to: its deliveries have stopPatience.
const stopGrace = stopPatience + 3*time.Second

// A Process is a sender in a process of its own, seen from the other side. It is for one goroutine.
type Process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	encoder *gob.Encoder
	decoder *gob.Decoder
	stderr  tail
	gone    chan struct{} // closed when the process has ended
	ask     sync.Once
	close   sync.Once
	unwatch func() bool // of the context of Start
}

// A Refusal is why a sender could not begin, with the exit code that it stands for.
type Refusal struct {
	Text string
	Code int
}

func (r *Refusal) Error() string { return r.Text }

// Start starts cmd, which must call Serve with its standard input and output, and waits until it is ready for job. When
// ctx ends, the process is asked to stop, and killed if it does not within a few seconds; cmd needs no context for that.
// The process is in a group of its own, so that a terminal's Ctrl-C reaches it through ctx only, and once.
func Start(ctx context.Context, cmd *exec.Cmd, job Job) (*Process, error) {
	p := &Process{cmd: cmd, gone: make(chan struct{})}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = &p.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if cmd.Cancel != nil { // of a cmd with a context: it would kill at once
		cmd.Cancel = func() error { return nil }
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the sender: %w", err)
	}
	p.in, p.encoder, p.decoder = in, gob.NewEncoder(in), gob.NewDecoder(out)
	p.unwatch = context.AfterFunc(ctx, p.stop)
	if err := p.encoder.Encode(job); err != nil {
		return nil, p.failed(err)
	}
	var m message
	if err := p.decoder.Decode(&m); err != nil {
		return nil, p.failed(err)
	}
	if m.Err != "" {
		p.Close()
		return nil, &Refusal{m.Err, m.Code}
	}
	return p, nil
}

// Send has one phase sent. When ctx ends, the sender is asked to stop, for good, and reports what it has.
func (p *Process) Send(ctx context.Context, phase Phase) (Report, error) {
	if err := p.encoder.Encode(phase); err != nil {
		return Report{}, p.failed(err)
	}
	defer context.AfterFunc(ctx, p.stop)()
	var m message
	if err := p.decoder.Decode(&m); err != nil {
		return Report{}, p.failed(err)
	}
	if m.Report == nil {
		return Report{}, p.failed(errors.New("it answered without a report"))
	}
	return *m.Report, nil
}

// stop asks the process to stop, and kills it if it has not ended a while later. It asks once: a second interrupt would
// end it without a report.
func (p *Process) stop() {
	p.ask.Do(func() {
		_ = p.cmd.Process.Signal(os.Interrupt)
		timer := time.NewTimer(stopGrace)
		defer timer.Stop()
		select {
		case <-timer.C:
			_ = p.cmd.Process.Kill()
		case <-p.gone:
		}
	})
}

// Close ends the process. It may be called again.
func (p *Process) Close() {
	p.close.Do(func() {
		p.unwatch()
		_ = p.in.Close()
		kill := time.AfterFunc(stopGrace, func() { _ = p.cmd.Process.Kill() })
		_ = p.cmd.Wait()
		kill.Stop()
		close(p.gone)
	})
}

// failed says why the process has gone away.
func (p *Process) failed(err error) error {
	p.Close()
	if said := p.stderr.String(); said != "" {
		return fmt.Errorf("the sender ended: %s", said)
	}
	if state := p.cmd.ProcessState; state != nil && !state.Success() {
		return fmt.Errorf("the sender ended before it was done: %v", state)
	}
	return fmt.Errorf("the sender ended before it was done: %w", err)
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailLength = 2000

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if len(t.text) > tailLength {
		t.text = t.text[len(t.text)-tailLength:]
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
