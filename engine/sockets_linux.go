package engine

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// acceptSocket accepts one connection that does not block. It makes no garbage:
// what the idle connections of a server keep would else be as much again.
// The plain form is in sockets_accept4.go.
func acceptSocket(fd int) (conn int, peer netip.AddrPort, isUnix bool, err error) {
	var raw unix.RawSockaddrInet6 // the largest that is looked at
	size := uint32(unsafe.Sizeof(raw))
	n, _, errno := syscall.Syscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, peer, false, errno
	}
	switch raw.Family {
	case unix.AF_INET:
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(&raw))
		peer = netip.AddrPortFrom(netip.AddrFrom4(four.Addr), port(&four.Port))
	case unix.AF_INET6:
		peer = netip.AddrPortFrom(addr6(raw.Addr, raw.Scope_id), port(&raw.Port))
	default:
		isUnix = true
	}
	return int(n), peer, isUnix, nil
}

// port reads a port, which stands in the order of the network.
func port(p *uint16) uint16 { return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:]) }
