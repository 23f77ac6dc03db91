package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a new terminal.
func openTerminal(t *testing.T) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		skip(t, "there are no terminals here: "+err.Error())
	}
	t.Cleanup(func() { _ = screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if tty, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return screen, tty
}

func TestBarOnATerminal(t *testing.T) {
	t.Parallel()
	screen, tty := openTerminal(t)
	shown := make(chan string)
	go func() {
		var all bytes.Buffer
		_, _ = all.ReadFrom(screen) // ends with an error when the other end is closed
		shown <- all.String()
	}()
	b := newBar(tty)
	b.show(0, 4, 90*time.Second)
	b.say(func() { _, _ = tty.WriteString("the first trial\n") })
	b.show(3, 4, 5*time.Second)
	b.note("a step")
	b.show(4, 4, 0)
	b.close()
	_ = tty.Close()
	got := <-shown
	parts := []string{"[" + strings.Repeat(".", 30) + "] trial 1 of 4, about 1 min 30 s left", "\r\x1b[Kthe first trial\r\n",
		"[" + strings.Repeat("#", 22) + "........] trial 4 of 4, about 5 s left", "\r\x1b[Ka step\r\n"}
	rest := got
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Fatalf("the terminal shows %q, want %q in it, in this order: %q", got, part, parts)
		}
		rest = after
	}
	if rest != "" {
		t.Errorf("%q is left on the terminal, want nothing after the last trial", rest)
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(got, "\x1b[K", ""), "\r") {
		if n := utf8.RuneCountInString(line); n > 80 {
			t.Errorf("a line of %d columns, want at most 80: %q", n, line)
		}
	}
}

func TestNoBarInAFile(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := newBar(&out)
	b.show(0, 4, time.Minute)
	b.note("a step")
	b.say(func() { out.WriteString("a line\n") })
	b.close()
	if out.String() != "a line\n" {
		t.Errorf("got %q, want the line and nothing else", &out)
	}
}
