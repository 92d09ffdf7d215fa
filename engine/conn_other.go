//go:build !unix

package engine

import "net"

// Without readiness for sockets every connection is driven by waiting in Read.
func (e *threaded) wrap(nc net.Conn, from *acceptor) conn {
	return newPlainConn(nc, e, from)
}
