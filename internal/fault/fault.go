// Package fault carries a verdict with an error: whoever sees a failure says what it means, whoever owns the loop obeys.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Class is the verdict of the code that saw an error. The zero Class is the safe one: an error that nobody classified
// is Transient, because a duplicate can be dropped later and a lost record cannot be brought back.
type Class uint8

const (
	Transient Class = iota // may vanish by itself: again, after a backoff
	Throttled              // the peer asks for less: again, later and slower
	Rejected               // this record, now and forever: set it aside, go on
	Blocked                // nothing passes until a person acts: no record is at fault, so none is set aside
)

// classes holds the name of every Class at its value.
var classes = [...]string{"transient", "throttled", "rejected", "blocked"}

// String is the name used in logs and as a metric label.
func (c Class) String() string {
	if int(c) < len(classes) {
		return classes[c]
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// An Error is a failure together with its verdict.
type Error struct {
	Class      Class
	Reason     string        // stable code for operators from a closed set, such as "queue_missing"; empty: the class's name
	Op         string        // what was tried: "sqs.SendMessageBatch"
	RetryAfter time.Duration // least wait the peer asked for
	Ambiguous  bool          // it may have been done all the same: reply lost, timeout
	Whole      bool          // the verdict is on the request, not on this record: with fewer records it may pass
	Err        error         // the cause; its text is for people and never matched on
}

// Error says what was tried and what went wrong.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Op + ": " + e.Code()
	case e.Op == "":
		return e.Err.Error()
	}
	return e.Op + ": " + e.Err.Error()
}

// Stopped is the error of a ctx that has ended while op was tried; nil: it has not.
func Stopped(ctx context.Context, op string) error {
	if ctx.Err() == nil {
		return nil
	}
	return &Error{Reason: "stopped", Op: op, Err: context.Cause(ctx)}
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Code is the reason code, or the name of the class where no reason was given.
func (e *Error) Code() string {
	if e.Reason != "" {
		return e.Reason
	}
	return e.Class.String()
}

// From returns the verdict on err, which is Transient where nobody gave one, and nil for nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Class: Transient, Err: err}
}

// Is reports whether err carries the verdict c. A nil error carries none.
func Is(err error, c Class) bool {
	return err != nil && From(err).Class == c
}
