package engine

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// This file drives connections that are nothing but a net.Conn: TLS, pipes,
// and sockets where the runtime offers no more. A read waits in Read, so the
// session waits inside Serve.

// plainConn adds to a net.Conn what an engine promises: a deadline that a
// shutdown may borrow, and a watch for the peer's leaving, which is a read of
// one byte in the background.
type plainConn struct {
	net.Conn
	e     *threaded
	from  *acceptor
	fresh atomic.Bool // Serve has been called and has not read yet
	told  atomic.Bool // the session knows of the shutdown

	mu       sync.Mutex // guards the following
	deadline time.Time  // as the session has set it
	ahead    [1]byte    // a byte that a watch has read
	has      bool
	err      error // what a watch has met instead
	watch    *plainWatch
	shakes   bool // the handshake goes on, which has a deadline of its own
}

// plainWatch is a read in the background.
type plainWatch struct {
	gone func()
	done chan struct{} // closed when the read has ended
}

func newPlainConn(nc net.Conn, e *threaded, from *acceptor) *plainConn {
	_, shakes := nc.(handshaker)
	return &plainConn{Conn: nc, e: e, from: from, shakes: shakes}
}

func (c *plainConn) run(s Session) (Next, error) {
	err := c.e.shake(c.Conn)
	c.mu.Lock()
	c.shakes = false
	c.mu.Unlock()
	if err != nil {
		return Hangup, err
	}
	next := Park
	for next == Park || next == Block || next == Again {
		c.fresh.Store(next != Block)
		next = s.Serve()
	}
	return next, nil
}

// rest: a read that waits needs its goroutine.
func (c *plainConn) rest() bool { return false }

// Read waits for bytes. A deadline that a shutdown has moved wakes only a
// session that waits for a new conversation.
func (c *plainConn) Read(p []byte) (int, error) {
	fresh := c.fresh.Swap(false)
	if w := c.halt(); w != nil {
		c.restore()
		defer c.begin(w.gone)
	}
	if n, err := c.readAhead(p); n > 0 || err != nil {
		return n, err
	}
	for {
		if fresh && c.e.closing.Load() && !c.told.Swap(true) {
			return c.lastLook(p)
		}
		n, err := c.Conn.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.passed() {
			return n, err
		}
		if !fresh || c.told.Load() || !c.e.closing.Load() {
			c.restore()
		}
	}
}

// readAhead returns what a watch has read or met.
func (c *plainConn) readAhead(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.has || len(p) == 0 {
		return 0, c.err
	}
	p[0], c.has = c.ahead[0], false
	return 1, nil
}

// lastLook reads what has come before a shutdown began.
func (c *plainConn) lastLook(p []byte) (int, error) {
	_ = c.Conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	n, err := c.Conn.Read(p)
	c.restore()
	c.told.Store(n == 0)
	return n, err
}

// passed reports whether the session's own deadline has passed.
func (c *plainConn) passed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.deadline.IsZero() && !time.Now().Before(c.deadline)
}

// restore gives the connection the session's own deadline again.
func (c *plainConn) restore() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.Conn.SetReadDeadline(c.deadline)
}

func (c *plainConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if c.watch != nil {
		return nil // it will be set when the watch has ended
	}
	return c.Conn.SetReadDeadline(t)
}

func (c *plainConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.Conn.SetWriteDeadline(t))
}

// SetLinger sets what Close does with bytes that were not sent yet, where the
// connection knows of that.
func (c *plainConn) SetLinger(sec int) error {
	if l, ok := c.Conn.(interface{ SetLinger(sec int) error }); ok {
		return l.SetLinger(sec)
	}
	return errors.ErrUnsupported
}

// CloseWrite shuts the sending side, where there is one to shut.
func (c *plainConn) CloseWrite() error {
	if half, ok := c.Conn.(CloseWriter); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// StopListening closes the listener the connection came from.
func (c *plainConn) StopListening() { c.from.end() }

// Unwrap returns the connection as it was accepted.
func (c *plainConn) Unwrap() net.Conn { return c.Conn }

// wake makes a waiting session look for the shutdown. A handshake comes to its
// end first: the first Read looks.
func (c *plainConn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.shakes {
		_ = c.Conn.SetReadDeadline(longAgo)
	}
}

func (c *plainConn) force() { _ = c.Conn.Close() }

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// Watch reads one byte in the background. The byte is kept for the next Read;
// from then on the watch is blind, since more must not be read ahead.
func (c *plainConn) Watch(gone func()) (stop func()) {
	c.begin(gone)
	return func() {
		c.halt()
		c.restore()
	}
}

func (c *plainConn) begin(gone func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has || c.err != nil || c.watch != nil {
		return
	}
	w := &plainWatch{gone: gone, done: make(chan struct{})}
	c.watch = w
	_ = c.Conn.SetReadDeadline(time.Time{})
	go func() {
		defer close(w.done)
		n, err := c.Conn.Read(c.ahead[:])
		c.mu.Lock()
		c.has = n > 0
		left := n == 0 && err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
		if left {
			c.err = err
		}
		c.mu.Unlock()
		if left {
			w.gone()
		}
	}()
}

// halt ends a running watch and returns it, nil without one.
func (c *plainConn) halt() *plainWatch {
	c.mu.Lock()
	w := c.watch
	c.mu.Unlock()
	if w == nil {
		return nil
	}
	_ = c.Conn.SetReadDeadline(longAgo)
	<-w.done
	c.mu.Lock()
	c.watch = nil
	c.mu.Unlock()
	return w
}
