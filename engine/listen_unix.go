//go:build unix

package engine

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// waits reports whether a connection waits in the queue of a listener; known
// is false for listeners that cannot be asked. One that is closed has none.
// The queue is in the order of arrival.
func waits(ln net.Listener) (some, known bool) {
	c, ok := ln.(syscall.Conn)
	if !ok {
		return false, false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return false, true
	}
	_ = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 0)
		for err == unix.EINTR {
			n, err = unix.Poll(fds, 0)
		}
		some = n > 0 && fds[0].Revents&unix.POLLIN != 0
	})
	return some, true
}
