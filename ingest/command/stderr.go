package command

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"sluice/ingest"
)

// A listener reads the standard error of a process, always, so that the process never waits for it.
type listener struct {
	file    *os.File
	done    chan struct{}
	last    atomic.Pointer[string]
	tell    func(string)
	most    int // lines in a second that are told
	secrets []string
}

// listen begins to read file.
func listen(cfg Config, file *os.File) *listener {
	l := &listener{file: file, done: make(chan struct{}), tell: cfg.Stderr, most: cfg.MaxStderr, secrets: cfg.secrets()}
	if l.tell == nil {
		l.tell = func(string) {}
	}
	go l.run()
	return l
}

// Secrets lists the values that nobody may be shown: those that no line of standard error shows.
func (s *Source) Secrets() []string { return s.cfg.secrets() }

// secrets lists the values that no line may show: all that was passed on from the environment by name, and what stands behind
// a flag that sounds like a secret.
func (c Config) secrets() []string {
	out, _ := c.Argv.secrets()
	for _, name := range c.Env {
		out = append(out, os.Getenv(name))
	}
	return longestFirst(out)
}

func (l *listener) run() {
	defer close(l.done)
	in := bufio.NewReaderSize(l.file, 2*maxLineShown)
	var second time.Time
	told, dropped, rest := 0, 0, false
	for {
		piece, err := in.ReadSlice('\n')
		if now := time.Now(); now.Sub(second) >= time.Second {
			l.count(dropped)
			second, told, dropped = now, 0, 0
		}
		line := ingest.OneLine(hide(string(piece), l.secrets), maxLineShown)
		switch {
		case rest || line == "": // what follows in a line that is too long is left out
		case told >= l.most:
			dropped++
			l.last.Store(&line)
		default:
			told++
			l.last.Store(&line)
			l.tell(line)
		}
		rest = errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !rest {
			l.count(dropped)
			return
		}
	}
}

// count tells how many lines were left out.
func (l *listener) count(dropped int) {
	if dropped > 0 {
		l.tell(fmt.Sprintf("… and %d lines more", dropped))
	}
}

// end stops reading soon: what the process has written is read, what others write who hold the pipe is not.
func (l *listener) end() {
	_ = l.file.SetReadDeadline(time.Now().Add(time.Second))
	<-l.done
	_ = l.file.Close()
}

// said is the last line, or the end of what errors say about it.
func (l *listener) said() string {
	last := l.last.Load()
	if last == nil {
		return ", having said nothing on standard error"
	}
	return fmt.Sprintf(", saying %q", ingest.OneLine(strings.TrimSpace(*last), maxSaid))
}
