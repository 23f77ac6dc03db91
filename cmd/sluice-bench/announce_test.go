package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"sluice/bench/cost"
	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/bench/workload"
)

func costly() *session {
	return &session{book: cost.DefaultBook(), estimate: cost.Cost{USD: 0.5, Items: []cost.Item{{Name: "SQS standard queue: send requests", Quantity: 1000, USD: 0.5}}}}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer string
		yes, free    bool
		goesOn       bool
	}{
		{"y", "y\n", false, false, true},
		{"yes in capitals", "  YES \n", false, false, true},
		{"n", "n\n", false, false, false},
		{"nothing", "\n", false, false, false},
		{"something else", "maybe\n", false, false, false},
		{"the end of the input", "", false, false, false},
		{"y and the end of the input", "y", false, false, true},
		{"--yes", "", true, false, true},
		{"nothing to pay", "", false, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, out := costly(), &bytes.Buffer{}
			if c.free {
				s.estimate = cost.Cost{}
			}
			err := s.confirm(t.Context(), c.yes, strings.NewReader(c.answer), out)
			if (err == nil) != c.goesOn {
				t.Errorf("got %v, want it to go on: %v", err, c.goesOn)
			}
			if err != nil && (exitCode(err) != exitUsage || !strings.Contains(err.Error(), "nothing was sent; --yes runs without asking")) {
				t.Errorf("exit code %d and %q", exitCode(err), err)
			}
			if asked := strings.Contains(out.String(), "Go on? [y/N]"); asked != (!c.yes && !c.free) {
				t.Errorf("asked: %v", asked)
			}
		})
	}
}

// TestConfirmEndsWithTheRun: who is asked may press Ctrl-C instead of a key.
func TestConfirmEndsWithTheRun(t *testing.T) {
	t.Parallel()
	terminal, keyboard := io.Pipe() // nobody types
	defer keyboard.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := costly().confirm(ctx, false, terminal, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the run", err)
	}
}

// TestAnnounceDoesNotHideReceipts: what they cost is no part of the estimate.
func TestAnnounceDoesNotHideReceipts(t *testing.T) {
	t.Parallel()
	for _, receipts := range []bool{true, false} {
		s, out := costly(), &bytes.Buffer{}
		s.workload, s.ends = &workload.Workload{}, map[string]*trial.FarEnd{"apigateway": {Receipts: receipts}}
		s.runner = &trial.Runner{Workload: s.workload}
		s.announce(out)
		if said := strings.Contains(out.String(), "Not in it: the queue of receipts"); said != receipts || !strings.Contains(out.String(), "will cost about") {
			t.Errorf("receipts: %v, and it says\n%s", receipts, out)
		}
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{0: "0 s", 1400 * time.Millisecond: "1 s", 59*time.Second + 600*time.Millisecond: "1 min 00 s",
		125 * time.Second: "2 min 05 s", time.Hour + 90*time.Second: "1 h 01 min"} {
		if got := span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestWhatASearchHasFound(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]result.Search{
		"sqs        find: 400/s keep p99 < 1s; a closed loop reaches 900/s":         {MaxAtSLO: 400, MaxClosed: 900},
		"sqs        find: 400/s keep p99 < 1s; a closed loop reaches 20/s; held":    {MaxAtSLO: 400, MaxClosed: 20, Because: "held"},
		"sqs        find: no rate keeps p99 < 1s: too slow":                         {Because: "too slow"},
		"sqs        find: p99 < 1s: not decided: 103 records are too few for a p99": {Because: "not decided: 103 records are too few for a p99"},
	} {
		s.Transport, s.Phase, s.SLO = "sqs", "find", "p99 < 1s"
		if got := searchLine(s); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
