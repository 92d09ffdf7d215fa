package engine

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// queued returns how many connections wait in the queue of a listener. Of
// sockets that are not TCP the system does not tell: then it is longestQueue.
func queued(ln net.Listener) int {
	n := longestQueue
	c, ok := ln.(syscall.Conn)
	if !ok {
		return n
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return n
	}
	_ = raw.Control(func(fd uintptr) {
		// Of a listening socket these two are the length of its queue and the
		// room in it.
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil && info.Sacked > 0 {
			n = int(info.Unacked)
		}
	})
	return n
}
