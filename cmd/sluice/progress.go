package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// A progress shows how far something is: as a bar that redraws itself on a terminal, as one line at the end elsewhere.
type progress struct {
	out      io.Writer
	terminal bool
	total    int

	mu      sync.Mutex
	what    string
	drawn   time.Time
	stopped bool
}

func newProgress(out io.Writer, total int) *progress {
	f, ok := out.(*os.File)
	return &progress{out: out, total: total, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

// redraw is the least time between two drawings.
const redraw = 80 * time.Millisecond

// follow draws what count returns until ctx ends or end is called.
func (p *progress) follow(ctx context.Context, what string, count func() int) {
	ticker := time.NewTicker(redraw)
	defer ticker.Stop()
	for {
		p.show(what, count())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// show draws n of the total.
func (p *progress) show(what string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what = what
	if p.stopped || !p.terminal || time.Since(p.drawn) < redraw {
		return
	}
	p.drawn = time.Now()
	const width = 30
	full := min(width, width*n/max(1, p.total))
	fmt.Fprintf(p.out, "\r%-26s [%s%s] %5d/%d", what, strings.Repeat("#", full), strings.Repeat(".", width-full), n, p.total)
}

// end draws the last state and goes on to the next line.
func (p *progress) end(n int) {
	p.drawn = time.Time{}
	p.show(p.what, n)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
		return
	}
	fmt.Fprintf(p.out, "%s: %d of %d\n", p.what, n, p.total)
}
