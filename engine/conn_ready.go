//go:build unix

package engine

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// This file drives sockets on Unix. The whole life of an idle connection is
// spent inside one call of RawConn.Read: its callback runs the session and
// reports false to wait, so the goroutine is parked in the runtime's own
// poller, holds no buffer, and no read ever fails for want of bytes.
//
// While that callback runs, the runtime holds the descriptor's read lock: Read
// and Close of the net.Conn would wait for the callback's end. So the
// connection is in one of two modes:
//
//	inline   inside the callback: reads go to the descriptor itself
//	blocking outside of it: reads and Close are those of the net.Conn
//
// enter and leave are the only ways between them.

// readyConn is a socket. An idle connection keeps all of it, so it is small.
type readyConn struct {
	net.Conn // *net.TCPConn or *net.UnixConn
	raw      syscall.RawConn
	e        *threaded

	// Owned by the goroutine that runs the session.
	session Session
	next    Next
	told    bool // the session has met the deadline that a shutdown is
	resting bool // a new goroutine has just taken over an idle connection
	expired bool // the next TryRead without bytes reports the deadline

	fd       int         // valid in inline mode
	inline   atomic.Bool // the mode
	deadline lazyDeadline

	mu     sync.Mutex // held while the descriptor is used by number or closed
	closed bool       // Close was called in inline mode: the engine closes
	reset  bool       // closing sends a reset
}

func (e *threaded) wrap(nc net.Conn) conn {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		if raw, err := nc.(syscall.Conn).SyscallConn(); err == nil {
			c := &readyConn{Conn: nc, raw: raw, e: e}
			c.deadline.set = nc.SetReadDeadline
			return c
		}
	}
	return &plainConn{Conn: nc, e: e}
}

func (c *readyConn) run(s Session) (Next, error) {
	c.session = s
	defer c.leave() // also when the session panics
	for {
		err := c.raw.Read(c.ready)
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return Hangup, err
			}
			passed, idle := c.deadline.fired()
			c.expired = passed || c.e.closing.Load() && !c.told
			if idle && !c.expired {
				c.resting = true
				return rest, nil
			}
			continue
		}
		for c.next == Block || c.next == Again {
			c.next = c.session.Serve()
		}
		if c.next != Park {
			return c.next, c.endClosed()
		}
	}
}

// ready is the callback: the socket may be readable.
func (c *readyConn) ready(fd uintptr) (done bool) {
	if c.resting && !c.e.closing.Load() && !readable(int(fd)) {
		c.resting = false
		return false
	}
	c.resting = false
	c.enter(fd)
	c.next = c.session.Serve()
	// A shutdown may have begun while the session was busy, and bytes may
	// have come instead of the deadline it was woken by: it parks no more
	// without having met that deadline. It reads once in each call, so two
	// are enough.
	for range 2 {
		if c.next == Park && !c.told && c.e.closing.Load() {
			c.expired = true
			c.next = c.session.Serve()
		}
	}
	c.leave()
	if c.next == Park && c.e.forced.Load() {
		c.next = Hangup
	}
	return c.next != Park
}

func (c *readyConn) enter(fd uintptr) {
	c.fd = int(fd)
	c.inline.Store(true)
}

func (c *readyConn) leave() { c.inline.Store(false) }

// endClosed makes up for a Close in inline mode.
func (c *readyConn) endClosed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		c.closed = false
		return c.Conn.Close()
	}
	return nil
}

// TryRead reads what is there.
func (c *readyConn) TryRead(p []byte) (n int, err error) {
	if c.inline.Load() {
		n, err = receive(c.fd, p)
	} else {
		n, err = c.tryOutside(p)
	}
	switch {
	case n > 0:
		return n, nil
	case err == nil && len(p) > 0:
		return 0, io.EOF
	case err == ErrWouldBlock && c.expired:
		c.expired = false
		c.told = c.e.closing.Load()
		return 0, os.ErrDeadlineExceeded
	}
	return 0, err
}

// tryOutside is TryRead in blocking mode.
func (c *readyConn) tryOutside(p []byte) (n int, err error) {
	for {
		failed := c.raw.Read(func(fd uintptr) bool {
			n, err = receive(int(fd), p)
			return true
		})
		if failed == nil || !errors.Is(failed, os.ErrDeadlineExceeded) {
			return n, errors.Join(failed, err)
		}
		if passed, _ := c.deadline.fired(); passed {
			c.expired = true
		}
	}
}

