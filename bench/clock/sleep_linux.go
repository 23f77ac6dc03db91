package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// Sleep waits for d in the kernel, which is later by a tenth of a millisecond at most times; a timer of Go is by up to one,
// because the runtime waits for network and timers together, in whole milliseconds. It cannot be interrupted.
func Sleep(d time.Duration) {
	rest := unix.NsecToTimespec(int64(d))
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &rest, &rest) == unix.EINTR {
	}
}
