package wherry

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"wherry.example/wherry/engine"
)

// This file is the life of a connection, in order: open, read, take a turn for
// each request, write, and wait or away. Every rule about time and persistence
// stands here, the same for all engines. A turn stands in turn.go, what a
// request is in internal/http1, how content moves in exchange.go.
//
// A session holds nothing but itself while no byte of a request is there; the
// exchange, with all buffers, is borrowed for the time in between.

// opener is how engines see a server.
type opener struct{ app *server }

// Open begins a session. It runs before the first byte is read.
func (o opener) Open(conn net.Conn) engine.Session {
	s := &session{app: o.app, conn: conn}
	s.try, _ = conn.(engine.NonBlocking)
	s.yielder, _ = conn.(engine.Yielder)
	s.info.conn = conn
	if err := o.app.connected(&s.info); err != nil {
		if errors.Is(err, ErrStopAccepting) {
			stopListening(conn)
		}
		return nil
	}
	s.wait(s.clock() + o.app.timeouts.Idle)
	return s
}

// phase is where a session stands between two calls of Serve.
type phase uint8

const (
	phaseOpen     phase = iota // a head is read, or awaited
	phaseReady                 // a head is complete; its exchange may wait for the peer
	phaseCut                   // the exchange ended badly: close
	phaseLinger                // the last answer is out: forget what still comes
	phaseHijacked              // the connection is somebody else's
)

// session is our side of one connection. Owned by whoever runs Serve.
type session struct {
	app       *server
	conn      net.Conn
	try       engine.NonBlocking // nil where reads and writes only block
	yielder   engine.Yielder     // nil where no other session waits for this one
	x         *exchange          // nil while no byte of a request is there
	phase     phase
	dismissed bool          // waits for a last request, see dismiss
	parting   bool          // only a goodbye is awaited, see leave
	bounded   bool          // the deadline is that of a head, not of an idle connection
	deadline  time.Duration // of the read that is awaited, by clock; 0 when it must be set anew
	lingered  int64
	cause     error         // why the connection ends, nil in agreement
	given     *hijackedConn // to whom the connection went
	info      Conn
	first     [1]byte
}

// Serve reads what has come, answers every complete request in it, writes the
// answers with one write, and parks.
func (s *session) Serve() engine.Next {
	if s.phase == phaseLinger {
		return s.linger()
	}
	if s.x != nil {
		s.x.batch = 0
		if s.phase == phaseReady {
			s.x.batch = 1 // the exchange that may wait
		}
	}
	if s.phase == phaseOpen {
		if err := s.fill(); err != nil {
			return s.stopped(err)
		}
	}
	x := s.x
	for fills := 1; ; {
		switch x.step() {
		case stepNext:
		case stepMore:
			if !x.filled {
				return s.park()
			}
			if fills++; fills > fairFills {
				return s.pause()
			}
			if err := s.fill(); err != nil {
				return s.stopped(err)
			}
		case stepBlock:
			if err := x.flush(); err != nil {
				return s.hangup(err)
			}
			s.phase = phaseReady
			return engine.Block
		case stepLeave:
			return s.leave()
		case stepAway:
			return engine.Detach
		}
	}
}

// Close ends the session: it gives back what it holds and runs the hooks.
func (s *session) Close(cause error) {
	defer func() { // also when a hook that release runs ends the goroutine
		if s.phase == phaseHijacked {
			s.given.left.Store(cause == nil)
			if cause != nil { // the engine closes the connection
				_ = s.given.end(cause)
			}
			return
		}
		if s.cause == nil {
			s.cause = cause
		}
		s.app.disconnected(&s.info, s.cause)
	}()
	s.release()
}

// borrow takes an exchange for the bytes that come.
func (s *session) borrow() *exchange {
	if s.x == nil {
		s.x = s.app.pool.Get().(*exchange)
		s.x.s = s
	}
	return s.x
}

// release gives the exchange back, clean.
func (s *session) release() {
	x := s.x
	if x == nil {
		return
	}
	s.x = nil
	if x.running {
		x.abandon()
	}
	x.recycle()
	s.app.pool.Put(x)
}

// fill reads once. A connection that can only block waits for the first byte
// of a request without a buffer.
func (s *session) fill() error {
	if s.try != nil {
		x := s.borrow()
		x.room()
		n, err := s.try.TryRead(x.in[x.w:])
		x.w += n
		x.filled = x.w == len(x.in)
		return err
	}
	if s.x == nil {
		if _, err := io.ReadFull(s.conn, s.first[:]); err != nil {
			return err
		}
		x := s.borrow()
		x.in[0], x.w = s.first[0], 1
		x.filled = true // there is no telling: look once more
		return nil
	}
	x := s.x
	x.room()
	if x.w == 1 && !s.bounded {
		s.headBegins()
	}
	n, err := s.conn.Read(x.in[x.w:])
	x.w += n
	x.filled = false
	if n > 0 {
		return nil
	}
	return err
}

// stopped ends a read that brought nothing.
func (s *session) stopped(err error) engine.Next {
	x := s.x
	if x != nil {
		if failed := x.flush(); failed != nil {
			return s.hangup(failed)
		}
	}
	partial := x != nil && x.w > x.r
	switch {
	case errors.Is(err, engine.ErrWouldBlock):
		return s.park()
	case err == io.EOF && !partial:
		return s.hangup(nil)
	case err == io.EOF:
		return s.hangup(io.ErrUnexpectedEOF)
	case !isTimeout(err):
		return s.hangup(err)
	case x != nil && x.batch > 0: // it was the deadline of what has been answered
		return s.park()
	case partial && s.clock() < s.deadline: // shutdown has begun: let the head come
		return s.park()
	case partial:
		x.refuse(&Error{Status: 408})
		s.cause = os.ErrDeadlineExceeded
		return s.leave()
	case s.app.live.draining.Load():
		return s.dismiss()
	case s.clock() < s.deadline:
		return s.park()
	}
	return s.hangup(ErrIdle)
}

