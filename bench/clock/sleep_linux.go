package clock

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Sleep waits for d, of a kernel's timer, which is late by a tenth of a millisecond at most times; a timer of Go is by up
// to one, because the runtime waits for network and timers together, in whole milliseconds. It cannot be interrupted. The
// timer is read through the runtime's poller: a thread that slept in the kernel instead would hold up the goroutines of
// its processor, and cost the sender a quarter more CPU.
func Sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	if t, _ := timers.Get().(*kernelTimer); t != nil && t.wait(d) {
		timers.Put(t)
		return
	}
	time.Sleep(d)
}

// timers has those that nobody waits for. What the garbage collector takes from it closes itself.
var timers = sync.Pool{New: func() any { return newKernelTimer() }}

// A kernelTimer is one that is read like a file.
type kernelTimer struct {
	fd   int
	file *os.File
}

// newKernelTimer returns nil where the kernel gives no such timer.
func newKernelTimer() *kernelTimer {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	return &kernelTimer{fd, os.NewFile(uintptr(fd), "timer")}
}

// wait reports whether it has waited.
func (t *kernelTimer) wait(d time.Duration) bool {
	once := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	if unix.TimerfdSettime(t.fd, 0, &once, nil) != nil {
		return false
	}
	var expirations [8]byte
	_, err := t.file.Read(expirations[:])
	return err == nil
}
