package wherry

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
)

// Hijack gives the connection to the caller, for Upgrade and CONNECT. It
// returns the connection, whose deadlines work and are not set, and a copy of
// the bytes that were read from it and not used. From then on nothing of the
// framework touches it: the caller writes the 101 or 200, and closes it,
// whenever and on whatever goroutine it likes. OnDisconnect hooks run then. If
// the handler ends its goroutine, by runtime.Goexit, the connection is closed.
//
// It fails once the head of an answer has left.
func (c *Context) Hijack() (net.Conn, []byte, error) {
	c.here()
	if c.res.stage == stageHijacked {
		return nil, nil, ErrHijacked
	}
	conn, ahead, err := c.wire.hijack()
	if err != nil {
		return nil, nil, err
	}
	c.res.drop()
	c.res.stage = stageHijacked
	return conn, ahead, nil
}

// hijackedConn runs the OnDisconnect hooks when its owner closes it.
type hijackedConn struct {
	net.Conn
	s    *session
	once sync.Once
	err  error
	left atomic.Bool // its handler has returned: no engine counts it any more

	mu     sync.Mutex // held while tryWrite runs, guards the following
	closed bool
}

// away wraps the connection for its new owner.
func (s *session) away() net.Conn {
	h := &hijackedConn{Conn: s.conn, s: s}
	s.given = h
	s.app.live.hijacked(h, true)
	return h
}

func (h *hijackedConn) Close() error { return h.end(nil) }

// end is Close for a reason, which the hooks are told.
func (h *hijackedConn) end(cause error) error {
	h.shut()
	h.once.Do(func() {
		defer h.s.app.live.hijacked(h, false)     // a shutdown waits for the hooks too
		defer func() { h.err = h.Conn.Close() }() // also when a hook ends the goroutine
		h.s.app.disconnected(&h.s.info, cause)
	})
	return h.err
}

// tryWrite is the TryWrite of the connection, for whom it was given to. That of
// a session need not hold the descriptor, so the connection must not be closed
// meanwhile: the number may be another's at once.
func (h *hijackedConn) tryWrite(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, net.ErrClosed
	}
	return h.s.try.TryWrite(p)
}

// shut has tryWrite fail from now on. Whoever closes the connection calls it
// first.
func (h *hijackedConn) shut() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
}

func (h *hijackedConn) isShut() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// CloseWrite shuts the sending side, where the connection can.
func (h *hijackedConn) CloseWrite() error {
	if half, ok := h.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return h.Close()
}

// hijacked keeps count of the connections that were given away, so that a
// shutdown can wait for them and close them when it runs out of time.
func (r *running) hijacked(h *hijackedConn, add bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if add {
		if r.away == nil {
			r.away = map[*hijackedConn]struct{}{}
		}
		r.away[h] = struct{}{}
		return
	}
	delete(r.away, h)
	if len(r.away) == 0 && r.home != nil {
		close(r.home)
		r.home = nil
	}
}

// awaitHijacked waits until the connections that were given away are closed,
// closes what is left when ctx is done, and returns how many it closed that
// no engine has counted.
func (r *running) awaitHijacked(ctx context.Context) (cut int) {
	r.mu.Lock()
	if len(r.away) == 0 {
		r.mu.Unlock()
		return 0
	}
	if r.home == nil { // else a shutdown waits already
		r.home = make(chan struct{})
	}
	home := r.home
	r.mu.Unlock()
	select {
	case <-home:
		return 0
	case <-ctx.Done():
	}
	r.mu.Lock()
	open := make([]*hijackedConn, 0, len(r.away))
	for h := range r.away {
		open = append(open, h)
	}
	r.mu.Unlock()
	for _, h := range open {
		if h.left.Load() {
			cut++
		}
		_ = h.Close()
	}
	return cut
}

// reset has a connection end by a reset. TLS gets no chance to say that all is
// well, which its Close does: the connection below it is closed here.
func reset(conn net.Conn) {
	bottom := conn
	for c := conn; c != nil && bottom == conn; c = below(c) {
		if layer, ok := c.(interface{ NetConn() net.Conn }); ok {
			bottom = layer.NetConn()
		}
	}
	if l, ok := bottom.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0)
	}
	if bottom != conn {
		_ = bottom.Close()
	}
}
