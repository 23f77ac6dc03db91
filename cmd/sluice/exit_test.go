package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/internal/fault"
)

func TestExitCode(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		err  error
		want int
	}{
		{"unexpected", io.ErrUnexpectedEOF, 1},
		{"usage", withCode(exitUsage, errors.New("no")), 64},
		{"settings", withCode(exitConfig, errors.New("no")), 78},
		{"a code wins over a verdict", withCode(exitConfig, &fault.Error{Err: errors.New("no")}), 78},
		{"damaged checkpoint", fmt.Errorf("load: %w", ingest.ErrCheckpointDamaged), 65},
		{"damaged checkpoint with a verdict", &fault.Error{Err: ingest.ErrCheckpointDamaged}, 65},
		{"checkpoint of another source", fmt.Errorf("load: %w", ingest.ErrCheckpointForeign), 78},
		{"checkpoint of another process", fmt.Errorf("open: %w", ingest.ErrCheckpointLocked), 75},
		{"blocked", &fault.Error{Class: fault.Blocked, Err: errors.New("no")}, 69},
		{"transient, wrapped", fmt.Errorf("sqs: %w", &fault.Error{Err: errors.New("no")}), 69},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := exitCode(c.err); got != c.want {
				t.Errorf("exit code %d for %v, want %d", got, c.err, c.want)
			}
		})
	}
	if err := withCode(exitConfig, nil); err != nil {
		t.Errorf("withCode of no error is %v, want nil", err)
	}
}

func TestComplaint(t *testing.T) {
	t.Parallel()
	if got, want := complaint(errors.New("no")), "sluice: no"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := complaint(errors.Join(errors.New("one"), errors.New("two"))), "sluice:\n  one\n  two"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	refused := errors.New("connection refused")
	cases := []struct {
		name  string
		err   error
		want  string // end of the text
		again string // end of the text for a command that may be repeated
	}{
		{"source", &fault.Error{Op: "http.GET", Reason: "network", Err: refused},
			"; check SLUICE_HTTP_URL and the server behind it",
			"; nothing is lost: check SLUICE_HTTP_URL and the server behind it, and run this again"},
		{"queue, wrapped", fmt.Errorf("x: %w", &fault.Error{Op: "sqs.SendMessageBatch", Err: refused}),
			"SLUICE_SQS_QUEUE_URL and, if it is set, AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_SQS, and run this again"},
		{"throttled", &fault.Error{Op: "sqs.SendMessageBatch", Class: fault.Throttled, Err: refused},
			"; leave it alone for a while, or lower SLUICE_CONCURRENCY", "SLUICE_CONCURRENCY, and run this again"},
		{"blocked says so itself", &fault.Error{Op: "sqs.SendMessageBatch", Class: fault.Blocked, Err: errors.New("no queue; create it")},
			"create it", "create it"},
		{"rejected", &fault.Error{Op: "sqs.SendMessageBatch", Class: fault.Rejected, Err: errors.New("bad record")}, "bad record", "bad record"},
		{"clock", &fault.Error{Op: "sqs.SendMessageBatch", Reason: "clock_skew", Err: errors.New("set the clock")},
			"set the clock", "set the clock; nothing is lost: run this again"},
		{"no verdict", context.Canceled, "context canceled", "context canceled"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, advised := range []struct {
				got  error
				want string
			}{{advise(c.err), c.want}, {adviseAgain(c.err), c.again}} {
				if got := advised.got.Error(); !strings.HasSuffix(got, advised.want) {
					t.Errorf("got %q, want it to end with %q", got, advised.want)
				}
				if !errors.Is(advised.got, c.err) {
					t.Errorf("%q has lost its cause", advised.got)
				}
			}
		})
	}
}
