package command

import "golang.org/x/sys/unix"

// await returns when the process has ended, and leaves it to be waited for: so long its number, and that of its group, are
// given to nobody else.
func await(pid int) {
	queue, err := unix.Kqueue()
	if err != nil {
		return
	}
	defer unix.Close(queue)
	ended := []unix.Kevent_t{{Ident: uint64(pid), Filter: unix.EVFILT_PROC, Flags: unix.EV_ADD | unix.EV_ONESHOT, Fflags: unix.NOTE_EXIT}}
	for n := 0; n == 0; { // an error other than EINTR says that it has ended already
		if n, err = unix.Kevent(queue, ended, ended, nil); err != nil && err != unix.EINTR { //nolint:errorlint // an errno
			return
		}
		n = max(0, n)
	}
}

// seal keeps descriptors that this process has itself been started with from being handed on; those that it has opened are
// not anyway.
func seal() {
	for fd := 3; fd < 256; fd++ {
		unix.CloseOnExec(fd)
	}
}
