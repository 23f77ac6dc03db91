package load

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
)

// A Job is what a sender in a process of its own is told first.
type Job struct {
	Run      string // name of the run, part of every record's ID
	Trial    int
	Workload string // the document
	Samples  string // file with the user's own records; empty: synthetic ones
	SHA256   string // of Samples, as the run read them
}

// message is one answer of the sender: it is ready, or cannot be, or has sent a phase.
type message struct {
	Err    string // why it cannot go on; a sentence
	Code   int    // with which the whole program should end then
	Report *Report
}

// An Opener makes the Sender of a Job. The function that it returns too is called when the Job is done.
type Opener func(ctx context.Context, job Job) (*Sender, func(), error)

// Serve is the sender's side: it reads a Job and then Phases from in, sends them, and writes their Reports to out. It
// returns when in ends, and cuts a phase short that is under way then: nobody is there any more who would read of it. When
// ctx ends, the phase is cut short too, and reported.
func Serve(ctx context.Context, in io.Reader, out io.Writer, open Opener, code func(error) int) error {
	decoder, encoder := gob.NewDecoder(in), gob.NewEncoder(out)
	var job Job
	if err := decoder.Decode(&job); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	phases := make(chan Phase)
	var broken error // why there are no more phases; read it after phases is closed
	go func() {      // it ends with in, which no context can end; Serve does not return before, unless out has failed
		defer close(phases)
		defer cancel()
		for {
			var p Phase
			if err := decoder.Decode(&p); err != nil {
				if !errors.Is(err, io.EOF) {
					broken = fmt.Errorf("read a phase: %w", err)
				}
				return
			}
			phases <- p
		}
	}()
	sender, done, err := open(ctx, job)
	if err != nil {
		return encoder.Encode(message{Err: err.Error(), Code: code(err)})
	}
	defer done()
	if err := encoder.Encode(message{}); err != nil {
		return err
	}
	for p := range phases {
		report := sender.Send(ctx, p)
		if err := encoder.Encode(message{Report: &report}); err != nil {
			return err
		}
	}
	return broken
}
