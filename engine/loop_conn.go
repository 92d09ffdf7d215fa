//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// This file is a connection of a loop: its states, and its life from one call
// of Serve to the next. How it waits stands in loop_wait.go.

// The states of a connection. Zero is parked, or inside a session on the
// leader's goroutine: then it is the leader's, and nobody else touches it.
const (
	// away: it belongs to a goroutine that does not lead. The leader leaves
	// its news in the other bits, which are those of readiness.
	away uint32 = 1 << 8
	// news are the bits of readiness.
	news uint32 = 1<<8 - 1
)

// loopConn is a socket of a loop. An idle one costs what stands here, so it
// is small.
type loopConn struct {
	l       *loop
	from    *acceptor
	session Session // set before any loop knows of the connection
	fd      int32
	gen     uint32

	// Of whoever runs the session.
	turn    uint64 // of the loop in which the session was called last
	expired bool   // the next TryRead without bytes reports the deadline; it clears this
	told    bool   // the session has met the deadline that a shutdown is; it stays
	hup     bool   // the peer has ended its sending
	more    bool   // the last read has taken all it could: no event tells of what is behind
	unix    bool
	layer   *layeredConn // nil without one
	peer    netip.AddrPort

	state  atomic.Uint32
	refs   atomic.Uint32 // users of the descriptor, and the bit closed
	gone   atomic.Bool   // the session is over, nothing calls it any more
	reset  atomic.Bool   // closing sends a reset
	reader atomic.Pointer[waiter]
	writer atomic.Pointer[waiter]
	late   atomic.Pointer[atomic.Bool] // see Charge

	// Deadlines in nanoseconds since the engine was made, 0 for none.
	readBy, writeBy atomic.Int64

	// One Read and one Write at a time, as of any net.Conn.
	reading, writing sync.Mutex

	// Of the wheel; armed is read by all.
	armed          atomic.Int64 // when the wheel looks at it, 0 never
	slot           **loopConn
	later, earlier *loopConn

	mu   sync.Mutex // held while left runs
	left func()     // called when the peer leaves
}

// converse calls the session until it wants to wait, or ends it. It runs on
// the leader's goroutine, or on the connection's own.
func (c *loopConn) converse() Next {
	next, err := c.call()
	for rounds := 0; err == nil; rounds++ {
		switch {
		case next == Block:
		case next == Park && c.l.e.forced.Load():
			return c.finish(Hangup, nil)
		case next == Park && rounds < 64 && c.unsettled():
		case next == Park && !c.told && c.l.e.closing.Load() && rounds < 4:
			c.expired = true
		case next == Park || next == Again:
			return next
		default:
			return c.finish(next, nil)
		}
		next, err = c.call()
	}
	return c.finish(Hangup, err)
}

// unsettled reports whether a session that parks has not met what no event
// will tell of again: bytes behind those it has read, the end that came with
// the last of them, or a deadline that passed when they came.
func (c *loopConn) unsettled() bool {
	if c.expired {
		c.expired = c.l.e.closing.Load() && !c.told || c.readPassed()
	}
	return c.hup || c.more || c.expired
}

// open makes the session of a new connection and gives it to its loop. It runs
// on the accepting goroutine, which is away as any other: so no loop is woken
// for a connection that has sent nothing yet.
func (c *loopConn) open(layer func(net.Conn) net.Conn) {
	c.state.Store(away)
	defer func() {
		if c.session == nil { // it is refused, perhaps by a Handler that has ended the goroutine
			c.l.e.refused(c)
		}
	}()
	if c.session = c.begin(layer); c.session == nil {
		return
	}
	c.l.e.table.put(c)
	if c.l.e.forced.Load() { // forceAll may not have met it
		c.force()
	}
	if err := c.l.p.add(c.fd, c.gen); err != nil {
		c.finish(Hangup, err)
		return
	}
	switch {
	case c.layer != nil:
		go c.handshake()
	case c.l.e.closing.Load() || !c.park():
		go c.goOn(Again)
	}
}

// handshake is the beginning of a connection with a layer. Bytes may wait in
// the layer behind it, so the session looks for them.
func (c *loopConn) handshake() {
	c.alone(func() {
		var err error
		if failed := c.l.e.cfg.guard(func() { err = c.shake() }); failed != nil {
			err = failed
		}
		if err != nil {
			c.finish(Hangup, err)
			return
		}
		c.liveOn(Again)
	})
}

// alone runs what is left of a connection's time on a goroutine of its own,
// which a session may end by runtime.Goexit.
func (c *loopConn) alone(f func()) {
	ended := false
	defer func() {
		if !ended {
			c.finish(Hangup, errDeserted)
		}
	}()
	f()
	ended = true
}

// begin calls Open; a Handler that panics refuses.
func (c *loopConn) begin(layer func(net.Conn) net.Conn) (s Session) {
	_ = c.l.e.cfg.guard(func() {
		var conn net.Conn = c
		if layer != nil {
			conn = c.addLayer(layer)
		}
		s = c.l.e.cfg.Handler.Open(conn)
	})
	return s
}

