package wherry

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// How a session behaves between a last answer and the end of its connection,
// and when its socket fails: on a socket that does what the test tells it.

// toldConn is a readable socket without a socket. What is written to it is
// kept, and what it is asked for is noted.
type toldConn struct {
	net.Conn
	in      []string // what each TryRead or Read brings
	empty   error    // what they say when all of in was read
	out     strings.Builder
	room    int   // how many writes succeed
	refused error // what the others say

	calls         []string // CloseWrite, SetLinger and Close
	shutErr       error    // what CloseWrite says
	readDeadline  time.Time
	writeDeadline time.Time
}

var errReset = errors.New("connection reset by peer")

func newToldConn(in ...string) *toldConn {
	return &toldConn{in: in, empty: engine.ErrWouldBlock, room: 1 << 30, refused: errReset}
}

func (c *toldConn) TryRead(p []byte) (int, error) {
	switch {
	case len(c.in) == 0:
		return 0, c.empty
	case len(p) == 0:
		return 0, io.ErrNoProgress
	}
	n := copy(p, c.in[0])
	if c.in[0] = c.in[0][n:]; c.in[0] == "" {
		c.in = c.in[1:]
	}
	return n, nil
}

func (c *toldConn) TryWrite(p []byte) (int, error) {
	if c.room--; c.room < 0 {
		return 0, c.refused
	}
	c.out.Write(p)
	return len(p), nil
}

func (c *toldConn) Read(p []byte) (int, error)         { return c.TryRead(p) }
func (c *toldConn) Write(p []byte) (int, error)        { return c.TryWrite(p) }
func (c *toldConn) SetDeadline(t time.Time) error      { c.readDeadline, c.writeDeadline = t, t; return nil }
func (c *toldConn) SetReadDeadline(t time.Time) error  { c.readDeadline = t; return nil }
func (c *toldConn) SetWriteDeadline(t time.Time) error { c.writeDeadline = t; return nil }
func (c *toldConn) Close() error                       { c.calls = append(c.calls, "Close"); return nil }
func (c *toldConn) CloseWrite() error                  { c.calls = append(c.calls, "CloseWrite"); return c.shutErr }
func (c *toldConn) SetLinger(int) error                { c.calls = append(c.calls, "SetLinger"); return nil }
func (c *toldConn) Watch(gone func()) (stop func())    { return func() {} }

// session opens a session of the app on the socket.
func (c *toldConn) session(t *testing.T, app *App) *session {
	if app.server == nil {
		require.NoError(t, app.Logger(slog.New(slog.DiscardHandler)).Build())
	}
	return opener{app.server}.Open(c).(*session)
}

