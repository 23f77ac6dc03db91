package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// A bar shows how far the run is, on a terminal only.
type bar struct {
	out  io.Writer // nil: no terminal
	stop chan struct{}
	done chan struct{}

	mu    sync.Mutex
	shown bool
	trial int // that is under way, from 0
	total int
	until time.Time // by which all are expected to be done
}

// newBar returns a bar that counts down by itself. Close it.
func newBar(out io.Writer) *bar {
	b := &bar{stop: make(chan struct{}), done: make(chan struct{})}
	if f, ok := out.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		close(b.done)
		return b
	}
	b.out = out
	go b.tick()
	return b
}

func (b *bar) tick() {
	defer close(b.done)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-ticker.C:
			b.mu.Lock()
			b.draw()
			b.mu.Unlock()
		}
	}
}

// show says that so many trials are done, and how long the others take.
func (b *bar) show(done, total int, left time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trial, b.total, b.until = done, total, time.Now().Add(left)
	b.draw()
}

// say lets print write lines where the bar is.
func (b *bar) say(print func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
	print()
}

// note writes a line that is for a terminal only.
func (b *bar) note(line string) {
	if b.out != nil {
		b.say(func() { fmt.Fprintln(b.out, line) })
	}
}

// close takes the bar away.
func (b *bar) close() {
	close(b.stop)
	<-b.done
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

// draw and clear are for those who hold mu.
func (b *bar) draw() {
	b.clear()
	if b.out == nil || b.trial == b.total {
		return
	}
	const width = 30
	full := width * b.trial / b.total
	fmt.Fprintf(b.out, "[%s%s] trial %d of %d, about %s left", strings.Repeat("#", full), strings.Repeat(".", width-full),
		b.trial+1, b.total, span(max(0, time.Until(b.until))))
	b.shown = true
}

func (b *bar) clear() {
	if b.shown {
		fmt.Fprint(b.out, "\r\x1b[K")
		b.shown = false
	}
}
