//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync"
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
	once func(uintptr) bool // take, made once
	mu   sync.Mutex         // held while the deadline of the file is set
	stop atomic.Int64       // when SetDeadline wants Accept to give up, Unix nanoseconds

	// Of the Accept that is running: there is one at a time.
	conn   *loopConn
	failed error
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
	if _, tcp := ln.(*net.TCPListener); tcp && inheritsNoDelay {
		_ = raw.Control(func(fd uintptr) { noDelay(int(fd)) })
	}
	s := &sockets{Listener: ln, file: file, raw: raw}
	s.once = s.take
	return s, nil
}

// take accepts one connection; false means to wait.
func (s *sockets) take(fd uintptr) bool {
	s.conn, s.failed = accept(int(fd))
	return s.failed != unix.EAGAIN
}

// Accept returns a *loopConn that belongs to no loop yet. It must not be
// called by two goroutines at a time.
func (s *sockets) Accept() (net.Conn, error) {
	for {
		err := s.raw.Read(s.once)
		switch {
		case err == nil && s.failed == nil:
			return s.conn, nil
		case err == nil:
			return nil, os.NewSyscallError("accept", s.failed)
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
	s.mu.Lock()
	defer s.mu.Unlock()
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
		conn, peer, isUnix, err := acceptSocket(fd)
		switch err {
		case nil:
			if !isUnix && !inheritsNoDelay {
				noDelay(conn)
			}
			return &loopConn{fd: int32(conn), peer: peer, unix: isUnix}, nil
		case unix.EINTR, unix.ECONNABORTED:
			continue
		}
		return nil, err
	}
}

// peerOf translates a peer's address.
func peerOf(sa unix.Sockaddr) (peer netip.AddrPort, isUnix bool) {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), false
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(addr6(sa.Addr, sa.ZoneId), uint16(sa.Port)), false
	}
	return netip.AddrPort{}, true
}

// addr6 returns the address; one of IPv4 on a socket of IPv6 is that of IPv4.
func addr6(ip [16]byte, zone uint32) netip.Addr {
	addr := netip.AddrFrom16(ip).Unmap()
	if zone != 0 {
		addr = addr.WithZone(strconv.Itoa(int(zone)))
	}
	return addr
}

// netAddr translates a socket's address.
func netAddr(sa unix.Sockaddr) net.Addr {
	if local, ok := sa.(*unix.SockaddrUnix); ok {
		return &net.UnixAddr{Net: "unix", Name: local.Name}
	}
	addr, _ := peerOf(sa)
	return net.TCPAddrFromAddrPort(addr)
}

// inheritsNoDelay: sockets that are accepted have the option if the listener
// has it.
const inheritsNoDelay = runtime.GOOS == "linux"

// noDelay lets small answers leave at once.
func noDelay(fd int) { _ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) }
