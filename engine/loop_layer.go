//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// This file puts a layer, such as TLS, between a session and the socket of a
// loop. The layer is an ordinary net.Conn that reads and writes another one,
// lowerConn. A read that must not wait meets a temporary error there when
// nothing has come; crypto/tls hands such an error through, keeps what it has
// of a record, and can be asked again.

// layeredConn is what the session sees. The socket is not embedded: nothing
// that moves bytes may pass by the layer unseen.
type layeredConn struct {
	socket *loopConn
	upper  net.Conn
	lower  *lowerConn
}

// lowerConn is what the layer reads and writes.
type lowerConn struct {
	*loopConn
	noWait bool // of the read that runs
}

// addLayer makes the layer of a new connection. One that is NonBlocking itself
// passes on what the socket can do: the session has it as it is, and the
// connection lives like one without a layer.
func (c *loopConn) addLayer(layer func(net.Conn) net.Conn) net.Conn {
	lower := &lowerConn{loopConn: c}
	upper := layer(lower)
	if _, ok := upper.(NonBlocking); ok {
		return upper
	}
	c.layer = &layeredConn{socket: c, lower: lower, upper: upper}
	return c.layer
}

// shake runs the handshake of the layer, if it has one.
func (c *loopConn) shake() error {
	h, ok := c.layer.upper.(handshaker)
	if !ok {
		return nil
	}
	readBy := c.readBy.Load()
	_ = c.SetDeadline(time.Now().Add(c.l.e.cfg.Handshake))
	if err := h.HandshakeContext(context.Background()); err != nil {
		return errors.Join(errHandshake, err)
	}
	_ = c.SetWriteDeadline(time.Time{})
	c.moveDeadline(&c.readBy, readBy)
	return nil
}

// errNothingYet is what a layer meets when a read must not wait.
type errNothingYet struct{}

func (errNothingYet) Error() string   { return "engine: nothing has come yet" }
func (errNothingYet) Timeout() bool   { return false }
func (errNothingYet) Temporary() bool { return true }

func (c *lowerConn) Read(p []byte) (int, error) {
	if !c.noWait {
		return c.loopConn.Read(p)
	}
	n, err := c.loopConn.TryRead(p)
	if err == ErrWouldBlock {
		err = errNothingYet{}
	}
	return n, err
}

// TryRead reads until p is full or nothing is there: the layer may hold more
// than it has given, and no event would tell of that.
func (c *layeredConn) TryRead(p []byte) (n int, err error) {
	c.lower.noWait = true
	defer func() { c.lower.noWait = false }()
	for n < len(p) {
		m, err := c.upper.Read(p[n:])
		n += m
		switch {
		case err == nil:
		case errors.Is(err, errNothingYet{}):
			if n == 0 {
				err = ErrWouldBlock
			} else {
				err = nil
			}
			return n, err
		case n > 0: // the next read meets it
			c.meetAgain(err)
			return n, nil
		default:
			return 0, err
		}
	}
	c.socket.more = true
	return n, nil
}

// meetAgain makes sure that the session is called once more.
func (c *layeredConn) meetAgain(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.socket.expired, c.socket.told = true, false
		return
	}
	c.socket.hup = true // the layer keeps it
}

// TryWrite writes nothing: a layer has no half-written records.
func (c *layeredConn) TryWrite([]byte) (int, error) { return 0, ErrWouldBlock }

// Read may leave whole records in the layer, of which no event tells.
func (c *layeredConn) Read(p []byte) (int, error) {
	n, err := c.upper.Read(p)
	c.socket.more = n > 0
	return n, err
}

func (c *layeredConn) Write(p []byte) (int, error) { return c.upper.Write(p) }
func (c *layeredConn) Close() error                { return c.upper.Close() }
func (c *layeredConn) Unwrap() net.Conn            { return c.upper }
func (c *layeredConn) RemoteAddr() net.Addr        { return c.upper.RemoteAddr() }
func (c *layeredConn) LocalAddr() net.Addr         { return c.upper.LocalAddr() }

// CloseWrite ends the sending side of the layer.
func (c *layeredConn) CloseWrite() error {
	if half, ok := c.upper.(CloseWriter); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// What only times, watches or tunes is the socket's.
func (c *layeredConn) SetDeadline(t time.Time) error         { return c.socket.SetDeadline(t) }
func (c *layeredConn) SetReadDeadline(t time.Time) error     { return c.socket.SetReadDeadline(t) }
func (c *layeredConn) SetWriteDeadline(t time.Time) error    { return c.socket.SetWriteDeadline(t) }
func (c *layeredConn) Watch(gone func()) (stop func())       { return c.socket.Watch(gone) }
func (c *layeredConn) StopListening()                        { c.socket.StopListening() }
func (c *layeredConn) Yield()                                { c.socket.Yield() }
func (c *layeredConn) Charge(late *atomic.Bool)              { c.socket.Charge(late) }
func (c *layeredConn) SetLinger(sec int) error               { return c.socket.SetLinger(sec) }
func (c *layeredConn) SyscallConn() (syscall.RawConn, error) { return c.socket.SyscallConn() }
