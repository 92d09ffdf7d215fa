//go:build unix

package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

// waitReadable waits until fd is readable, or for that long, in a system call.
func waitReadable(fd int, limit time.Duration) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	_, _ = unix.Poll(fds, int(limit/time.Millisecond))
}

// shutdownSocket ends both directions; every wait on the socket returns.
func shutdownSocket(fd int) { _ = unix.Shutdown(fd, unix.SHUT_RDWR) }
