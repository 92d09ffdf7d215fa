//go:build freebsd || dragonfly

package engine

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// acceptSocket accepts one connection that does not block.
func acceptSocket(fd int) (conn int, peer netip.AddrPort, isUnix bool, err error) {
	conn, sa, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return -1, peer, false, err
	}
	peer, isUnix = peerOf(sa)
	return conn, peer, isUnix, nil
}