// park writes the answers of the batch and waits for more bytes.
func (s *session) park() engine.Next {
	x := s.x
	if err := x.flush(); err != nil {
		return s.hangup(err)
	}
	if x.r < x.w {
		if !s.bounded {
			s.headBegins()
		}
		x.dropOut()
		return engine.Park
	}
	if x.batch > 0 {
		s.idle()
	}
	if s.app.live.draining.Load() {
		return s.dismiss()
	}
	s.release()
	return engine.Park
}

// fairFills is how many times a session reads in one call: a peer that sends
// without end must not keep others waiting.
const fairFills = 4

// pause writes the answers of the batch and lets others have their turn.
func (s *session) pause() engine.Next {
	if err := s.x.flush(); err != nil {
		return s.hangup(err)
	}
	if s.x.batch > 0 {
		s.idle()
	}
	return engine.Again
}

const (
	// recent is how long ago a client's last request was if the next one may
	// be on its way when a shutdown begins,
	recent = time.Second
	// farewell is how long that is awaited. It is answered, and the answer
	// says close.
	farewell = 250 * time.Millisecond
)

// dismiss ends an idle connection because of a shutdown. Who has just come
// or asked something may be asking this moment: closing now would lose that.
func (s *session) dismiss() engine.Next {
	now := s.clock()
	active := s.deadline - s.app.timeouts.Idle
	switch {
	case s.dismissed && now >= s.deadline, !s.dismissed && now-active > recent:
		return s.hangup(ErrShutdown)
	case !s.dismissed:
		s.dismissed = true
		s.wait(now + farewell)
	}
	s.release()
	return engine.Park
}

// headBegins sets the deadline of a head by its first byte; later bytes do
// not move it.
func (s *session) headBegins() {
	s.bounded = true
	s.wait(s.clock() + s.app.timeouts.Head)
}

// idleStep is how far the deadline of an idle connection may lag behind: a
// busy connection moves it only that often.
const idleStep = 500 * time.Millisecond

// idle sets the deadline of the next request.
func (s *session) idle() {
	now, limit := s.clock(), s.app.timeouts.Idle
	if !s.bounded && s.deadline-now > limit-min(idleStep, limit>>6) {
		return
	}
	s.bounded = false
	s.wait(now + limit)
}

// clock returns the time since the app was built. It is cheaper than the time
// of day.
func (s *session) clock() time.Duration { return time.Since(s.app.born) }

// wait sets the deadline of the next read.
func (s *session) wait(until time.Duration) {
	s.deadline = until
	_ = s.conn.SetReadDeadline(s.app.born.Add(until))
}

// hangup ends the connection at once.
func (s *session) hangup(cause error) engine.Next {
	if s.cause == nil {
		s.cause = cause
	}
	return engine.Hangup
}

// leave writes the last answers and ends the connection so that the client
// can read them: the sending side is shut, and what the client still sends is
// read and forgotten within a bound. Closing at once would turn unread input
// into a reset that destroys the answer on its way.
func (s *session) leave() engine.Next {
	x := s.x
	if err := x.flush(); err != nil {
		return s.hangup(err)
	}
	cut := s.phase == phaseCut
	// The goodbye of a client is input as well when it is encrypted, and may
	// still come.
	if !cut && x.done && x.r == x.w && !s.info.Encrypted() && !s.inputWaits() {
		return engine.Hangup
	}
	if cut && x.coding == codingClose {
		return engine.Hangup // by a reset: an end in good order would look like that of the content
	}
	half, ok := s.conn.(engine.CloseWriter)
	if !ok || half.CloseWrite() != nil {
		return engine.Hangup
	}
	s.phase = phaseLinger
	s.parting = !cut && x.done && x.r == x.w
	s.wait(s.clock() + s.patience())
	return engine.Park
}

// patience is how long the client is listened to behind the last answer. One
// that has nothing more to say than goodbye does not hold up a shutdown.
func (s *session) patience() time.Duration {
	if s.parting && s.app.live.draining.Load() {
		return min(s.app.timeouts.Linger, farewell)
	}
	return s.app.timeouts.Linger
}

// inputWaits looks whether bytes have come that nobody will use.
func (s *session) inputWaits() bool {
	if s.try == nil {
		return false
	}
	n, err := s.try.TryRead(s.x.in)
	return n > 0 && err == nil
}

// lingerBytes is how much input of a refused client is read and forgotten.
const lingerBytes = 4 << 20

// linger forgets what has come.
func (s *session) linger() engine.Next {
	x := s.borrow()
	for s.lingered < lingerBytes {
		var n int
		var err error
		if s.try != nil {
			n, err = s.try.TryRead(x.in)
		} else {
			n, err = s.conn.Read(x.in)
		}
		s.lingered += int64(n)
		switch {
		case n > 0:
		case errors.Is(err, engine.ErrWouldBlock):
			s.release()
			return engine.Park
		case isTimeout(err) && s.clock() < s.deadline: // a shutdown has begun
			s.wait(min(s.deadline, s.clock()+s.patience()))
			s.release()
			return engine.Park
		default:
			return engine.Hangup
		}
	}
	return engine.Hangup
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
