package sse

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"wherry.example/wherry"
)

// Options says how a stream behaves. The zero value is the defaults that stand
// at each field.
type Options struct {
	// Retry is how long the client shall wait before it connects again once
	// the stream has ended. It is sent once, at the beginning. Default: the
	// client's own, some seconds.
	Retry time.Duration
	// Heartbeat is the pause after which a comment is sent, so that proxies
	// keep the connection and a client that vanished is noticed. Default
	// 15 s; [wherry.NoLimit] sends none.
	Heartbeat time.Duration
	// Until ends the stream in good order when it is closed, such as the Done
	// channel of a context whose cancel function was given to
	// [wherry.App.OnShutdown]. nil never ends it.
	Until <-chan struct{}
	// QueryID lets the query parameter lastEventId stand in for the field
	// Last-Event-ID, for clients that cannot set one.
	QueryID bool
}

const defaultHeartbeat = 15 * time.Second

// ErrClosed is returned by the methods that send once a stream has ended in
// good order. A handler that gets it returns [Stream.Err].
var ErrClosed = errors.New("sse: stream is closed")

// Stream sends events to one client. It belongs to the goroutine of the
// handler and is valid until the handler returns.
//
// Every event is on its way before Send returns. A client that does not read
// makes Send wait, for [wherry.Timeouts].WriteStall at most; then it fails and
// the connection is cut.
type Stream struct {
	c         *wherry.Context
	ctx       context.Context
	until     <-chan struct{}
	heartbeat time.Duration
	beat      *time.Timer // nil without heartbeats
	lastID    string
	buf       []byte
	out       output
	ended     bool
	err       error // why it ended, nil in good order
}

// New begins a stream as the answer to c: it sends the head at once, so that
// the client knows that it is connected. It fails when the answer has begun
// already, when an option is impossible, and when the client has left.
//
// A HEAD request gets the head; its stream has ended when New returns.
func New(c *wherry.Context, o Options) (*Stream, error) {
	s, err := prepare(c, o)
	if err != nil {
		return nil, err
	}
	return s, s.begin()
}

