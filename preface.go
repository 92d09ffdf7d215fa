package wherry

import (
	"errors"
	"net"
	"time"

	"wherry.example/wherry/engine"
)

// This file waits for the preface of a connection: bytes that come before the
// first one of TLS or HTTP and tell whom the connection is from, such as a
// PROXY header. The hooks and the session see the connection when its preface
// has been read, or will not be.

// prefaced is a connection that begins with a preface, as those of package
// proxyproto do.
type prefaced interface {
	net.Conn
	// Wanted reports false for a connection that is to be closed as it comes.
	Wanted() bool
	// Begin reads the preface. nil: that is over, well or badly; what is bad
	// is an error of the next Read. engine.ErrWouldBlock: more must come. A
	// timeout: the read deadline has passed, or the engine has a reason to
	// wake its session.
	Begin() error
	// Abandon is Begin for a preface that will not be read.
	Abandon(cause error)
}

// prefaceOf returns the connection with a preface that conn is or wraps, nil
// if there is none.
func prefaceOf(conn net.Conn) prefaced {
	for ; conn != nil; conn = below(conn) {
		if p, ok := conn.(prefaced); ok {
			return p
		}
	}
	return nil
}

// greeter opens sessions, those of prefaced connections when it is time.
type greeter struct{ opener }

// Open begins a session, or the wait for its preface.
func (g greeter) Open(conn net.Conn) engine.Session {
	p := prefaceOf(conn)
	switch {
	case p == nil:
		return g.opener.Open(conn)
	case !p.Wanted():
		return nil
	}
	return &preface{opener: g.opener, conn: conn, head: p}
}

// preface is the session of a connection until its preface is over, and then
// stands before the true one.
type preface struct {
	opener  opener
	conn    net.Conn
	head    prefaced
	opened  bool
	session engine.Session // nil until opened, and when a hook has refused it
	until   time.Time      // how long a shutdown waits; zero before it has begun
	cause   error
}

// Serve waits for the preface.
func (p *preface) Serve() engine.Next {
	if p.session != nil {
		return p.session.Serve()
	}
	for {
		p.hurry()
		switch err := p.head.Begin(); {
		case err == nil:
			return p.begin()
		case errors.Is(err, engine.ErrWouldBlock):
			return engine.Park
		case !isTimeout(err):
			return p.hangup(err)
		case !p.until.IsZero() && !time.Now().Before(p.until):
			return p.hangup(ErrShutdown)
		}
		_ = p.head.SetReadDeadline(p.until)
	}
}

// hurry bounds the wait once a shutdown has begun. Who has just come may be
// sending this moment.
func (p *preface) hurry() {
	if p.until.IsZero() && p.opener.app.live.draining.Load() {
		p.until = time.Now().Add(farewell)
		_ = p.head.SetReadDeadline(p.until)
	}
}

func (p *preface) hangup(cause error) engine.Next {
	p.cause = cause
	return engine.Hangup
}

// begin opens the session and serves what has come with the preface.
func (p *preface) begin() engine.Next {
	if p.open(); p.session != nil {
		return p.session.Serve()
	}
	return engine.Hangup
}

func (p *preface) open() {
	p.opened = true
	p.session = p.opener.Open(p.conn)
}

// Close ends the session. The hooks hear of every connection, also of one
// that has ended before its preface.
func (p *preface) Close(cause error) {
	if p.cause != nil {
		cause = p.cause
	}
	if !p.opened {
		p.head.Abandon(cause)
		p.open()
	}
	if p.session != nil {
		p.session.Close(cause)
	}
}
