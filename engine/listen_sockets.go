//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import "syscall"

// SyscallConn gives access to the listening socket, of which waits asks.
func (s *sockets) SyscallConn() (syscall.RawConn, error) { return s.raw, nil }
