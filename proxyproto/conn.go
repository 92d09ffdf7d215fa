package proxyproto

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// This file is a connection that begins with a header. The header is read by
// whoever first asks for an address or for bytes, within its own deadline and
// within the one that the user has set, whichever is earlier. A header that
// is bad or late ends the connection for good.

// conn is a connection of a trusted peer.
type conn struct {
	net.Conn
	limit   int
	expires time.Time // of the header

	reading sync.Mutex // held while the header is read, guards the following
	buffer  []byte     // what has come of the header, then what came behind it
	done    bool
	err     error // the header was bad; stays
	header  Header

	mu       sync.Mutex // guards the following
	deadline time.Time  // of reads, as the user has set it
	pending  bool       // the header is still awaited
}

func newConn(c net.Conn, o Options) *conn {
	p := &conn{Conn: c, limit: o.HeaderBytes, expires: time.Now().Add(o.HeaderTimeout), pending: true}
	_ = c.SetReadDeadline(p.expires)
	return p
}

// errLate is no timeout in the sense of net.Error: another try is of no use.
var errLate = fmt.Errorf("%w: it did not come in time", ErrHeader)

// begin reads the header, unless that has been done. It fails with
// os.ErrDeadlineExceeded if only the user's deadline has passed: then what
// has come is kept.
func (c *conn) begin() error {
	c.reading.Lock()
	defer c.reading.Unlock()
	for !c.done && c.err == nil {
		h, n, err := parse(c.buffer, c.limit)
		switch {
		case err != nil:
			c.err = err
		case n > 0:
			c.header, c.done = h, true
			c.buffer = c.buffer[n:]
			c.settle()
		default:
			if err := c.more(); err != nil {
				return err
			}
		}
	}
	return c.err
}

// more reads further bytes of the header.
func (c *conn) more() error {
	if c.buffer == nil {
		c.buffer = make([]byte, 0, defaultHeaderBytes)
	}
	if len(c.buffer) == cap(c.buffer) {
		c.buffer = append(make([]byte, 0, min(2*cap(c.buffer), c.limit)), c.buffer...)
	}
	n, err := c.Conn.Read(c.buffer[len(c.buffer):cap(c.buffer)])
	c.buffer = c.buffer[:len(c.buffer)+n]
	switch {
	case n > 0 || err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(c.expires):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.err = errLate
	case err == io.EOF && len(c.buffer) > 0:
		c.err = bad("it ends after %d bytes", len(c.buffer))
	default: // nothing was sent, as by a peer that only looks whether we are there
		c.err = err
	}
	return nil
}

// settle gives the read deadline back to the user.
func (c *conn) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = false
	_ = c.Conn.SetReadDeadline(c.deadline)
}

// Read reads what comes behind the header.
func (c *conn) Read(p []byte) (int, error) {
	if err := c.begin(); err != nil {
		return 0, err
	}
	c.reading.Lock()
	if len(c.buffer) > 0 {
		n := copy(p, c.buffer)
		c.buffer = c.buffer[n:]
		c.reading.Unlock()
		return n, nil
	}
	c.buffer = nil
	c.reading.Unlock()
	return c.Conn.Read(p)
}

// RemoteAddr returns the address of the client, or that of the peer if it
// speaks for itself. It waits for the header; when that does not come, or is
// bad, the address is unknown, never that of the load balancer.
func (c *conn) RemoteAddr() net.Addr {
	if c.begin() != nil {
		return unknown{}
	}
	if c.header.Source == nil {
		return c.Conn.RemoteAddr()
	}
	return c.header.Source
}

// unknown is the address of a client that was not told.
type unknown struct{}

func (unknown) Network() string { return "unknown" }
func (unknown) String() string  { return "unknown" }

// SetReadDeadline bounds reads. While the header is awaited its own deadline
// holds as well.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if c.pending && (t.IsZero() || t.After(c.expires)) {
		t = c.expires
	}
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline bounds reads and writes.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.Conn.SetWriteDeadline(t))
}

// CloseWrite shuts the sending side, where there is one to shut.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
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

// HeaderOf returns the header with which a connection began, as an OnConnect
// hook finds it by Conn.NetConn: c may be wrapped by an engine or by TLS. It
// waits for the header like RemoteAddr. It reports false for a connection
// that had none.
func HeaderOf(c net.Conn) (Header, bool) {
	for c != nil {
		if p, ok := c.(*conn); ok {
			err := p.begin()
			return p.header, err == nil
		}
		switch w := c.(type) {
		case interface{ NetConn() net.Conn }:
			c = w.NetConn()
		case interface{ Unwrap() net.Conn }:
			c = w.Unwrap()
		default:
			return Header{}, false
		}
	}
	return Header{}, false
}