// TestLingers: after which exchanges the sending side is shut and input is
// awaited, and after which the connection ends at once.
func TestLingers(t *testing.T) {
	const last = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for name, test := range map[string]struct {
		in    []string
		shut  error
		next  engine.Next
		calls string
	}{
		"refused":                       {in: []string{"BAD\r\n\r\n"}, next: engine.Park, calls: "CloseWrite"},
		"nothing is left":               {in: []string{last}, next: engine.Hangup},
		"more was read":                 {in: []string{last + "GET"}, next: engine.Park, calls: "CloseWrite"},
		"more has come":                 {in: []string{last, "GET"}, next: engine.Park, calls: "CloseWrite"},
		"unread content beyond Drain":   {in: []string{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc"}, next: engine.Park, calls: "CloseWrite"},
		"100 was never sent":            {in: []string{"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"}, next: engine.Park, calls: "CloseWrite"},
		"cut in chunks":                 {in: []string{"GET /cut HTTP/1.1\r\nHost: x\r\n\r\n"}, next: engine.Park, calls: "CloseWrite"},
		"cut before the head":           {in: []string{"GET /drop HTTP/1.1\r\nHost: x\r\n\r\n"}, next: engine.Park, calls: "CloseWrite"},
		"cut where the end is the end":  {in: []string{"GET /cut HTTP/1.0\r\n\r\n"}, next: engine.Hangup, calls: "SetLinger"},
		"the sending side cannot close": {in: []string{"BAD\r\n\r\n"}, shut: errReset, next: engine.Hangup, calls: "CloseWrite"},
	} {
		t.Run(name, func(t *testing.T) {
			app := New().Get("/", func(c *Context) error { return c.Text(200, "last") })
			app.Post("/", func(c *Context) error { return c.Text(200, "unread") })
			app.Get("/cut", func(c *Context) error { _ = c.Flush(); return errReset })
			app.Get("/drop", func(*Context) error { return ErrDrop })
			conn := newToldConn(test.in...)
			conn.shutErr = test.shut
			s := conn.session(t, app)
			next := s.Serve()
			for next == engine.Block { // content is missing: on a goroutine that may wait
				next = s.Serve()
			}
			require.Equal(t, test.next, next)
			require.Equal(t, test.calls, strings.Join(conn.calls, " "))
			s.Close(nil)
		})
	}
}

// TestLingerWithoutCloseWrite: a connection whose sending side cannot be shut
// ends at once.
func TestLingerWithoutCloseWrite(t *testing.T) {
	conn := &scriptedConn{in: []byte("BAD\r\n\r\n")}
	app := plainApp()
	require.NoError(t, app.Build())
	require.Equal(t, engine.Hangup, opener{app.server}.Open(conn).Serve())
}

// TestLingerBounds: input is forgotten for Timeouts.Linger, 4 MiB at most, up
// to its end or a failure, and no buffer is held for the wait.
func TestLingerBounds(t *testing.T) {
	for name, test := range map[string]struct {
		own, want time.Duration
	}{"default": {0, 2 * time.Second}, "own": {7 * time.Second, 7 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			conn := newToldConn("BAD\r\n\r\n")
			s := conn.session(t, plainApp().Timeouts(Timeouts{Linger: test.own}))
			time.Sleep(time.Minute / 2)
			require.Equal(t, engine.Park, s.Serve())
			require.Equal(t, test.want, time.Until(conn.readDeadline), name)
			conn.in = []string{"some", "more"}
			require.Equal(t, engine.Park, s.Serve())
			require.Empty(t, conn.in, "it was read")
			require.Nil(t, s.x, "the buffer was given back")
			conn.empty = os.ErrDeadlineExceeded
			time.Sleep(test.want - time.Nanosecond)
			require.Equal(t, engine.Park, s.Serve(), "the engine has woken it for a reason of its own")
			require.Nil(t, s.x)
			require.Equal(t, time.Nanosecond, time.Until(conn.readDeadline), "what comes does not move the end")
			time.Sleep(time.Nanosecond)
			require.Equal(t, engine.Hangup, s.Serve())
			s.Close(nil)
		})
	}
	for _, end := range []error{io.EOF, errReset} {
		conn := newToldConn("BAD\r\n\r\n")
		s := conn.session(t, plainApp())
		require.Equal(t, engine.Park, s.Serve())
		conn.empty = end
		require.Equal(t, engine.Hangup, s.Serve())
		s.Close(nil)
	}
	const bound = 4 << 20
	conn := newToldConn("BAD\r\n\r\n")
	s := conn.session(t, plainApp())
	require.Equal(t, engine.Park, s.Serve())
	conn.in = []string{strings.Repeat("a", bound-1)}
	require.Equal(t, engine.Park, s.Serve(), "one byte below the bound")
	conn.in = []string{strings.Repeat("a", bound)}
	require.Equal(t, engine.Hangup, s.Serve())
	require.Greater(t, len(conn.in[0]), bound-readBytes-1, "and no more is read")
	s.Close(nil)
}

// TestLingerBlocking: the same on a connection that can only block.
func TestLingerBlocking(t *testing.T) {
	told := newToldConn("B", "AD\r\n\r\n")
	app := plainApp().Logger(slog.New(slog.DiscardHandler))
	require.NoError(t, app.Build())
	s := opener{app.server}.Open(blockingConn{told, told}).(*session)
	for s.Serve() == engine.Park && s.phase != phaseLinger {
	}
	require.Equal(t, "CloseWrite", strings.Join(told.calls, " "))
	told.in, told.empty = []string{"some", "more"}, os.ErrDeadlineExceeded
	require.Equal(t, engine.Park, s.Serve(), "it is not yet time")
	require.Empty(t, told.in)
	told.empty = io.EOF
	require.Equal(t, engine.Hangup, s.Serve())
	s.Close(nil)
}

// blockingConn hides what a connection can do without waiting.
type blockingConn struct {
	net.Conn
	engine.CloseWriter
}

// TestSocketFails: wherever the answers that wait cannot be written the
// connection ends, hooks are told why, and no handler runs for nothing.
func TestSocketFails(t *testing.T) {
	full := "GET / HTTP/1.1\r\nHost: x\r\nX-Pad: \r\n\r\n" // fills the buffer to its last byte
	full = strings.Replace(full, "Pad: ", "Pad: "+strings.Repeat("p", readBytes-len(full)), 1)
	const waits = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
	for name, test := range map[string]struct {
		in   []string
		want int // handlers that run
	}{
		"parking":                     {[]string{plainRequest}, 1},
		"parking with half a head":    {[]string{plainRequest + "GET"}, 1},
		"before a wait for content":   {[]string{plainRequest + waits}, 1},
		"when no more comes":          {[]string{full}, 1},
		"before others have a turn":   {[]string{full, full, full, full, full}, 4},
		"refusing":                    {[]string{plainRequest + "BAD\r\n\r\n"}, 1},
		"the client has left as well": {[]string{full}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			ran := 0
			var cause error
			app := New().OnDisconnect(func(_ *Conn, err error) { cause = err })
			h := func(c *Context) error { ran++; return c.Text(200, "hello") }
			app.Get("/", h).Post("/", h)
			conn := newToldConn(test.in...)
			conn.room = 0
			if name == "the client has left as well" {
				conn.empty = io.EOF
			}
			s := conn.session(t, app)
			require.Equal(t, engine.Hangup, s.Serve())
			s.Close(nil)
			require.Equal(t, test.want, ran)
			if name != "refusing" { // there the client was wrong first
				require.ErrorIs(t, cause, errReset)
			}
		})
	}
}

