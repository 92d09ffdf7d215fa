package engine

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// This file is the threaded engine: a goroutine for each connection, from
// accept to close, but for rests on the way. How the goroutine waits is the
// matter of the connection's type: conn_ready.go for sockets, conn_plain.go
// for everything else.

// threaded is the reference engine.
type threaded struct {
	cfg     Config
	closing atomic.Bool // a shutdown has begun
	forced  atomic.Bool // and its time is over: what still opens or parks is closed at once
	watches watches
	beside  func() int // connections of an engine that this one serves, which have places as well

	mu        sync.Mutex // guards the following
	acceptors map[*acceptor]struct{}
	conns     map[conn]struct{} // with a session
	places    places
	over      bool          // a shutdown has returned
	ending    chan struct{} // closed when closing is set
	quiet     chan struct{} // closed when nothing is open any more; nil until somebody waits
}

// conn is a connection as this engine drives it.
type conn interface {
	net.Conn
	// run calls the session until it is done, and says how it ended.
	run(s Session) (Next, error)
	// rest is called when run has said rest, and reports whether carry will
	// be called when it is time; else it must be called now.
	rest() bool
	// wake makes a parked session's Serve run once more.
	wake()
	// force ends whatever the connection is doing, from another goroutine.
	force()
	// owned returns the connection as its session sees it.
	owned() net.Conn
}

func newThreaded(cfg Config) (Engine, error) { return makeThreaded(cfg), nil }

func makeThreaded(cfg Config) *threaded {
	return &threaded{
		cfg:       cfg,
		acceptors: map[*acceptor]struct{}{},
		conns:     map[conn]struct{}{},
		places:    places{given: map[conn]struct{}{}, shut: map[conn]struct{}{}},
		beside:    func() int { return 0 },
		ending:    make(chan struct{}),
	}
}

func (e *threaded) Serve(ln net.Listener) error {
	defer func() { _ = ln.Close() }()
	under, layer := layersOf(ln)
	adopt := e.adopt
	if layer != nil {
		adopt = func(nc net.Conn, from *acceptor) { e.adopt(layer(nc), from) }
	}
	a := &acceptor{ln: under, adopt: adopt, onError: e.cfg.OnError, ending: e.ending}
	e.mu.Lock()
	if e.closing.Load() {
		e.mu.Unlock()
		return nil
	}
	e.acceptors[a] = struct{}{}
	e.mu.Unlock()
	err := a.run()
	e.mu.Lock()
	delete(e.acceptors, a)
	e.settle()
	e.mu.Unlock()
	return err
}

func (e *threaded) Conns() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.conns)
}

// adopt takes over an accepted connection.
func (e *threaded) adopt(nc net.Conn, from *acceptor) {
	boundUnsentBelow(nc)
	c := e.wrap(nc, from)
	e.mu.Lock()
	if e.forced.Load() || e.cfg.MaxConns > 0 && e.count()+e.beside() >= e.cfg.MaxConns {
		e.mu.Unlock()
		_ = nc.Close()
		return
	}
	e.conns[c] = struct{}{}
	e.mu.Unlock()
	go e.serve(c)
}

// serve begins the life of a connection on its goroutine.
func (e *threaded) serve(c conn) {
	var s Session
	defer func() {
		if s == nil { // it is refused, perhaps by a Handler that has ended the goroutine
			_ = c.Close()
			e.forget(c, false)
		}
	}()
	if s = e.open(c); s != nil {
		e.carry(c, s)
	}
}

// rest is what run says when a connection has fallen idle: its goroutine ends.
// Where nobody else can wait in its place a new one does: the old one's stack
// has grown by serving, and the collector would not shrink it while it waits.
const rest Next = 255

// carry is the life of a connection, from one rest to the next or to its end.
func (e *threaded) carry(c conn, s Session) {
	next, err := Hangup, errDeserted // unless converse returns
	defer func() {
		if next == rest && err == nil {
			if !c.rest() {
				go e.carry(c, s)
			}
			return
		}
		e.finish(c, s, next, err)
	}()
	next, err = e.converse(c, s)
}

// errDeserted is the cause of connections whose session has ended its
// goroutine, by runtime.Goexit.
var errDeserted = errors.New("engine: the goroutine of a session was ended")

// finish closes the session and, unless it was given away, the connection.
func (e *threaded) finish(c conn, s Session, next Next, err error) {
	if e.forced.Load() {
		err = ErrForced
	}
	given := next == Detach && err == nil
	defer func() { // also when the session ends the goroutine
		if !given {
			_ = c.Close()
		}
		e.forget(c, given)
	}()
	_ = e.cfg.guard(func() { s.Close(err) })
}

// open makes the session; a Handler that panics refuses.
func (e *threaded) open(c conn) (s Session) {
	_ = e.cfg.guard(func() { s = e.cfg.Handler.Open(c.owned()) })
	return s
}

// converse runs the session; its panic ends the conversation with an error.
func (e *threaded) converse(c conn, s Session) (next Next, err error) {
	if failed := e.cfg.guard(func() { next, err = c.run(s) }); failed != nil {
		return Hangup, failed
	}
	return next, err
}

// forget ends the care for a connection that is closed or given away.
func (e *threaded) forget(c conn, given bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.conns, c)
	e.places.forgotten(c, given)
	e.settle()
}

// settle tells whoever waits that nothing is open any more. mu is held.
func (e *threaded) settle() {
	if e.quiet != nil && len(e.conns) == 0 && len(e.acceptors) == 0 {
		close(e.quiet)
		e.quiet = nil
	}
}

func (e *threaded) Shutdown(ctx context.Context) (cut int, err error) {
	e.mu.Lock()
	quiet := make(chan struct{})
	if e.quiet != nil {
		quiet = e.quiet // somebody waits already
	}
	if len(e.conns) == 0 && len(e.acceptors) == 0 {
		close(quiet)
	} else {
		e.quiet = quiet
	}
	if !e.closing.Swap(true) {
		close(e.ending)
		for a := range e.acceptors {
			a.stop()
		}
		for c := range e.conns {
			c.wake()
		}
	}
	e.mu.Unlock()
	defer e.endWatches()
	select {
	case <-quiet:
		return 0, nil
	case <-ctx.Done():
	}
	return e.forceAll(quiet), ctx.Err()
}

// endWatches ends the watches when a shutdown is over, unless there are
// connections that were given away: then closed does, with the last of them.
func (e *threaded) endWatches() {
	e.mu.Lock()
	e.over = true
	last := len(e.places.given) == 0
	e.mu.Unlock()
	if last {
		e.watches.close()
	}
}

// forceAll closes what is left and counts it.
func (e *threaded) forceAll(quiet <-chan struct{}) int {
	e.mu.Lock()
	e.forced.Store(true)
	cut := len(e.conns)
	for a := range e.acceptors {
		_ = a.ln.Close()
	}
	for c := range e.conns {
		c.force()
	}
	e.mu.Unlock()
	return cut
}

// handshaker is a connection that must agree with its peer before the first
// byte, as *tls.Conn.
type handshaker interface {
	HandshakeContext(context.Context) error
}

// shake runs the handshake of connections that have one.
func (e *threaded) shake(nc net.Conn) error {
	h, ok := nc.(handshaker)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), e.cfg.Handshake)
	defer cancel()
	if err := h.HandshakeContext(ctx); err != nil {
		return errors.Join(errHandshake, err)
	}
	return nil
}

var errHandshake = errors.New("engine: handshake failed")
