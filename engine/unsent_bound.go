//go:build linux || darwin

package engine

import (
	"net"

	"golang.org/x/sys/unix"
)

// This file bounds what a socket takes beyond what its peer has room for.
// Unbounded, a socket takes megabytes, and says that there is room again only
// when a third of them has gone: a peer that reads slowly but steadily looks as
// if it stood still, and each that does not read at all holds those megabytes.

// mostUnsent is how many bytes a socket holds that have not been sent. The system
// tells of room when about a third of them has gone, so this is 6 KB/s in 30 s
// where no bound is 47. With less, large answers to fast peers are interrupted
// often: one of 2 MiB cost 1.1 times the processor time of no bound, 1.7 at
// 256 KiB and 2.0 at 128 KiB.
const mostUnsent = 512 << 10

// boundUnsent sets the bound. A listener cannot hand it on where it speaks
// Multipath TCP, as those of package net do.
func boundUnsent(fd int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, mostUnsent)
}

// boundUnsentBelow sets it on the socket that is below all layers of nc.
func boundUnsentBelow(nc net.Conn) {
	for {
		switch layer := nc.(type) {
		case *net.TCPConn:
			if raw, err := layer.SyscallConn(); err == nil {
				_ = raw.Control(func(fd uintptr) { boundUnsent(int(fd)) })
			}
			return
		case interface{ Unwrap() net.Conn }:
			nc = layer.Unwrap()
		case interface{ NetConn() net.Conn }:
			nc = layer.NetConn()
		default:
			return
		}
	}
}
