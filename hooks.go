package wherry

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"wherry.example/wherry/engine"
)

// Conn is one connection as the connection hooks and [Context.Conn] see it.
// It is valid until the last OnDisconnect hook has returned. Its methods may
// be called from any goroutine, [Conn.SetTag] only from hooks and handlers of
// this connection.
type Conn struct {
	conn     net.Conn
	tag      any
	requests atomic.Int64
}

// RemoteAddr returns the address of the peer at the other end of the socket.
// No forwarding field of a request ever changes it.
func (c *Conn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// LocalAddr returns the address the connection was accepted at.
func (c *Conn) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// NetConn returns the connection itself, for tuning: an OnConnect hook may
// set socket options on it. Nobody but the server may read, write or close it.
//
// It is a type of the engine and no *net.TCPConn. What it stands on is told by
// Unwrap() net.Conn, of a *tls.Conn by NetConn; one of these is a syscall.Conn
// if a socket is below:
//
//	conn := c.NetConn()
//	for {
//		if s, ok := conn.(syscall.Conn); ok {
//			raw, err := s.SyscallConn() // raw.Control is for socket options
//			...
//		}
//		w, ok := conn.(interface{ Unwrap() net.Conn })
//		if !ok {
//			break // no socket, as in a test
//		}
//		conn = w.Unwrap()
//	}
func (c *Conn) NetConn() net.Conn { return c.conn }

// Encrypted reports whether the connection itself is one of TLS; what a proxy
// says about the way to it is the matter of middleware. What was agreed, such
// as the client's certificate, is told by the function State of package secure.
func (c *Conn) Encrypted() bool {
	for conn := c.conn; conn != nil; conn = below(conn) {
		// A *tls.Conn: who has a handshake need not encrypt, and crypto/tls is
		// not linked into every program for a question.
		if _, ok := conn.(interface{ OCSPResponse() []byte }); ok {
			return true
		}
	}
	return false
}

// below returns the connection that another one wraps, nil if there is none.
func below(conn net.Conn) net.Conn {
	switch w := conn.(type) {
	case interface{ Unwrap() net.Conn }:
		return w.Unwrap()
	case interface{ NetConn() net.Conn }:
		return w.NetConn()
	}
	return nil
}

// stopListening closes the listener that a connection came from.
func stopListening(conn net.Conn) {
	for ; conn != nil; conn = below(conn) {
		if a, ok := conn.(engine.Accepted); ok {
			a.StopListening()
			return
		}
	}
}

// Requests returns how many requests of this connection have been read.
func (c *Conn) Requests() int64 { return c.requests.Load() }

// SetTag keeps a value with the connection, for later hooks and handlers.
func (c *Conn) SetTag(tag any) { c.tag = tag }

// Tag returns what SetTag kept, or nil.
func (c *Conn) Tag() any { return c.tag }

// Result is what became of one exchange, as AfterResponse hooks see it. Of an
// answer that goes on after its handler, see [Context.KeepOpen], it tells what
// had been sent when the handler returned, in the time that took.
type Result struct {
	// Status is the final status that was sent, 0 if none was, or none by the
	// framework: after [Context.Hijack] it is not known.
	Status int
	// Bytes is the size of the content that was given to be sent, before
	// framing. Of an answer that has failed less may have left.
	Bytes int64
	// Duration is the time from the moment the head was complete.
	Duration time.Duration
	// Err is the error that the handler returned or that ended the exchange,
	// nil if all went well.
	Err error
}

// Causes of disconnection, for OnDisconnect. Other causes are the errors of
// the connection itself and the refusals of the protocol.
var (
	// ErrDrop, returned by a handler or a BeforeRouting hook, closes the
	// connection without an answer.
	ErrDrop = errors.New("wherry: connection dropped")
	// ErrStopAccepting, returned by an OnConnect hook, refuses the connection
	// and closes the listener it came from, and no other.
	ErrStopAccepting = errors.New("wherry: stop accepting")
	// ErrIdle: the connection waited longer than Timeouts.Idle.
	ErrIdle = errors.New("wherry: idle too long")
	// ErrHijacked is returned by the methods of a Context that read or write
	// once its connection was hijacked.
	ErrHijacked = errors.New("wherry: connection was hijacked")
	// ErrClientGone is the cause of a request context that was cancelled
	// because the peer left, and is in the chain of the error of an exchange
	// that ended for that reason, or because the peer no longer took the
	// answer. It is never logged as a failure.
	ErrClientGone = errors.New("wherry: client has left")
	// ErrShutdown is the cause of a request context that was cancelled
	// because the time for a graceful shutdown was over.
	ErrShutdown = errors.New("wherry: server shut down")
)

// OnConnect adds a hook that runs for each accepted connection before the
// first byte of a request is read, on the connection's goroutine or the
// accepting one; it must not block. Where a PROXY header is awaited it runs
// behind that, otherwise before the TLS handshake. An error refuses the
// connection: it is closed without an answer, and later OnConnect hooks do not
// run. [ErrStopAccepting] also closes the listener the connection came from.
func (a *App) OnConnect(hook func(*Conn) error) *App {
	a.setting("OnConnect", hook == nil)
	a.hooks.connect = append(a.hooks.connect, hook)
	return a
}

// OnDisconnect adds a hook that runs exactly once for each connection for
// which OnConnect ran (also a refused one), after its last request, before
// the connection is closed; for a hijacked connection when its new owner
// closes it. The cause is nil when both sides ended in agreement.
func (a *App) OnDisconnect(hook func(*Conn, error)) *App {
	a.setting("OnDisconnect", hook == nil)
	a.hooks.disconnect = append(a.hooks.disconnect, hook)
	return a
}

// BeforeRouting adds a hook that runs for each request once its head has
// been read and found valid, before its route is looked up. It may rewrite
// the request with [Context.SetMethod] and [Context.SetPath], raise the
// [Context.SetBodyLimit], or answer, in which case nothing else runs. An
// error is answered as a handler's would be.
func (a *App) BeforeRouting(hook Handler) *App {
	a.setting("BeforeRouting", hook == nil)
	a.handling("BeforeRouting", hook)
	a.hooks.routing = append(a.hooks.routing, hook)
	return a
}

// AfterResponse adds a hook that runs once for each exchange whose head was
// valid, after the answer was handed to the connection, in the goroutine of
// the handler. It can no longer change the answer.
func (a *App) AfterResponse(hook func(*Context, Result)) *App {
	a.setting("AfterResponse", hook == nil)
	a.hooks.response = append(a.hooks.response, hook)
	return a
}

// OnShutdown adds a hook that runs once when a shutdown begins, before it
// waits for what is in flight. It tells handlers that would otherwise never
// return, such as those of event streams and hijacked connections.
func (a *App) OnShutdown(hook func()) *App {
	a.setting("OnShutdown", hook == nil)
	a.hooks.shutdown = append(a.hooks.shutdown, hook)
	return a
}

// hooks is set while the app is built, then read-only.
type hooks struct {
	connect    []func(*Conn) error
	disconnect []func(*Conn, error)
	routing    []Handler
	response   []func(*Context, Result)
	shutdown   []func()
}

// connected runs the OnConnect hooks, and those of OnDisconnect if the
// connection is refused. A panic refuses it, and so does a hook that ends the
// goroutine.
func (s *server) connected(c *Conn) (err error) {
	err = errHookLeft
	defer func() {
		if v := recover(); v != nil {
			err = s.panicked("OnConnect hook", v)
		}
		if err != nil {
			s.disconnected(c, err)
		}
	}()
	for _, hook := range s.hooks.connect {
		if err := hook(c); err != nil {
			return err
		}
	}
	return nil
}

var errHookLeft = errors.New("wherry: an OnConnect hook has ended its goroutine")

// disconnected runs the OnDisconnect hooks.
func (s *server) disconnected(c *Conn, cause error) {
	runEach(s, "OnDisconnect hook", s.hooks.disconnect, func(hook func(*Conn, error)) { hook(c, cause) })
}

// answered runs the AfterResponse hooks.
func (s *server) answered(c *Context, r Result) {
	runEach(s, "AfterResponse hook", s.hooks.response, func(hook func(*Context, Result)) { hook(c, r) })
}

// runEach runs hooks. One that panics or ends the goroutine does not keep those
// behind it from running.
func runEach[H any](s *server, what string, hooks []H, run func(H)) {
	defer func() {
		if v := recover(); v != nil {
			_ = s.panicked(what, v)
		}
		if len(hooks) > 0 {
			runEach(s, what, hooks, run)
		}
	}()
	for len(hooks) > 0 {
		hook := hooks[0]
		hooks = hooks[1:]
		run(hook)
	}
}

// guarded runs what the program has given; a panic is logged.
func (s *server) guarded(what string, f func()) {
	defer func() {
		if v := recover(); v != nil {
			_ = s.panicked(what, v)
		}
	}()
	f()
}