// TestSocketEnds: hooks are told how the connection has ended.
func TestSocketEnds(t *testing.T) {
	for _, sent := range []string{"", "GET", plainRequest} {
		for _, end := range []error{io.EOF, errReset} {
			var cause error
			conn := newToldConn()
			s := conn.session(t, plainApp().OnDisconnect(func(_ *Conn, err error) { cause = err }))
			if sent != "" {
				conn.in = []string{sent}
				require.Equal(t, engine.Park, s.Serve())
			}
			conn.empty = end
			require.Equal(t, engine.Hangup, s.Serve())
			s.Close(nil)
			switch {
			case end == io.EOF && sent == "GET":
				require.ErrorIs(t, cause, io.ErrUnexpectedEOF)
			case end == io.EOF:
				require.NoError(t, cause)
			default:
				require.ErrorIs(t, cause, errReset)
			}
		}
	}
}

// TestSocketFailsInHandler: the handler that meets the failure is told.
func TestSocketFailsInHandler(t *testing.T) {
	for name, test := range map[string]struct {
		raw string
		h   Handler
	}{
		"reading after a part of the answer": {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", func(c *Context) error {
			if _, err := c.Write(make([]byte, probeBytes+1)); err != nil {
				return err
			}
			_, err := io.ReadAll(c.Body())
			return err
		}},
		"inviting content": {"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", func(c *Context) error {
			_, err := c.BodyBytes()
			return err
		}},
		"taking the connection": {plainRequest + plainRequest, func(c *Context) error {
			if c.wire.peer().Requests() == 1 {
				return nil
			}
			_, _, err := c.Hijack()
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var told error
			app := New().AfterResponse(func(_ *Context, r Result) { told = r.Err })
			app.Get("/", test.h).Post("/", test.h)
			conn := newToldConn(test.raw)
			conn.room, conn.shutErr = 0, errReset
			s := conn.session(t, app)
			next := s.Serve()
			for next == engine.Block {
				next = s.Serve()
			}
			require.Equal(t, engine.Hangup, next)
			s.Close(nil)
			require.ErrorIs(t, told, errReset)
		})
	}
}

// TestEarlyWake: an engine may wake a session before its deadline, with the
// error of a deadline; nothing has come and nothing ends.
func TestEarlyWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := "GET / HTTP/1.1\r\nHost: x\r\nX-Pad: \r\n\r\n"
		full = strings.Replace(full, "Pad: ", "Pad: "+strings.Repeat("p", readBytes-len(full)), 1)
		conn := newToldConn()
		conn.empty = os.ErrDeadlineExceeded
		s := conn.session(t, plainApp())
		require.Equal(t, engine.Park, s.Serve(), "never used")
		time.Sleep(61 * time.Second) // it has come at the last moment, and is looked at later
		conn.in = []string{full}
		require.Equal(t, engine.Park, s.Serve(), "the deadline is that of what was just answered")
		require.Contains(t, conn.out.String(), "Hello, World!")
		require.Equal(t, time.Minute, time.Until(conn.readDeadline))
		time.Sleep(30 * time.Second)
		conn.in = []string{"GET"}
		require.Equal(t, engine.Park, s.Serve())
		time.Sleep(9 * time.Second)
		require.Equal(t, engine.Park, s.Serve(), "half a head")
		require.Equal(t, time.Second, time.Until(conn.readDeadline))
		time.Sleep(time.Second)
		require.Equal(t, engine.Park, s.Serve(), "it is refused, and lingers")
		require.Contains(t, conn.out.String(), "HTTP/1.1 408 ")
		s.Close(nil)
	})
}
