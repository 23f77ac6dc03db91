package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/term"
)

// A progress shows how far something is: as a bar that redraws itself on a terminal, as one line at the end elsewhere.
// Its calls must not overlap.
type progress struct {
	out      io.Writer
	terminal bool
	total    int
	what     string
	drawn    time.Time
}

func newProgress(out io.Writer, total int) *progress {
	c, ok := out.(*console)
	return &progress{out: out, total: total, terminal: ok && term.IsTerminal(int(c.to.Fd()))}
}

// redraw is the least time between two drawings.
const redraw = 80 * time.Millisecond

// follow draws what count returns until the returned function is called.
func (p *progress) follow(what string, count func() int) (stop func()) {
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(redraw)
		defer ticker.Stop()
		for {
			p.show(what, count())
			select {
			case <-end:
				return
			case <-ticker.C:
			}
		}
	}()
	return func() {
		close(end)
		<-done
	}
}

// show draws n of the total, unless it has drawn a moment ago.
func (p *progress) show(what string, n int) {
	p.what = what
	if !p.terminal || time.Since(p.drawn) < redraw {
		return
	}
	p.drawn = time.Now()
	const width = 30
	full := min(width, width*n/max(1, p.total))
	fmt.Fprintf(p.out, "\r%-26s [%s%s] %5d/%d", what, strings.Repeat("#", full), strings.Repeat(".", width-full), n, p.total)
}

// end takes the bar away, or says how far it came where there is none. No other call may follow or be in progress.
func (p *progress) end(n int) {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
		return
	}
	fmt.Fprintf(p.out, "%s: %d of %d\n", p.what, n, p.total)
}