// call calls Serve; a panic is an error. It is Config.guard without a closure.
func (c *loopConn) call() (next Next, err error) {
	defer func() {
		if v := recover(); v != nil {
			next, err = Hangup, c.l.e.cfg.panicked(v)
		}
	}()
	return c.session.Serve(), nil
}

// finish closes the session and, unless it was given away, the connection. It
// does nothing when that has been done, by a Close that has ended its goroutine.
func (c *loopConn) finish(next Next, err error) Next {
	if c.gone.Load() {
		return Hangup
	}
	if c.l.e.forced.Load() {
		err = ErrForced
	}
	defer c.finished(next != Detach || err != nil) // also when the session ends the goroutine
	_ = c.l.e.cfg.guard(func() { c.session.Close(err) })
	return Hangup
}

// finished is the end of a connection whose session is closed, or the beginning
// of its time without one.
func (c *loopConn) finished(leave bool) {
	if leave && c.layer != nil {
		_ = c.l.e.cfg.guard(func() { _ = c.layer.Close() }) // it says goodbye
	}
	c.state.Or(away) // events are for the new owner now, or for nobody
	c.gone.Store(true)
	if leave {
		_ = c.Close()
	}
	c.release()
	c.l.e.forget()
}

// goOn is the rest of a call on a goroutine that has lost the loop.
func (c *loopConn) goOn(next Next) { c.alone(func() { c.liveOn(next) }) }

// liveOn parks the connection, or serves it while there is news.
func (c *loopConn) liveOn(next Next) {
	for next == Park || next == Again {
		if next == Park && c.park() {
			return
		}
		seen := c.state.And(^news)
		if next == Again || seen&news&^uint32(canWrite) != 0 {
			c.hup = c.hup || seen&uint32(peerLeft) != 0
			c.expired = c.expired || seen&uint32(ending) != 0 || seen&uint32(expired) != 0 && c.readPassed()
			next = c.converse()
		}
	}
}

// park gives the connection back to the loop, unless there is news.
func (c *loopConn) park() bool {
	fd, gen, p := c.fd, c.gen, c.l.p
	state := c.state.Load()
	if state&news != 0 || !c.state.CompareAndSwap(state, 0) {
		return false
	}
	p.arm(fd, gen, canRead|peerLeft) // it may have ended already: the generation tells
	return true
}

// TryRead reads what is there.
func (c *loopConn) TryRead(p []byte) (int, error) {
	n, err := receive(int(c.fd), p)
	c.more = n == len(p) && (n > 0 || c.more) // an empty p tells nothing
	switch {
	case n > 0:
		return n, nil
	case err == nil && len(p) > 0:
		return 0, io.EOF
	case err == ErrWouldBlock:
		c.hup = false
		if c.expired {
			c.expired = false
			c.told = c.l.e.closing.Load()
			return 0, os.ErrDeadlineExceeded
		}
	}
	return 0, err
}

// TryWrite writes what fits.
func (c *loopConn) TryWrite(p []byte) (int, error) {
	if c.gone.Load() { // it was given away: somebody may close it meanwhile
		if !c.use() {
			return 0, net.ErrClosed
		}
		defer c.release()
	}
	return send(int(c.fd), p)
}

// SetReadDeadline sets when reads give up; zero for never.
func (c *loopConn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.readBy, t) }

// SetWriteDeadline sets when writes give up; zero for never.
func (c *loopConn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.writeBy, t) }

// SetDeadline sets both.
func (c *loopConn) SetDeadline(t time.Time) error {
	_ = c.setDeadline(&c.readBy, t)
	return c.setDeadline(&c.writeBy, t)
}

func (c *loopConn) setDeadline(by *atomic.Int64, t time.Time) error {
	at := int64(0)
	if !t.IsZero() {
		at = max(int64(t.Sub(c.l.e.epoch)), 1)
	}
	c.moveDeadline(by, at)
	return nil
}

// moveDeadline sets a deadline in nanoseconds since the engine was made, 0 for
// never.
func (c *loopConn) moveDeadline(by *atomic.Int64, at int64) {
	by.Store(at)
	if armed := c.armed.Load(); at != 0 && (armed == 0 || at < armed) {
		c.l.wheel.arm(c, at)
	}
}

// due reports whether a deadline has passed, and returns the earliest one that
// has not, 0 for none.
func (c *loopConn) due(now int64) (passed bool, next int64) {
	for _, by := range [...]int64{c.readBy.Load(), c.writeBy.Load()} {
		switch {
		case by == 0:
		case by <= now:
			passed = true
		case next == 0 || by < next:
			next = by
		}
	}
	return passed, next
}

func passedBy(by *atomic.Int64, e *loops) bool {
	at := by.Load()
	return at != 0 && e.now() >= at
}

func (c *loopConn) readPassed() bool { return passedBy(&c.readBy, c.l.e) }

// StopListening closes the listener the connection came from.
func (c *loopConn) StopListening() { c.from.end() }

// RemoteAddr returns the address of the peer.
func (c *loopConn) RemoteAddr() net.Addr {
	if c.unix {
		return &net.UnixAddr{Net: "unix"}
	}
	return net.TCPAddrFromAddrPort(c.peer)
}
