package engine

import (
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// queued returns how many connections wait in the queue of a listener. Of
// sockets that are not TCP the system does not tell: then it is the most that
// can wait.
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
	n = longestBacklog()
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

// longestBacklog returns the most connections that the system lets wait in a
// queue: one more than it says.
func longestBacklog() int {
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	n, bad := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || bad != nil {
		return longestQueue
	}
	return n + 1
}
