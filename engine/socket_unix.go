//go:build unix

package engine

import "golang.org/x/sys/unix"

// shutdownSocket ends both directions; every wait on the socket returns.
func shutdownSocket(fd int) { _ = unix.Shutdown(fd, unix.SHUT_RDWR) }
