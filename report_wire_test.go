package wherry

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// sendingConn is a told socket to which the system can copy files, with that
// failure.
type sendingConn struct {
	*toldConn
	failure error
}

func (c *sendingConn) SendFile(engine.File, int64) (int64, error) { return 0, c.failure }

// TestOwnConnectionFails: when it is the connection of the exchange that fails
// the client has left: hooks are told so, and nobody else.
func TestOwnConnectionFails(t *testing.T) {
	file := func(c *Context) error {
		f := openFile(t, 100_000)
		c.SetHeader(HeaderContentLength, strconv.Itoa(100_000))
		_, err := io.Copy(c, f)
		return err
	}
	for name, test := range map[string]struct {
		h       Handler
		room    int   // how many writes succeed
		failure error // of a file that is sent
		gone    bool
		want    error
	}{
		"much":                   {h: func(c *Context) error { return c.Bytes(200, "a/b", make([]byte, 100<<10)) }, gone: true, want: errReset},
		"much, at once":          {h: func(c *Context) error { return c.Bytes(200, "a/b", make([]byte, 100<<10)) }, room: 1, gone: true, want: errReset},
		"text":                   {h: func(c *Context) error { return c.Text(200, strings.Repeat("a", 100<<10)) }, gone: true, want: errReset},
		"flush":                  {h: func(c *Context) error { return fmt.Errorf("flush: %w", c.Flush()) }, gone: true, want: errReset},
		"lost":                   {h: func(c *Context) error { _ = c.Flush(); return nil }, gone: true, want: errReset},
		"interim":                {h: func(c *Context) error { return c.Interim(103) }, gone: true, want: errReset},
		"another error":          {h: func(c *Context) error { _ = c.Flush(); return errEncoder }, want: errEncoder},
		"another socket":         {h: func(c *Context) error { _, _ = c.WriteString("a"); return errReset }, want: errReset},
		"the head of a file":     {h: file, failure: errEncoder, gone: true, want: errReset},
		"a file, client left":    {h: file, room: 1, failure: syscall.EPIPE, gone: true, want: syscall.EPIPE},
		"a file, client reset":   {h: file, room: 1, failure: syscall.ECONNRESET, gone: true, want: syscall.ECONNRESET},
		"a file, client stalled": {h: file, room: 1, failure: os.ErrDeadlineExceeded, gone: true, want: os.ErrDeadlineExceeded},
		"a file, which fails":    {h: file, room: 1, failure: syscall.EIO, want: syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			var result Result
			app := New().Logger(slog.New(slog.NewTextHandler(&log, nil))).Get("/", test.h)
			app.AfterResponse(func(_ *Context, r Result) { result = r })
			require.NoError(t, app.Build())
			conn := &sendingConn{newToldConn(plainRequest), test.failure}
			conn.room = test.room
			s := opener{app.server}.Open(conn).(*session)
			_ = s.Serve()
			s.Close(nil)
			require.ErrorIs(t, result.Err, test.want)
			require.Equal(t, test.gone, errors.Is(result.Err, ErrClientGone), "%v", result.Err)
			require.Equal(t, !test.gone, strings.Contains(log.String(), "level=ERROR"), "%s", log.String())
		})
	}
}

// TestAnswersBeginAnew: the status that one exchange would have had without an
// answer is not that of the next one with the same Context.
func TestAnswersBeginAnew(t *testing.T) {
	unpoisoned(t)
	app := New().NotFound(func(*Context) error { return nil }).Get("/", func(*Context) error { return nil })
	app.Get("/fails", func(*Context) error { return NewError(410, "") }).ErrorHandler(func(c *Context, _ error) { _, _ = c.WriteString("") })
	for _, path := range []string{"/nowhere", "/fails"} {
		conn := newToldConn("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" + plainRequest)
		s := conn.session(t, app)
		_ = s.Serve()
		s.Close(nil)
		require.Equal(t, 1, strings.Count(conn.out.String(), "HTTP/1.1 200 OK\r\n"), conn.out.String())
	}
}
