package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// A console waits for whoever reads a file, such as a pipe, until the program is asked to end, and lastWords
// longer. Then it has errUnread for this Write and for all that follow. What was being written may still go out.
type console struct {
	ctx    context.Context // ends when the program is asked to end
	to     *os.File
	gaveUp atomic.Bool
}

// errUnread is the end of output that nobody reads.
var errUnread = errors.New("nobody reads the output any more")

func (c *console) Write(b []byte) (int, error) {
	if c.gaveUp.Load() {
		return 0, errUnread
	}
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	data := slices.Clone(b) // a Write that is given up goes on reading it
	go func() {
		n, err := c.to.Write(data)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-c.ctx.Done():
	}
	select {
	case r := <-done:
		return r.n, r.err
	case <-time.After(lastWords):
		c.gaveUp.Store(true)
		return 0, errUnread
	}
}
