package telemetry

import (
	"io"
	"sync"
	"time"
)

// The most that an Outlet keeps for a sink that does not take it. A daemon logs changes of state only, so that this is a
// long time of trouble.
const (
	outletLines = 128
	outletBytes = 1 << 20
)

// An Outlet stands between a log and where it goes, so that a sink which blocks never holds up who logs: records flow on
// while nobody reads the log. Lines that find no room are dropped and counted, and so are those that the sink refuses.
type Outlet struct {
	to io.Writer

	mu      sync.Mutex
	lines   [][]byte
	bytes   int
	dropped int64
	closed  bool
	wake    chan struct{} // there is a line, or the end
	done    chan struct{} // closed when nothing will be written any more
}

// NewOutlet returns an Outlet to w. Close ends it.
func NewOutlet(w io.Writer) *Outlet {
	o := &Outlet{to: w, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go o.run()
	return o
}

// Write takes one line and never waits for the sink. It never fails.
func (o *Outlet) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || len(o.lines) >= outletLines || o.bytes+len(line) > outletBytes {
		o.dropped++
		return len(line), nil
	}
	o.lines = append(o.lines, append([]byte(nil), line...)) // slog uses its buffer again
	o.bytes += len(line)
	o.tell()
	return len(line), nil
}

// Dropped is the number of lines that were lost.
func (o *Outlet) Dropped() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

// Close gives the sink so long to take what is left, and reports whether it did. Later lines are dropped. A Write to the
// sink that hangs is left behind: nothing can end it.
func (o *Outlet) Close(limit time.Duration) bool {
	o.mu.Lock()
	o.closed = true
	o.tell()
	o.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-o.done:
		return true
	case <-timer.C:
		return false
	}
}

// tell wakes run. The caller holds mu.
func (o *Outlet) tell() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run writes line after line until Close and until none is left.
func (o *Outlet) run() {
	defer close(o.done)
	for range o.wake {
		for {
			line, closed := o.next()
			if line == nil && closed {
				return
			}
			if line == nil {
				break
			}
			_, err := o.to.Write(line)
			o.written(len(line), err)
		}
	}
}

// next returns the oldest line, which keeps its room until it is written.
func (o *Outlet) next() (line []byte, closed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.lines) > 0 {
		line = o.lines[0]
	}
	return line, o.closed
}

// written gives the room of the oldest line free.
func (o *Outlet) written(n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines[0] = nil
	o.lines = o.lines[1:]
	o.bytes -= n
	if err != nil {
		o.dropped++
	}
}
