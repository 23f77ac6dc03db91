package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"sluice/internal/fault"
)

func TestVerdictSurvivesWrapping(t *testing.T) {
	err := fmt.Errorf("deliver: %w", &fault.Error{Class: fault.Blocked, Reason: "queue_missing", Op: "sqs.Send", Err: errors.New("no queue")})
	if !fault.Is(err, fault.Blocked) {
		t.Errorf("Is(Blocked) = false for %v", err)
	}
	if got := fault.From(err).Code(); got != "queue_missing" {
		t.Errorf("Code() = %q, want queue_missing", got)
	}
	if got, want := err.Error(), "deliver: sqs.Send: no queue"; got != want {
		t.Errorf("text = %q, want %q", got, want)
	}
}

func TestUnclassifiedIsTransient(t *testing.T) {
	err := errors.New("surprise")
	if !fault.Is(err, fault.Transient) {
		t.Error("an unclassified error is not Transient")
	}
	if got := fault.From(err).Code(); got != "transient" {
		t.Errorf("Code() = %q, want the name of the class", got)
	}
	for c := fault.Transient; c <= fault.Blocked; c++ {
		if fault.Is(nil, c) {
			t.Errorf("a nil error is %v", c)
		}
	}
}
