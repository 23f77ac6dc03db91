package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// An event is a line of what 'go test -json' prints; see 'go doc test2json'.
type event struct {
	Action      string
	Package     string
	Test        string
	Output      string
	Elapsed     float64
	Key, Value  string // of an attribute
	FailedBuild string
}

// An outcome is what a run of go test came to.
type outcome struct {
	failed   []string // tests that failed, as package.Test; subtests and the tests around them
	skipped  []string // tests that skipped themselves, in the same way
	unbuilt  bool     // something did not compile, so that nothing was tested
	complete bool     // go test itself ended with 0
}

// goTest runs 'go test -json' with args in the folder root. Attributes go to heard; what a person wants to see, to out: a line
// per package, and everything that a failed test has printed. It fails only if it could not run at all.
func goTest(ctx context.Context, root string, args []string, heard func(event), out io.Writer) (outcome, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return outcome{}, err
	}
	if err := cmd.Start(); err != nil {
		return outcome{}, err
	}
	l := listener{heard: heard, out: out, said: map[string][]string{}}
	listenErr := l.listen(pipe)
	err = cmd.Wait()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return outcome{}, err
	}
	if ctx.Err() != nil {
		return outcome{}, context.Cause(ctx)
	}
	if err != nil && len(l.failed) == 0 {
		l.unbuilt = true
		fmt.Fprint(out, complaints.String())
	}
	return outcome{failed: l.failed, skipped: l.skipped, unbuilt: l.unbuilt, complete: err == nil}, listenErr
}

// A listener reads events.
type listener struct {
	heard   func(event)
	out     io.Writer
	said    map[string][]string // what a test has printed, until it is known to have passed
	failed  []string
	skipped []string
	unbuilt bool
}

func (l *listener) listen(in io.Reader) error {
	lines := bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			l.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// line takes one event; what is no event is shown as it is.
func (l *listener) line(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil {
		fmt.Fprintf(l.out, "%s", line)
		return
	}
	id := e.Package + "." + e.Test
	switch e.Action {
	case "output":
		l.said[id] = append(l.said[id], e.Output)
	case "build-output":
		fmt.Fprint(l.out, e.Output)
	case "build-fail":
		l.unbuilt = true
	case "attr":
		l.heard(e)
	case "pass", "skip", "fail":
		l.end(id, e)
	}
}

// end shows what there is to say about a test or package that has ended.
func (l *listener) end(id string, e event) {
	said := l.said[id]
	delete(l.said, id)
	switch {
	case e.Test == "":
		if e.FailedBuild != "" {
			l.unbuilt = true
		}
		if e.Action == "fail" {
			l.crashed(e)
			fmt.Fprint(l.out, strings.Join(said, ""))
			if e.FailedBuild == "" {
				l.failed = append(l.failed, id)
			}
		}
		if e.Action != "skip" {
			fmt.Fprintf(l.out, "%-4s  %-40s %7.1fs\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], strings.TrimPrefix(e.Package, "sluice/"), e.Elapsed)
		}
	case e.Action == "fail":
		l.failed = append(l.failed, id)
		fmt.Fprint(l.out, strings.Join(said, ""))
	case e.Action == "skip":
		l.skipped = append(l.skipped, id)
		for _, text := range said {
			if text = strings.TrimSpace(text); text != "" && !strings.HasPrefix(text, "===") && !strings.HasPrefix(text, "---") {
				fmt.Fprintf(l.out, "SKIP  %s: %s\n", strings.TrimPrefix(id, "sluice/"), text)
			}
		}
	}
}

// crashed takes the tests that were running when their program ended as failed: a panic, or a limit of time.
func (l *listener) crashed(e event) {
	for id, said := range l.said {
		if name, ours := strings.CutPrefix(id, e.Package+"."); ours && name != "" {
			delete(l.said, id)
			l.failed = append(l.failed, id)
			fmt.Fprint(l.out, strings.Join(said, ""))
		}
	}
}
