//go:build darwin || netbsd || openbsd

package engine

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// acceptSocket accepts one connection that does not block. There is no
// accept4 here: the lock keeps a fork from inheriting the descriptor.
func acceptSocket(fd int) (conn int, peer netip.AddrPort, isUnix bool, err error) {
	syscall.ForkLock.RLock()
	conn, sa, err := unix.Accept(fd)
	if err == nil {
		unix.CloseOnExec(conn)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, peer, false, err
	}
	if err := unix.SetNonblock(conn, true); err != nil {
		_ = unix.Close(conn)
		return -1, peer, false, err
	}
	peer, isUnix = peerOf(sa)
	return conn, peer, isUnix, nil
}
