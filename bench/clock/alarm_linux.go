package clock

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A kernelTimer is a timer of the shared clock that is read like a file.
type kernelTimer struct {
	fd   int
	file *os.File
	free func() bool
}

// newKernelTimer returns nil where the kernel gives no such timer.
func newKernelTimer(ctx context.Context) *kernelTimer {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	t := &kernelTimer{fd: fd, file: os.NewFile(uintptr(fd), "timer")}
	t.free = context.AfterFunc(ctx, func() { _ = t.file.SetReadDeadline(time.Unix(1, 0)) })
	return t
}

// wait waits until at or until the context ends, and reports whether it could.
func (t *kernelTimer) wait(at int64) bool {
	when := unix.ItimerSpec{Value: unix.NsecToTimespec(at)}
	if at <= 0 || unix.TimerfdSettime(t.fd, unix.TFD_TIMER_ABSTIME, &when, nil) != nil {
		return false
	}
	var expirations [8]byte
	_, err := t.file.Read(expirations[:])
	return err == nil || os.IsTimeout(err)
}

func (t *kernelTimer) stop() {
	t.free()
	_ = t.file.Close()
}