// prepare makes a stream whose head has not left.
func prepare(c *wherry.Context, o Options) (*Stream, error) {
	if c.Committed() {
		return nil, errors.New("sse: the answer has already begun")
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Stream{c: c, out: c, ctx: c.Context(), until: o.Until, heartbeat: o.Heartbeat, lastID: lastEventID(c, o.QueryID)}
	return s, s.setHead(o.Retry)
}

// begin sends the head.
func (s *Stream) begin() error {
	if err := s.c.Flush(); err != nil {
		return err
	}
	if s.c.Method() == "HEAD" {
		s.ended = true
		return nil
	}
	if s.heartbeat > 0 {
		s.beat = time.NewTimer(s.heartbeat)
	}
	return nil
}

func (o *Options) complete() error {
	switch {
	case o.Retry < 0:
		return fmt.Errorf("sse: Options.Retry is %v; give a positive time, or 0 for the client's own", o.Retry)
	case o.Heartbeat < 0 && o.Heartbeat != wherry.NoLimit:
		return fmt.Errorf("sse: Options.Heartbeat is %v; give a positive time, 0 for the default, or NoLimit", o.Heartbeat)
	case o.Heartbeat == 0:
		o.Heartbeat = defaultHeartbeat
	}
	return nil
}

// Handler returns a handler that begins a stream and gives it to f. The answer
// ends when f returns; [ErrClosed] counts as nil. f is not called for HEAD.
// Impossible options are reported by [wherry.App.Build].
func Handler(o Options, f func(*Stream) error) wherry.Handler {
	if err := o.complete(); err != nil {
		return wherry.Broken(err)
	}
	return func(c *wherry.Context) error {
		s, err := New(c, o)
		if err != nil || s.ended {
			return err
		}
		if err := f(s); !errors.Is(err, ErrClosed) {
			return err
		}
		return nil
	}
}

func lastEventID(c *wherry.Context, fromQuery bool) string {
	id := c.Header("Last-Event-ID")
	if id == "" && fromQuery {
		id, _ = wherry.Query[string](c, "lastEventId")
	}
	return id
}

// output is where a stream is written: the Context, or what is left of it.
type output interface {
	Write(p []byte) (int, error)
	Flush() error
}

// setHead sets the fields of the head. Coding and buffering on the way would
// hold events back.
func (s *Stream) setHead(retry time.Duration) error {
	s.c.Status(200)
	s.c.SetHeader(wherry.HeaderContentType, "text/event-stream")
	s.c.SetHeader(wherry.HeaderCacheControl, "no-cache, no-transform")
	s.c.SetHeader("X-Accel-Buffering", "no")
	s.c.ResponseHeaders().Del(wherry.HeaderContentLength)
	if retry > 0 {
		s.buf = append(appendRetry(s.buf[:0], retry), '\n')
		if _, err := s.c.Write(s.buf); err != nil {
			return err
		}
	}
	return nil
}

// LastEventID returns the ID of the last event that the client got before it
// connected again, "" for a new client. It comes from the client: it may be
// anything.
func (s *Stream) LastEventID() string { return s.lastID }

// Context returns the context of the request, see [wherry.Context.Context].
func (s *Stream) Context() context.Context { return s.ctx }

// Err returns why the stream has ended: nil in good order or as long as it has
// not ended, [wherry.ErrClientGone] when the client has left, else the error
// of the connection or of the request's context. It is what a handler returns.
func (s *Stream) Err() error { return s.err }

// Send sends an event. It fails with [ErrField] for one that cannot be sent,
// and then nothing was; with [ErrClosed] when the stream has ended in good
// order; else with the error that ended it, now or before.
func (s *Stream) Send(e Event) error {
	buf, err := e.AppendTo(s.buf[:0])
	if err != nil {
		return err
	}
	s.buf = buf
	return s.send(buf)
}

// Comment sends text that clients ignore.
func (s *Stream) Comment(text string) error {
	s.buf = appendComment(s.buf[:0], text)
	return s.send(s.buf)
}

// send sends whole events.
func (s *Stream) send(events ...[]byte) error {
	if !s.open() {
		if s.err == nil {
			return ErrClosed
		}
		return s.err
	}
	for _, e := range events {
		if _, err := s.out.Write(e); err != nil {
			return s.fail(err)
		}
	}
	if err := s.out.Flush(); err != nil {
		return s.fail(err)
	}
	if s.beat != nil {
		s.beat.Reset(s.heartbeat)
	}
	return nil
}

// open reports whether events can be sent. It notices by itself that the
// client has left and that the stream shall end.
func (s *Stream) open() bool {
	if s.ended {
		return false
	}
	select {
	case <-s.ctx.Done():
		s.gone()
	case <-s.until:
		s.Close()
	default:
	}
	return !s.ended
}

func (s *Stream) fail(err error) error {
	s.end(err)
	return err
}

// gone ends the stream because the request's context is done. A shutdown that
// has run out of time is an end in good order if the client still reads.
func (s *Stream) gone() {
	if cause := context.Cause(s.ctx); !errors.Is(cause, wherry.ErrShutdown) {
		s.end(cause)
		return
	}
	s.Close()
}

// Close ends the stream in good order: it sends a last comment, and what is
// sent later fails with [ErrClosed]. The answer ends when the handler returns.
// Closing a stream that has ended does nothing.
func (s *Stream) Close() {
	if s.ended {
		return
	}
	s.end(nil)
	s.buf = appendComment(s.buf[:0], " closing")
	if _, err := s.out.Write(s.buf); err == nil {
		_ = s.out.Flush() // the handler's return finds out as well
	}
}

func (s *Stream) end(err error) {
	s.ended, s.err = true, err
	if s.beat != nil {
		s.beat.Stop()
	}
}

// Each yields what comes from a channel and sends heartbeats while nothing
// comes. It ends when the stream does: when the client has left, when
// [Options].Until is closed, and in good order when ch is closed. The handler
// then returns [Stream.Err].
func Each[T any](s *Stream, ch <-chan T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, ok := next(s, ch)
			if !ok || !yield(v) {
				return
			}
		}
	}
}

// Wait sends heartbeats until d has passed, for a handler that looks for
// itself whether there is news. It reports false when the stream has ended.
func (s *Stream) Wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	_, ok := next(s, timer.C)
	return ok
}

// next waits for a value. It reports false when the stream has ended.
func next[T any](s *Stream, ch <-chan T) (v T, ok bool) {
	var beats <-chan time.Time
	if s.beat != nil {
		beats = s.beat.C
	}
	for s.open() {
		select {
		case v, ok = <-ch:
			if !ok {
				s.Close()
			}
			return v, ok
		case <-beats:
			_ = s.send(heartbeat) // a failure ends the stream
		case <-s.until:
			s.Close()
		case <-s.ctx.Done():
			s.gone()
		}
	}
	return v, false
}

// heartbeat is a comment without text.
var heartbeat = []byte(":\n\n")
