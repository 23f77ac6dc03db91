package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress(&out, 200)
		p.terminal = true
		n := 0
		stop := p.follow("sqs: delivering", func() int { n += 100; return n })
		time.Sleep(redraw) // of the bubble's clock: one more drawing
		synctest.Wait()
		stop()
		p.end(200)
		half := "\rsqs: delivering            [" + strings.Repeat("#", 15) + strings.Repeat(".", 15) + "]   100/200"
		whole := "\rsqs: delivering            [" + strings.Repeat("#", 30) + "]   200/200"
		if got, want := out.String(), half+whole+"\r\x1b[K"; got != want {
			t.Errorf("drew %q, want %q", got, want)
		}
	})
}

func TestProgressElsewhere(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newProgress(&out, 200)
	p.follow("sqs: delivering", func() int { return 7 })()
	p.show("sqs: delivering", 8)
	p.end(199)
	if got, want := out.String(), "sqs: delivering: 199 of 200\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}
