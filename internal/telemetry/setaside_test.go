package telemetry

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

func TestDeadLettersAreLoggedAtOnceAndThenRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := New(Options{Source: "http", Transport: "sqs", Log: slog.New(slog.NewTextHandler(&out, nil))})
		put := m.Observer().SetAside
		for range 130 { // a minute and 5 s of one reason, twice a second
			put(&fault.Error{Class: fault.Rejected, Reason: "unparsable", Op: "parse", Err: errors.New("no value at \"id\"\x1b[2J")})
			time.Sleep(500 * time.Millisecond)
		}
		put(&fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test", Err: errors.New("no")})
		for reason, want := range map[string]int{"reason=unparsable": 2, "reason=invalid_body": 1, "level=WARN": 3, "\x1b": 0} {
			if got := strings.Count(out.String(), reason); got != want {
				t.Errorf("%q was logged %d times, want %d:\n%s", reason, got, want, out.String())
			}
		}
	})
}

func TestFullFolderOfDeadLettersIsNotTakenForAMass(t *testing.T) {
	for reason, want := range map[string]string{"deadletter_full": "too many dead letters, delivery paused", "mass_dead_letters": "too many records refused, delivery paused"} {
		var out bytes.Buffer
		m := New(Options{Source: "http", Transport: "sqs", Log: slog.New(slog.NewTextHandler(&out, nil))})
		m.Observer().Trouble(ingest.PartDeadLetter, &fault.Error{Class: fault.Blocked, Reason: reason, Op: "set aside", Err: errors.New("no")})
		if !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "reason="+reason) || !strings.Contains(out.String(), "level=ERROR") {
			t.Errorf("%s was logged as %s, want %q", reason, out.String(), want)
		}
	}
}
