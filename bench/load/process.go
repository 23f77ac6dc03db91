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
	"time"
)

// A Job is what a sender in a process of its own is told first.
type Job struct {
	Run       string // name of the run, part of every record's ID
	Trial     int
	Transport string
	Workload  string // the document
	Samples   string // file with the user's own records; empty: synthetic ones
	Memory    int64  // soft limit of the sender's heap, in bytes; 0: none
}

// message is one answer of the sender.
type message struct {
	Ready  bool
	Err    string // why it cannot go on; a sentence
	Code   int    // with which the whole program should end then
	Report *Report
}

// An Opener makes the Sender of a Job. The function that it returns too is called when the Job is done.
type Opener func(ctx context.Context, job Job) (*Sender, func(), error)

// Serve is the sender's side: it reads a Job and then Phases from in, sends them, and writes their Reports to out. It
// returns when in ends.
func Serve(ctx context.Context, in io.Reader, out io.Writer, open Opener, code func(error) int) error {
	decoder, encoder := gob.NewDecoder(in), gob.NewEncoder(out)
	var job Job
	if err := decoder.Decode(&job); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	sender, done, err := open(ctx, job)
	if err != nil {
		return encoder.Encode(message{Err: err.Error(), Code: code(err)})
	}
	defer done()
	if err := encoder.Encode(message{Ready: true}); err != nil {
		return err
	}
	for {
		var p Phase
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read a phase: %w", err)
		}
		report := sender.Send(ctx, p)
		if err := encoder.Encode(message{Report: &report}); err != nil {
			return err
		}
	}
}

// A Process is a sender in a process of its own, seen from the other side.
type Process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	encoder *gob.Encoder
	decoder *gob.Decoder
	stderr  tail
}

// A Refusal is why a sender could not begin, with the exit code that it stands for.
type Refusal struct {
	Text string
	Code int
}

func (r *Refusal) Error() string { return r.Text }

// Start starts cmd, which must call Serve with its standard input and output, and waits until it is ready for job. When
// ctx ends, the process is asked to stop, and killed if it does not within a few seconds.
func Start(ctx context.Context, cmd *exec.Cmd, job Job) (*Process, error) {
	p := &Process{cmd: cmd}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = &p.stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the sender: %w", err)
	}
	p.in, p.encoder, p.decoder = in, gob.NewEncoder(in), gob.NewDecoder(out)
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

// Send has one phase sent. When ctx ends, the sender is interrupted and reports what it has.
func (p *Process) Send(ctx context.Context, phase Phase) (Report, error) {
	if err := p.encoder.Encode(phase); err != nil {
		return Report{}, p.failed(err)
	}
	defer context.AfterFunc(ctx, func() { _ = p.cmd.Process.Signal(os.Interrupt) })()
	var m message
	if err := p.decoder.Decode(&m); err != nil {
		return Report{}, p.failed(err)
	}
	return *m.Report, nil
}

// Close ends the process.
func (p *Process) Close() {
	_ = p.in.Close()
	defer time.AfterFunc(5*time.Second, func() { _ = p.cmd.Process.Kill() }).Stop()
	_ = p.cmd.Wait()
}

// failed says why the process has gone away.
func (p *Process) failed(err error) error {
	p.Close()
	if said := p.stderr.String(); said != "" {
		return fmt.Errorf("the sender ended: %s", said)
	}
	return fmt.Errorf("the sender ended (%v): %w", p.cmd.ProcessState, err)
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
