package proxyproto

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"wherry.example/wherry/engine"
	"wherry.example/wherry/internal/peer"
)

// This file is a connection that begins with a header. The header is read by
// whoever first asks for an address or for bytes, within its own time and
// within the deadline that the user has set, whichever is earlier. A header
// that is bad or late ends the connection for good.

// conn is a connection of a trusted peer.
type conn struct {
	net.Conn
	ln  *listener
	try engine.NonBlocking // nil where reads only block

	bare atomic.Bool // the header is read, and of what came with it nothing is left

	reading sync.Mutex // held while the header is read, guards the following
	buffer  []byte     // what has come of the header, then what came behind it
	done    bool
	err     error // the header was bad; stays
	header  Header

	mu    sync.Mutex  // guards the following
	timer *time.Timer // of the header
	late  bool        // its time was over before it was read
}

// begin starts the time of the header.
func (c *conn) begin(under net.Conn, ln *listener) {
	c.Conn, c.ln = under, ln
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(ln.options.HeaderTimeout, c.expire)
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// expire ends the time of the header, and wakes whoever waits for it.
func (c *conn) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.late = true
		_ = c.Conn.SetReadDeadline(longAgo)
	}
}

// settle stops the time of the header and reports whether it was over.
func (c *conn) settle() (late bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	return c.late
}

func (c *conn) isLate() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.late
}

// errLate is no timeout in the sense of net.Error: another try is of no use.
var errLate = fmt.Errorf("%w: it did not come in time", ErrHeader)

// await reads the header, unless that has been done, and returns what is wrong
// with it. It fails without a judgement if only the user's deadline has
// passed, or if a read must not wait: then what has come is kept.
func (c *conn) await(read func(*conn, []byte) (int, error)) error {
	c.reading.Lock()
	defer c.reading.Unlock()
	for !c.done && c.err == nil {
		h, n, err := parse(c.buffer, c.ln.options.HeaderBytes)
		switch {
		case c.isLate():
			c.fail(errLate)
		case err != nil:
			c.fail(err)
		case n > 0:
			c.accept(h, n)
		default:
			if err := c.more(read); err != nil {
				return err
			}
		}
	}
	return c.err
}

// waiting and trying are the two ways to read.
func waiting(c *conn, p []byte) (int, error) { return c.Conn.Read(p) }
func trying(c *conn, p []byte) (int, error)  { return c.try.TryRead(p) }

// accept ends the wait for a header that has come. reading is held.
func (c *conn) accept(h Header, n int) {
	if c.settle() {
		c.fail(errLate)
		return
	}
	if c.ln.options.AssumeTLS {
		h.assumeTLS()
	}
	c.header, c.done = h, true
	c.forget(n)
}

// fail ends the wait for a header. reading is held.
func (c *conn) fail(err error) {
	c.settle()
	c.err, c.buffer = err, nil
}

// forget drops bytes that were used. reading is held.
func (c *conn) forget(n int) {
	if c.buffer = c.buffer[n:]; len(c.buffer) == 0 {
		c.buffer = nil
		c.bare.Store(true)
	}
}

// more reads further bytes of the header.
func (c *conn) more(read func(*conn, []byte) (int, error)) error {
	if len(c.buffer) == cap(c.buffer) {
		room := min(max(2*cap(c.buffer), defaultHeaderBytes), max(c.ln.options.HeaderBytes, maxV1))
		c.buffer = append(make([]byte, 0, room), c.buffer...)
	}
	n, err := read(c, c.buffer[len(c.buffer):cap(c.buffer)])
	c.buffer = c.buffer[:len(c.buffer)+n]
	switch {
	case n > 0 || err == nil || c.isLate():
		return nil
	case tryLater(err):
		if len(c.buffer) == 0 {
			c.buffer = nil // who sends nothing costs nothing
		}
		return err
	case err == io.EOF && len(c.buffer) > 0:
		c.fail(bad("it ends after %d bytes", len(c.buffer)))
	default: // nothing was sent, as by a peer that only looks whether we are there
		c.fail(err)
	}
	return nil
}

// tryLater reports whether a read that has failed can be tried again.
func tryLater(err error) bool {
	var t interface{ Temporary() bool }
	return errors.Is(err, engine.ErrWouldBlock) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Temporary()
}

// Read reads what comes behind the header.
func (c *conn) Read(p []byte) (int, error) { return c.read(p, waiting) }

func (c *conn) read(p []byte, read func(*conn, []byte) (int, error)) (int, error) {
	if c.bare.Load() {
		return read(c, p)
	}
	if err := c.await(read); err != nil {
		return 0, err
	}
	c.reading.Lock()
	if len(c.buffer) > 0 {
		n := copy(p, c.buffer)
		c.forget(n)
		c.reading.Unlock()
		return n, nil
	}
	c.reading.Unlock()
	return read(c, p)
}

// RemoteAddr returns the address of the client, or that of the peer if it
// speaks for itself. It waits for the header; when that does not come, or is
// bad, the address is unknown, never that of the load balancer.
func (c *conn) RemoteAddr() net.Addr {
	if !c.bare.Load() && c.await(waiting) != nil {
		return unknown{}
	}
	switch source := c.header.Source.(type) {
	case nil:
		return c.Conn.RemoteAddr()
	case *net.UnixAddr:
		return remoteUnix{source}
	default:
		return source
	}
}

// remoteUnix is the address of a client on a Unix socket of the peer's machine.
// It is not on this one: whoever trusts those here does not mean it.
type remoteUnix struct{ *net.UnixAddr }

func (remoteUnix) Network() string { return "remote unix" }

// unknown is the address of a client that was not told.
type unknown struct{}

func (unknown) Network() string { return "unknown" }
func (unknown) String() string  { return "unknown" }

// SetReadDeadline bounds reads. The time of the header holds as well.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.late {
		return nil // the one that has passed stays
	}
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline bounds reads and writes.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.Conn.SetWriteDeadline(t))
}

// Close closes the connection to the peer.
func (c *conn) Close() error {
	c.settle()
	return c.Conn.Close()
}

// CloseWrite shuts the sending side, where there is one to shut.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(engine.CloseWriter); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SetLinger sets what Close does with bytes that were not sent yet.
func (c *conn) SetLinger(sec int) error {
	if tcp, ok := c.Conn.(interface{ SetLinger(sec int) error }); ok {
		return tcp.SetLinger(sec)
	}
	return errors.ErrUnsupported
}

// Unwrap returns the connection to the peer.
func (c *conn) Unwrap() net.Conn { return c.Conn }

// headerOf returns the header, false if there is none.
func (c *conn) headerOf() (Header, bool) {
	if !c.bare.Load() && c.await(waiting) != nil {
		return Header{}, false
	}
	return c.header, true
}

// ClientEncrypted is what middleware asks, see internal/peer.
func (c *conn) ClientEncrypted() bool {
	h, _ := c.headerOf()
	return h.Encrypted
}

// HeaderOf returns the header with which a connection began, as an OnConnect
// hook finds it by Conn.NetConn: c may be wrapped by an engine or by TLS. It
// waits for the header like RemoteAddr. It reports false for a connection
// that had none.
func HeaderOf(c net.Conn) (Header, bool) {
	p, ok := peer.Layer[interface{ headerOf() (Header, bool) }](c)
	if !ok {
		return Header{}, false
	}
	return p.headerOf()
}
