package wherry

import (
	"errors"
	"io"
	"time"

	"wherry.example/wherry/internal/http1"
)

// This file is one turn of a session: a head is parsed, the request admitted,
// its route found, its handler run, its answer completed, and what it has left
// of its content read. What comes before and after stands in serve.go.

// step is what becomes of the bytes that have been read.
type step uint8

const (
	stepNext  step = iota // a request was answered, and more bytes have been read
	stepMore              // more bytes are needed
	stepBlock             // the exchange may have to wait for the peer
	stepLeave             // the connection ends after what has been written
	stepAway              // the connection was hijacked
)

// step parses one head and runs its exchange.
func (x *exchange) step() step {
	s := x.s
	blocking := s.phase == phaseReady
	if !blocking {
		n, err := x.head.Parse(x.unread(), &x.app.headLimits)
		if err != nil {
			x.refuse(err)
			return stepLeave
		}
		if n == 0 {
			return stepMore
		}
		if err := x.admit(n); err != nil {
			x.refuse(err)
			return stepLeave
		}
		if s.try != nil && x.mayWait() {
			return stepBlock
		}
	}
	s.phase = phaseOpen
	x.run()
	switch {
	case s.phase == phaseHijacked:
		return stepAway
	case s.phase == phaseCut || !x.keep:
		return stepLeave
	case !x.done && !x.drain():
		s.phase = phaseCut
		return stepLeave
	case x.r == x.w:
		return stepMore
	}
	return stepNext
}

// admit takes the head off the buffer and decides how the exchange is framed,
// before any user code runs.
func (x *exchange) admit(n int) error {
	framing, err := x.head.Framing()
	if err != nil {
		return err
	}
	if x.head.Expect() == http1.ExpectOther {
		return &Error{Status: 417}
	}
	x.batch++
	x.s.info.requests.Add(1)
	if x.s.bounded { // the next head has a deadline of its own
		x.s.bounded, x.s.deadline = false, 0
	}
	x.r += n
	x.floor = x.r
	x.framing, x.left = framing, framing.Length
	x.done = framing.Kind == http1.NoBody || framing.Kind == http1.LengthBody && framing.Length == 0
	x.expects = x.head.Expect() == http1.ExpectContinue && !x.done
	x.begun, x.broken, x.untilClose, x.coding = false, false, false, codingNone
	x.reading, x.writing = stall{}, stall{}
	// What follows a CONNECT is meant for the tunnel, also if there is none.
	x.keep = !x.head.Close() && (x.head.Minor > 0 || x.head.KeepAlive()) && x.head.Method != http1.MethodConnect
	if framing.Kind == http1.ChunkedBody {
		l := &x.app.limits
		x.chunk.Reset(http1.ChunkedLimits{ExtensionBytes: l.ChunkExtensions, TrailerBytes: l.Trailer, TrailerLines: l.FieldLines})
	}
	return nil
}

// mayWait reports whether the handler may have to wait for the peer: content
// is missing, or the connection may be hijacked.
func (x *exchange) mayWait() bool {
	switch {
	case x.head.Upgrade() || x.head.Method == http1.MethodConnect:
		return true
	case x.framing.Kind == http1.LengthBody:
		return x.left > int64(x.w-x.r)
	}
	return x.framing.Kind == http1.ChunkedBody
}

// run answers one request.
func (x *exchange) run() {
	c := x.context()
	x.running = true
	c.begins(x, &x.head, x.framing)
	if len(x.app.hooks.response) > 0 {
		x.began = time.Now()
	}
	err := x.app.answer(c)
	if x.s.phase == phaseCut {
		x.s.cause = err
	}
	x.conclude(c, err)
}

// conclude tells the hooks what became of an exchange, and forgets it.
func (x *exchange) conclude(c *Context, err error) {
	if len(x.app.hooks.response) > 0 && !x.told {
		x.told = true
		x.app.answered(c, c.result(err, x.began))
	}
	c.ends()
	x.running, x.told = false, false
	x.head.Reset()
}

// abandon concludes an exchange that was left in the middle, by runtime.Goexit
// or by a panic of what should have answered an error: what there is of the
// answer must not look complete, and nobody else must get its Context as it is.
func (x *exchange) abandon() {
	c := x.c
	if c.res.stage == stageOpen {
		c.res.status = 0 // none was sent
	}
	if x.s.phase == phaseHijacked {
		_ = x.s.given.end(errAbandoned) // as the engine does
	} else {
		c.drop()
	}
	x.conclude(c, errAbandoned)
}

var errAbandoned = errors.New("wherry: the exchange was left in the middle")

// answer runs hooks, route and handler, and completes the answer. It serves
// an exchange of any wire. The error is what the handler ended with; it has
// been dealt with.
func (s *server) answer(c *Context) error {
	err := c.attempt(respond)
	if err != nil {
		err = c.attribute(err)
		s.resolve(c, err)
	}
	return err
}

// respond runs the handler of a request and completes its answer.
func respond(c *Context) error {
	if err := dispatch(c); err != nil {
		return err
	}
	return c.finish()
}

// dispatch finds the handler of a request and runs it.
func dispatch(c *Context) error {
	s := c.app
	for _, hook := range s.hooks.routing {
		if err := hook(c); err != nil || c.replied() {
			return err
		}
	}
	if len(c.path) == 0 || c.path[0] != '/' {
		return s.notFound(c)
	}
	found := s.hosts.of(c.head).match(&c.match, c.Method(), c.path)
	if found == notFound {
		return s.notFound(c)
	}
	c.route = c.match.route
	c.route.limit(&c.body)
	if found == methodNotAllowed {
		return c.route.denied(c)
	}
	return c.route.pace.run(c, c.route.handler)
}

// attempt runs a handler, or what calls the program in another way; its panic
// becomes an error.
func (c *Context) attempt(h Handler) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = c.app.panicked("handler", v, c.about()...)
		}
	}()
	return h(c)
}

// refuse answers a request that breaks the protocol. No user code sees it.
func (x *exchange) refuse(err error) {
	status := 400
	var refusal *http1.Error
	var own *Error
	switch {
	case errors.As(err, &refusal):
		status = refusal.Status
	case errors.As(err, &own):
		status = own.Status
	}
	x.s.cause = err
	x.app.refused(&x.s.info, status, err)
	x.keep, x.done = false, false
	text := http1.ReasonPhrase(status) + "\n"
	b := x.app.date.begin(x.out, status, x.clock())
	b = http1.AppendField(b, HeaderContentType, typeText)
	b = http1.AppendContentLength(b, int64(len(text)))
	b = append(b, "Connection: close\r\n\r\n"...)
	x.out = append(b, text...)
}

// drain reads what is left of a body within a bound, and reports whether the
// connection can persist.
func (x *exchange) drain() bool {
	budget := x.app.limits.Drain
	if x.framing.Kind == http1.LengthBody && x.left > budget {
		return false
	}
	var sink [8 << 10]byte
	for !x.done {
		n, err := x.readBody(sink[:])
		budget -= int64(n)
		if err != nil && err != io.EOF || budget < 0 {
			return false
		}
	}
	return true
}
