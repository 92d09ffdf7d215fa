//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file is how a connection of a loop waits: first it gives the loop to
// somebody else, then it sleeps until that tells it of readiness. So a handler
// on a loop reads and writes as on any connection.

// waiter is a goroutine that waits for a direction of a connection.
type waiter struct{ wake chan struct{} }

// notify leaves news for the goroutine that has the connection. It reports
// false when nobody has: then the news is the leader's to deal with.
func (c *loopConn) notify(what readiness) bool {
	old := c.state.Or(uint32(what))
	if old&away == 0 {
		c.state.And(^uint32(what))
		return false
	}
	if what&(canRead|expired) != 0 {
		wakeUp(&c.reader)
	}
	if what&(canWrite|expired) != 0 {
		wakeUp(&c.writer)
	}
	if what&peerLeft != 0 {
		c.tellLeft()
	}
	return true
}

func wakeUp(slot *atomic.Pointer[waiter]) {
	if w := slot.Load(); w != nil {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// Yield gives the loop away before a session does what takes long.
func (c *loopConn) Yield() {
	if c.state.Load()&away != 0 {
		return
	}
	if !c.l.take(c.turn, false) {
		c.awaitTaken()
	}
}

// Charge names who is told when the session loses the loop by taking long.
func (c *loopConn) Charge(late *atomic.Bool) {
	if c.late.Load() != late {
		c.late.Store(late)
	}
}

// awaitTaken waits until whoever has taken the loop has marked the connection,
// which is its next step.
func (c *loopConn) awaitTaken() {
	for c.state.Load()&away == 0 {
		runtime.Gosched()
	}
}

// await waits until the direction is ready.
func (c *loopConn) await(slot *atomic.Pointer[waiter], by *atomic.Int64, what readiness) error {
	c.Yield()
	w := &waiter{wake: make(chan struct{}, 1)}
	slot.Store(w)
	defer slot.Store(nil)
	c.l.p.arm(c.fd, c.gen, what)
	for {
		switch {
		case c.state.And(^uint32(what))&uint32(what) != 0:
			return nil
		case c.refs.Load()&closed != 0:
			return net.ErrClosed
		case passedBy(by, c.l.e):
			return os.ErrDeadlineExceeded
		}
		<-w.wake
	}
}

// Read waits for bytes until the read deadline.
func (c *loopConn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if !c.use() {
		return 0, net.ErrClosed
	}
	defer c.release()
	if len(p) == 0 { // it tells nothing of what is there
		return 0, nil
	}
	for {
		n, err := receive(int(c.fd), p)
		c.more = n == len(p)
		switch {
		case n > 0:
			return n, nil
		case err == nil:
			return 0, io.EOF
		case err != ErrWouldBlock:
			return 0, err
		}
		if err := c.await(&c.reader, &c.readBy, canRead); err != nil {
			return 0, err
		}
	}
}

// Write writes all of p, and waits for room until the write deadline.
func (c *loopConn) Write(p []byte) (written int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if !c.use() {
		return 0, net.ErrClosed
	}
	defer c.release()
	for {
		n, err := send(int(c.fd), p[written:])
		written += n
		if written == len(p) {
			return written, nil
		}
		if err != nil && err != ErrWouldBlock {
			return written, err
		}
		if err := c.await(&c.writer, &c.writeBy, canWrite); err != nil {
			return written, err
		}
	}
}

// Watch tells when the peer leaves.
func (c *loopConn) Watch(gone func()) (stop func()) {
	c.mu.Lock()
	c.left = gone
	c.mu.Unlock()
	if c.hup || c.state.Load()&uint32(peerLeft) != 0 {
		go c.tellLeft()
	}
	return func() {
		c.mu.Lock()
		c.left = nil
		c.mu.Unlock()
	}
}

// tellLeft calls what Watch was given.
func (c *loopConn) tellLeft() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if gone := c.left; gone != nil {
		c.left = nil
		gone()
	}
}

// The descriptor is closed when nobody uses it any more: the engine is one
// user until the session ends, each Read and Write is one.
const closed uint32 = 1 << 31

func (c *loopConn) use() bool {
	for {
		n := c.refs.Load()
		if n&closed != 0 {
			return false
		}
		if c.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (c *loopConn) release() {
	if c.refs.Add(^uint32(0)) == closed {
		c.dispose()
	}
}

// Close ends the connection. Reads and writes that wait return.
func (c *loopConn) Close() error {
	if !c.use() {
		return net.ErrClosed
	}
	if c.refs.Or(closed)&closed == 0 {
		wakeUp(&c.reader)
		wakeUp(&c.writer)
		if !c.gone.Load() && !c.reset.Load() { // the engine's session still has it
			shutdownSocket(int(c.fd))
		}
	}
	c.release()
	return nil
}

// dispose closes the descriptor. Nobody finds the connection any more.
func (c *loopConn) dispose() {
	l := c.l
	l.wheel.drop(c)
	l.e.table.drop(c)
	l.p.remove(c.fd)
	_ = unix.Close(int(c.fd))
	l.e.disposed()
}

// force makes every wait on the socket end.
func (c *loopConn) force() {
	if c.use() {
		shutdownSocket(int(c.fd))
		c.release()
	}
}

// CloseWrite shuts the sending side.
func (c *loopConn) CloseWrite() error {
	return c.control(func(fd int) error { return os.NewSyscallError("shutdown", unix.Shutdown(fd, unix.SHUT_WR)) })
}

// SetLinger sets what Close does with bytes that were not sent yet, as
// net.TCPConn.SetLinger.
func (c *loopConn) SetLinger(sec int) error {
	linger := unix.Linger{Onoff: 1, Linger: int32(sec)}
	if sec < 0 {
		linger = unix.Linger{}
	}
	c.reset.Store(sec == 0)
	return c.control(func(fd int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger))
	})
}

// LocalAddr returns the address the connection was accepted at, nil when it is
// closed.
func (c *loopConn) LocalAddr() net.Addr {
	var addr net.Addr
	_ = c.control(func(fd int) error {
		sa, err := unix.Getsockname(fd)
		if err == nil {
			addr = netAddr(sa)
		}
		return err
	})
	return addr
}

func (c *loopConn) control(f func(fd int) error) error {
	if !c.use() {
		return net.ErrClosed
	}
	defer c.release()
	return f(int(c.fd))
}

// SyscallConn gives access to the descriptor, for socket options. Its Read and
// Write are not supported.
func (c *loopConn) SyscallConn() (syscall.RawConn, error) { return loopControl{c}, nil }

type loopControl struct{ c *loopConn }

func (r loopControl) Control(f func(fd uintptr)) error {
	return r.c.control(func(fd int) error {
		f(uintptr(fd))
		return nil
	})
}

func (loopControl) Read(func(uintptr) bool) error  { return syscall.EINVAL }
func (loopControl) Write(func(uintptr) bool) error { return syscall.EINVAL }

var _ interface {
	net.Conn
	NonBlocking
	Watcher
	Yielder
	CloseWriter
} = (*loopConn)(nil)
