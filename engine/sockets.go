//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// This file accepts sockets as bare descriptors, so that the runtime's poller
// never hears of them: a loop watches them.

// sockets is a listener whose connections are loopConns. It accepts on a copy
// of the listener's descriptor.
type sockets struct {
	net.Listener
	file *os.File
	raw  syscall.RawConn
	stop atomic.Int64 // when SetDeadline wants Accept to give up, Unix nanoseconds
}

// ownerLook is how often Accept looks whether the listener it was made from
// was closed by its owner.
const ownerLook = time.Second

// listenSockets returns nil for listeners that are no sockets, or do more than
// accept.
func listenSockets(ln net.Listener) (net.Listener, error) {
	var file *os.File
	var err error
	switch ln := ln.(type) {
	case *net.TCPListener:
		file, err = ln.File()
	case *net.UnixListener:
		file, err = ln.File()
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetDeadline(time.Now().Add(ownerLook))
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &sockets{Listener: ln, file: file, raw: raw}, nil
}

// Accept returns a *loopConn that belongs to no loop yet.
func (s *sockets) Accept() (net.Conn, error) {
	for {
		var c *loopConn
		var failed error
		err := s.raw.Read(func(fd uintptr) bool {
			c, failed = accept(int(fd))
			return failed != unix.EAGAIN
		})
		switch {
		case err == nil && failed == nil:
			return c, nil
		case err == nil:
			return nil, os.NewSyscallError("accept", failed)
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return nil, net.ErrClosed
		}
		if stop := s.stop.Load(); stop != 0 && time.Now().UnixNano() >= stop {
			return nil, err
		}
		if s.ownerGone() {
			return nil, net.ErrClosed
		}
		_ = s.SetDeadline(time.Time{})
	}
}

// ownerGone reports whether the original listener is closed.
func (s *sockets) ownerGone() bool {
	raw, err := s.Listener.(syscall.Conn).SyscallConn()
	return err != nil || raw.Control(func(uintptr) {}) != nil
}

// SetDeadline makes Accept give up at that time, zero for never.
func (s *sockets) SetDeadline(t time.Time) error {
	look := time.Now().Add(ownerLook)
	if !t.IsZero() {
		s.stop.Store(t.UnixNano())
	}
	if stop := s.stop.Load(); stop != 0 && stop < look.UnixNano() {
		look = time.Unix(0, stop)
	}
	return s.file.SetDeadline(look)
}

func (s *sockets) Close() error { return errors.Join(s.file.Close(), s.Listener.Close()) }

// accept takes one connection; EAGAIN when none waits.
func accept(fd int) (*loopConn, error) {
	for {
		conn, sa, err := acceptSocket(fd)
		switch err {
		case nil:
			c := &loopConn{fd: int32(conn)}
			switch sa := sa.(type) {
			case *unix.SockaddrInet4:
				c.peer = netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
			case *unix.SockaddrInet6:
				c.peer = netip.AddrPortFrom(addr6(sa), uint16(sa.Port))
			default:
				c.unix = true
				return c, nil
			}
			noDelay(conn)
			return c, nil
		case unix.EINTR, unix.ECONNABORTED:
			continue
		}
		return nil, err
	}
}

// addr6 returns the address; one of IPv4 on a socket of IPv6 is that of IPv4.
func addr6(sa *unix.SockaddrInet6) netip.Addr {
	addr := netip.AddrFrom16(sa.Addr).Unmap()
	if sa.ZoneId != 0 {
		addr = addr.WithZone(strconv.Itoa(int(sa.ZoneId)))
	}
	return addr
}

// netAddr translates a socket's address.
func netAddr(sa unix.Sockaddr) net.Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)))
	case *unix.SockaddrInet6:
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr6(sa), uint16(sa.Port)))
	case *unix.SockaddrUnix:
		return &net.UnixAddr{Net: "unix", Name: sa.Name}
	}
	return nil
}

// noDelay lets small answers leave at once.
func noDelay(fd int) { _ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) }
