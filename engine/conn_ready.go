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

// This file drives sockets on Unix. A connection waits inside one call of
// RawConn.Read: its callback runs the session and reports false to wait, so
// the goroutine is parked in the runtime's own poller, holds no buffer, and no
// read ever fails for want of bytes. One that stays idle leaves that call and
// rests, see conn_rest.go.
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
	from     *acceptor

	// Owned by the goroutine that runs the session.
	session Session
	next    Next
	told    bool // the session has met the deadline that a shutdown is
	expired bool // the next TryRead without bytes reports the deadline
	busy    bool // bytes have come since the timer was armed
	glances bool // the next look at the socket is unasked
	stirs   bool // the next call of the session is the first since then
	bed     bed

	fd       int32       // of the session, valid in inline mode
	inline   atomic.Bool // the mode
	deadline lazyDeadline
	second   atomic.Pointer[second] // see conn_inline.go

	mu      sync.Mutex // guards the following
	watched *watch     // the newest of the socket; nil without one and when it was stopped
	closed  bool       // Close was called; if that was in inline mode the engine closes
	reset   bool       // closing sends a reset
	rests   bool       // it has no goroutine, see conn_rest.go
}

func (e *threaded) wrap(nc net.Conn, from *acceptor) conn {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		if raw, err := nc.(syscall.Conn).SyscallConn(); err == nil {
			c := &readyConn{Conn: nc, raw: raw, e: e, from: from}
			c.deadline.set = nc.SetReadDeadline
			return c
		}
	}
	return newPlainConn(nc, e, from)
}

func (c *readyConn) run(s Session) (Next, error) {
	c.session = s
	c.rise()
	defer c.leave() // also when the session panics
	for {
		err := c.raw.Read(c.ready)
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return Hangup, err
			}
			if c.glance() {
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

// glance is called when the timer has fired. It reports whether the connection
// may rest.
func (c *readyConn) glance() (idle bool) {
	passed, idle := c.deadline.fired(c.busy)
	c.expired = passed || c.e.closing.Load() && !c.told
	c.busy, c.glances, c.stirs = false, !c.expired, true
	return idle && !c.expired
}

// ready is the callback: the socket may be readable.
func (c *readyConn) ready(fd uintptr) (done bool) {
	if c.glances { // for nothing the session is not called, so the stack stays small
		c.glances = false
		if !c.e.closing.Load() && !readable(int(fd)) {
			return false
		}
	}
	armed := c.stirs && c.deadline.stir()
	c.stirs = false
	c.enter(fd)
	c.next = c.session.Serve()
	if armed {
		c.busy = false // the timer has just been armed for this
	}
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
	c.fd = int32(fd)
	c.inline.Store(true)
}

func (c *readyConn) leave() {
	c.inline.Store(false)
	if c.second.Load() != nil {
		c.dropSecond()
	}
}

// endClosed makes up for a Close in inline mode.
func (c *readyConn) endClosed() error {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if !closed {
		return nil
	}
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil // somebody else was faster
}

// TryRead reads what is there.
func (c *readyConn) TryRead(p []byte) (n int, err error) {
	if c.inline.Load() {
		n, err = receive(int(c.fd), p)
	} else {
		n, err = c.tryOutside(p)
	}
	switch {
	case n > 0:
		c.busy = true
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
		if passed, _ := c.deadline.fired(false); passed {
			c.expired = true
		}
	}
}

// TryWrite writes what fits.
func (c *readyConn) TryWrite(p []byte) (int, error) {
	if c.inline.Load() {
		return send(int(c.fd), p)
	}
	return c.writeOutside(p)
}

// writeOutside is TryWrite in blocking mode. It does not wait, so it has no use
// for a deadline, which may be that of an earlier Write.
func (c *readyConn) writeOutside(p []byte) (n int, err error) {
	failed := c.raw.Control(func(fd uintptr) { n, err = send(int(fd), p) })
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
		if c.deadline.passed() { // its timer has fired for an earlier Read
			return 0, os.ErrDeadlineExceeded
		}
		n, err := c.Conn.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if passed, _ := c.deadline.fired(false); passed {
			return n, err
		}
	}
}

// Close closes the connection; in inline mode it shuts it down, and the
// engine closes it when the callback has returned. Reads that wait return.
func (c *readyConn) Close() error {
	defer c.rouse() // nobody else tells of it
	c.mu.Lock()
	c.closed = true
	if c.inline.Load() {
		defer c.mu.Unlock()
		c.dropSecond()
		if !c.reset {
			_ = c.raw.Control(func(fd uintptr) { shutdownSocket(int(fd)) })
		}
		return nil
	}
	if c.watched != nil {
		c.e.watches.forget(c.watched)
		c.watched = nil
	}
	c.mu.Unlock()
	return c.Conn.Close() // a callback that has just begun may need mu to end
}

// SetReadDeadline moves the deadline, also while nobody reads.
func (c *readyConn) SetReadDeadline(t time.Time) error {
	err := c.deadline.move(t)
	c.rouse()
	return err
}

func (c *readyConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.Conn.SetWriteDeadline(t))
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

// StopListening closes the listener the connection came from.
func (c *readyConn) StopListening() { c.from.end() }

// Unwrap returns the connection as it was accepted.
func (c *readyConn) Unwrap() net.Conn { return c.Conn }

// Watch tells when the peer leaves. There is one watch at a time: the next one
// begins when it was stopped or has told.
func (c *readyConn) Watch(gone func()) (stop func()) {
	c.mu.Lock()
	w := c.watch(peerLeaves, gone)
	c.mu.Unlock()
	return func() { c.unwatch(w) }
}

// watch begins a watch of the socket, see watches.add. mu is held.
func (c *readyConn) watch(events uint32, tell func()) (w *watch) {
	_ = c.raw.Control(func(fd uintptr) { w = c.e.watches.add(int(fd), c.watched, events, tell) })
	if w != nil {
		c.watched = w
	}
	return w
}

// unwatch ends a watch, which may be over, or nil. When it has returned, tell
// is not running and will not. The system is told only of the newest watch of
// an open socket: the number of a closed one may be that of another by now.
func (c *readyConn) unwatch(w *watch) {
	if w == nil {
		return
	}
	c.mu.Lock()
	c.e.watches.forget(w)
	if c.watched == w {
		c.watched = nil
		_ = c.raw.Control(func(fd uintptr) { c.e.watches.disarm(int(fd)) })
	}
	c.mu.Unlock()
	w.end() // without mu: tell may need it
}

func (c *readyConn) wake() {
	_ = c.Conn.SetReadDeadline(longAgo)
	c.rouse()
}

// force makes every wait on the socket end. The descriptor stays open until
// its own goroutine closes it.
func (c *readyConn) force() {
	_ = c.raw.Control(func(fd uintptr) { shutdownSocket(int(fd)) })
	_ = c.Conn.SetWriteDeadline(longAgo)
}