// TryWrite writes what fits.
func (c *readyConn) TryWrite(p []byte) (int, error) {
	if c.inline.Load() {
		return send(c.fd, p)
	}
	return c.writeOutside(p)
}

// writeOutside is TryWrite in blocking mode.
func (c *readyConn) writeOutside(p []byte) (n int, err error) {
	failed := c.raw.Write(func(fd uintptr) bool {
		n, err = send(int(fd), p)
		return true
	})
	if failed != nil {
		return 0, failed
	}
	return n, err
}

// Read waits for bytes until the read deadline.
func (c *readyConn) Read(p []byte) (int, error) {
	for {
		if c.inline.Load() {
			n, err, ok := c.readInline(p)
			if ok {
				return n, err
			}
			continue
		}
		n, err := c.Conn.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if passed, _ := c.deadline.fired(); passed {
			return n, err
		}
	}
}

// inlinePoll is how long readInline waits before it looks again whether the
// connection was closed or has left inline mode.
const inlinePoll = 100 * time.Millisecond

// readInline is Read inside the callback. It happens only when a handler
// hijacks an exchange that was not announced by Block and reads on; it costs
// a thread while it waits. ok is false when the caller must look again.
func (c *readyConn) readInline(p []byte) (n int, err error, ok bool) {
	c.mu.Lock()
	if !c.inline.Load() {
		c.mu.Unlock()
		return 0, nil, false
	}
	if c.closed {
		c.mu.Unlock()
		return 0, net.ErrClosed, true
	}
	fd := c.fd
	n, err = receive(fd, p)
	c.mu.Unlock()
	switch {
	case n > 0 || err != nil && err != ErrWouldBlock:
		return n, err, true
	case err == nil && len(p) > 0:
		return 0, io.EOF, true
	case err == nil:
		return 0, nil, true
	case c.deadline.passed():
		return 0, os.ErrDeadlineExceeded, true
	}
	waitReadable(fd, inlinePoll)
	return 0, nil, false
}

// Close closes the connection; in inline mode it shuts it down, and the
// engine closes it when the callback has returned.
func (c *readyConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inline.Load() {
		c.closed = true
		if !c.reset {
			shutdownSocket(c.fd)
		}
		return nil
	}
	if c.closed {
		c.closed = false
	}
	return c.Conn.Close()
}

func (c *readyConn) SetReadDeadline(t time.Time) error { return c.deadline.move(t) }

func (c *readyConn) SetDeadline(t time.Time) error {
	return errors.Join(c.deadline.move(t), c.Conn.SetWriteDeadline(t))
}

// CloseWrite shuts the sending side.
func (c *readyConn) CloseWrite() error { return c.Conn.(CloseWriter).CloseWrite() }

// SendFile lets the runtime send the file.
func (c *readyConn) SendFile(f File, n int64) (int64, error) {
	tcp, ok := c.Conn.(*net.TCPConn)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	gathers := false
	_ = c.raw.Control(func(fd uintptr) { gathers = gather(int(fd)) })
	if gathers {
		defer func() { _ = c.raw.Control(func(fd uintptr) { gathered(int(fd)) }) }()
	}
	sent, err := tcp.ReadFrom(&io.LimitedReader{R: f, N: n})
	if err == nil && sent < n {
		err = io.ErrUnexpectedEOF
	}
	return sent, err
}

// SetLinger sets what Close does with bytes that were not sent yet.
func (c *readyConn) SetLinger(sec int) error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		c.mu.Lock()
		c.reset = sec == 0
		c.mu.Unlock()
		return tcp.SetLinger(sec)
	}
	return errors.ErrUnsupported
}

// Unwrap returns the connection as it was accepted.
func (c *readyConn) Unwrap() net.Conn { return c.Conn }

// Watch tells when the peer leaves.
func (c *readyConn) Watch(gone func()) (stop func()) {
	stop = func() {}
	_ = c.raw.Control(func(fd uintptr) { stop = c.e.watches.add(int(fd), gone) })
	return stop
}

func (c *readyConn) wake() { _ = c.Conn.SetReadDeadline(longAgo) }

// force makes every wait on the socket end. The descriptor stays open until
// its own goroutine closes it.
func (c *readyConn) force() {
	_ = c.raw.Control(func(fd uintptr) { shutdownSocket(int(fd)) })
	_ = c.Conn.SetWriteDeadline(longAgo)
}
