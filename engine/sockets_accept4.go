//go:build linux || freebsd || dragonfly

package engine

import "golang.org/x/sys/unix"

// acceptSocket accepts one connection that does not block.
func acceptSocket(fd int) (int, unix.Sockaddr, error) {
	return unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
}
