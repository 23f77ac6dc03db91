package command

import (
	"math"

	"golang.org/x/sys/unix"
)

// await returns when the process has ended, and leaves it to be waited for: so long its number, and that of its group, are
// given to nobody else.
func await(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR { //nolint:errorlint // an errno, never wrapped
	}
}

// seal keeps descriptors that this process has itself been started with from being handed on; those that it has opened are
// not anyway. A kernel before 5.11 cannot, and hands them on.
func seal() {
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
}
