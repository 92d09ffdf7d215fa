package proxyproto

import (
	"net"
	"sync/atomic"
	"syscall"

	"wherry.example/wherry/engine"
)

// This file is a connection as an app serves it. The app waits for the header
// before any hook or session sees the connection, on an event loop without a
// goroutine; from then on what is asked of the connection is asked of the
// socket.

// Wanted reports whether the peer may speak.
func (c *conn) Wanted() bool { return true }

// Begin reads the header as far as it has come. nil: it is complete, or bad,
// which the next Read tells. Where reads only block it waits.
func (c *conn) Begin() error {
	read := waiting
	if c.try != nil {
		read = trying
	}
	err := c.await(read)
	if err != nil && !c.settled() {
		return err
	}
	return nil
}

func (c *conn) settled() bool {
	c.reading.Lock()
	defer c.reading.Unlock()
	return c.done || c.err != nil
}

// Abandon ends the wait for a header that has not come: the address stays
// unknown.
func (c *conn) Abandon(cause error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.done || c.err != nil {
		return
	}
	if cause == nil {
		cause = net.ErrClosed
	}
	c.fail(cause)
}

// socket is the connection of an engine that knows readiness.
type socket interface {
	net.Conn
	engine.NonBlocking
	engine.Yielder
	engine.Watcher
	engine.FileSender
	engine.CloseWriter
	SetLinger(sec int) error
	SyscallConn() (syscall.RawConn, error)
}

// socketConn is a connection on such a socket, and can do what that can.
type socketConn struct {
	conn
	socket socket
}

// TryRead reads what has come behind the header.
func (c *socketConn) TryRead(p []byte) (int, error) { return c.read(p, trying) }

// TryWrite writes what fits.
func (c *socketConn) TryWrite(p []byte) (int, error) { return c.socket.TryWrite(p) }

// Yield lets other sessions go on.
func (c *socketConn) Yield() { c.socket.Yield() }

// Charge names who is told when the goroutine is taken from the session.
func (c *socketConn) Charge(late *atomic.Bool) { c.socket.Charge(late) }

// Watch tells when the peer leaves.
func (c *socketConn) Watch(gone func()) (stop func()) { return c.socket.Watch(gone) }

// SendFile lets the system send a file.
func (c *socketConn) SendFile(f engine.File, n int64) (int64, error) { return c.socket.SendFile(f, n) }

// SyscallConn gives access to the descriptor, for socket options.
func (c *socketConn) SyscallConn() (syscall.RawConn, error) { return c.socket.SyscallConn() }

// refusedConn is a connection of a peer that may not speak. An engine that
// makes the layer itself has accepted it already.
type refusedConn struct{ net.Conn }

// Wanted reports false: the connection is closed as it comes.
func (refusedConn) Wanted() bool { return false }

// Begin and Abandon are never called.
func (refusedConn) Begin() error  { return net.ErrClosed }
func (refusedConn) Abandon(error) {}

// Read and Write fail, should somebody ask for bytes nevertheless.
func (refusedConn) Read([]byte) (int, error)  { return 0, net.ErrClosed }
func (refusedConn) Write([]byte) (int, error) { return 0, net.ErrClosed }
