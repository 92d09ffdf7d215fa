package wherry

import (
	"cmp"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"wherry.example/wherry/engine"
)

// This file keeps answers open after their handlers have returned, so that
// thousands of clients that wait for events cost no goroutine each.

// OpenAnswer is the answer of [Context.KeepOpen]. Its end is that of the
// connection. One goroutine at a time may write; Close may be called by any.
type OpenAnswer struct {
	conn  *hijackedConn
	stall time.Duration
	stop  func()      // ends the watch for the client's leaving
	over  atomic.Bool // that has told, or was ended
}

// ErrWouldBlock is returned by [OpenAnswer.TryWrite] when the client must read
// first.
var ErrWouldBlock = engine.ErrWouldBlock

// KeepOpen sends the head and what was written so far, and leaves the answer
// open: whoever has the OpenAnswer goes on with it after the handler has
// returned. gone, unless it is nil, is called at most once, on a goroutine of its
// own, when the client leaves before Close or Abort is called. The Context is of
// no use afterwards, and middleware has no more part in the answer. Trailers are
// not sent.
//
// It fails with [errors.ErrUnsupported], and nothing was sent, where that
// would cost a goroutine all the same, as on connections that are no sockets,
// and for answers that cannot have content or that middleware encodes.
func (c *Context) KeepOpen(gone func()) (*OpenAnswer, error) {
	c.here()
	if c.res.stage != stageOpen {
		return nil, errors.New("wherry: KeepOpen after the head of the answer")
	}
	x, ok := innermostWire(c.wire).(*exchange)
	if !ok || c.contentless() {
		return nil, errors.ErrUnsupported
	}
	watcher, watches := x.s.conn.(engine.Watcher)
	if x.s.try == nil || !watches {
		return nil, errors.ErrUnsupported
	}
	if c.coded() {
		return nil, errors.ErrUnsupported
	}
	x.untilClose, x.keep = true, false
	c.res.headers.Del(HeaderContentLength)
	if err := c.commit(-1); err != nil {
		forgetChoices(c.wire)
		return nil, err
	}
	if err := c.forward(nil); err != nil {
		return nil, err
	}
	if err := c.wire.flush(); err != nil {
		return nil, c.sending(err)
	}
	x.giveAway()
	o := &OpenAnswer{conn: x.s.given, stall: c.app.timeouts.WriteStall}
	c.res.stage = stageEnded
	if c.unwatch != nil { // there is one watch, and it outlives this Context
		c.unwatch()
		c.unwatch = nil
	}
	app := c.app
	o.stop = watcher.Watch(func() {
		if !o.over.Swap(true) && gone != nil {
			go app.guarded("function for the client's leaving", gone) // this goroutine is the engine's
		}
	})
	return o, nil
}

// coded asks those who may code the content of an answer whether one will. If
// so the question has changed nothing: it comes again when the head leaves,
// which may be that of an error.
func (c *Context) coded() bool {
	if _, around := c.wire.(*encodedWire); !around {
		return false
	}
	r := &c.res
	status, headers := r.status, r.headers
	headers.lines = slices.Clone(headers.lines)
	if r.status == 0 {
		r.status = cmp.Or(r.preset, 200)
	}
	for e := range encoders(c.wire) {
		if e.codes(c, -1) {
			forgetChoices(c.wire)
			r.status, r.headers = status, headers
			return true
		}
	}
	return false
}

// TryWrite writes what the connection takes now: less than all of p, with
// [ErrWouldBlock] if it is nothing. Over TLS it is always nothing: a record
// cannot be written by halves, and Write has to do it.
func (o *OpenAnswer) TryWrite(p []byte) (int, error) { return o.conn.tryWrite(p) }

// Write writes all of p. It waits for the client, for
// [Timeouts].WriteStall at most.
func (o *OpenAnswer) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		if o.conn.isShut() {
			return written, net.ErrClosed
		}
		_ = o.conn.SetWriteDeadline(time.Now().Add(o.stall))
		n, err := o.conn.Write(p[written:min(len(p), written+writeSlice)])
		written += n
		if err != nil && !(errors.Is(err, os.ErrDeadlineExceeded) && n > 0) {
			return written, err
		}
	}
	return written, nil
}

// Close ends the answer, and the connection. gone is not called any more, but
// may be running still. OnDisconnect hooks run.
func (o *OpenAnswer) Close() error {
	o.unwatch()
	return o.conn.Close()
}

// unwatch ends the watch. It does not wait for gone: that may need a lock which
// the caller of Close holds.
func (o *OpenAnswer) unwatch() {
	if !o.over.Swap(true) {
		o.stop()
	}
}

// Abort ends the answer by a reset of the connection: nothing else tells the
// client that it is not complete.
func (o *OpenAnswer) Abort() {
	o.unwatch()
	o.conn.shut() // first: of a layer, reset closes the connection below
	reset(o.conn.Conn)
	_ = o.conn.Close()
}

var _ io.WriteCloser = (*OpenAnswer)(nil)
