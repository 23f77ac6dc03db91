package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// stateSteps are the steps that a daemon takes in its state folder, as the kernel tells of them.
var stateSteps = []struct {
	name   string
	mask   uint32
	folder bool   // it happens to the folder itself
	file   string // beginning of the file's name
}{
	{"lock-taken", unix.IN_OPEN, false, "lock"},
	{"ckpt-tmp-created", unix.IN_CREATE, false, ".checkpoint"},
	{"ckpt-tmp-written", unix.IN_MODIFY, false, ".checkpoint"},
	{"ckpt-synced", unix.IN_CLOSE_WRITE, false, ".checkpoint"}, // it is closed after fsync
	{"ckpt-renamed", unix.IN_MOVED_TO, false, "checkpoint"},
	{"ckpt-dirsynced", unix.IN_CLOSE_NOWRITE, true, ""}, // it is opened for fsync alone
	{"dlq-written", unix.IN_MODIFY, false, "deadletter"},
}

// watchState calls seen, from one goroutine, at every step in the folder dir until stop is called.
func watchState(t *testing.T, dir string, seen func(step string)) (stop func()) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_OPEN|unix.IN_CREATE|unix.IN_MODIFY|unix.IN_CLOSE|unix.IN_MOVED_TO); err != nil {
		t.Fatal(err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 64<<10)
		for {
			n, err := events.Read(buf)
			if err != nil {
				return
			}
			for rest := buf[:n]; len(rest) >= unix.SizeofInotifyEvent; {
				mask := binary.NativeEndian.Uint32(rest[4:])
				end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(rest[12:]))
				name := string(bytes.TrimRight(rest[unix.SizeofInotifyEvent:end], "\x00"))
				for _, s := range stateSteps {
					if mask&s.mask != 0 && s.folder == (name == "") && strings.HasPrefix(name, s.file) {
						seen(s.name)
					}
				}
				rest = rest[end:]
			}
		}
	}()
	return func() {
		_ = events.Close()
		<-ended
	}
}
