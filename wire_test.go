package wherry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
	"wherry.example/wherry/internal/http1"
)

// recordingWire carries one exchange without a connection. It writes down what
// it is told and fails where it is asked to.
type recordingWire struct {
	body    []byte
	bodyErr error // at the end of body, in place of io.EOF
	failAt  string
	calls   []string
	content []byte
	gone    func()
	stopped bool
	conn    Conn
}

var errWire = errors.New("the wire fails")

func (w *recordingWire) call(name string) error {
	w.calls = append(w.calls, name)
	if name == w.failAt {
		return errWire
	}
	return nil
}

func (w *recordingWire) readBody(p []byte) (int, error) {
	n := copy(p, w.body)
	w.body = w.body[n:]
	if len(w.body) > 0 {
		return n, nil
	}
	if w.bodyErr != nil {
		return n, w.bodyErr
	}
	return n, io.EOF
}

func (w *recordingWire) trailers() Fields { return Fields{} }
func (w *recordingWire) begin(c *Context, length int64) error {
	return w.call(fmt.Sprintf("begin %d %d", c.res.status, length))
}
func (w *recordingWire) send(p []byte) error {
	w.content = append(w.content, p...)
	return w.call("send")
}
func (w *recordingWire) sendString(s string) error {
	w.content = append(w.content, s...)
	return w.call("sendString")
}
func (w *recordingWire) flush() error       { return w.call("flush") }
func (w *recordingWire) end(*Context) error { return w.call("end") }
func (w *recordingWire) interim(status int, _ *Headers) error {
	return w.call(fmt.Sprint("interim ", status))
}
func (w *recordingWire) cut() { _ = w.call("cut") }
func (w *recordingWire) hijack() (net.Conn, []byte, error) {
	if err := w.call("hijack"); err != nil {
		return nil, nil, err
	}
	return &memoryConn{}, []byte("ahead"), nil
}
func (w *recordingWire) watch(gone func()) (stop func()) {
	w.gone = gone
	return func() { w.stopped = true }
}
func (w *recordingWire) peer() *Conn             { return &w.conn }
func (w *recordingWire) yielder() engine.Yielder { return nil }

// answerOn runs h on a wire and returns the calls it met and the error the
// exchange ended with.
func answerOn(t *testing.T, w *recordingWire, raw string, h Handler) (string, error) {
	t.Helper()
	app := New().Logger(slog.New(slog.DiscardHandler)).Get("/", h).Post("/", h)
	require.NoError(t, app.Build())
	var head http1.Head
	n, err := head.Parse([]byte(raw), &app.server.headLimits)
	require.NoError(t, err)
	require.Equal(t, len(raw), n)
	framing, err := head.Framing()
	require.NoError(t, err)
	c := &Context{app: app.server, match: app.server.hosts.newMatch()}
	c.res.length = -1
	c.begins(w, &head, framing)
	err = app.server.answer(c)
	c.ends()
	return strings.Join(w.calls, ", "), err
}

const (
	wireGet  = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	wirePost = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
)

// TestWireCalls: what a wire is asked to do, in which order. Another protocol
// can be put there.
func TestWireCalls(t *testing.T) {
	for name, test := range map[string]struct {
		h    Handler
		want string
	}{
		"text":             {func(c *Context) error { return c.Text(200, "abc") }, "begin 200 3, sendString, end"},
		"bytes":            {func(c *Context) error { return c.Bytes(201, "a/b", []byte("abc")) }, "begin 201 3, send, end"},
		"nothing":          {func(*Context) error { return nil }, "begin 200 0, end"},
		"stream":           {func(c *Context) error { _, err := c.Write(make([]byte, 9000)); return err }, "begin 200 -1, send, end"},
		"flushed":          {func(c *Context) error { _, _ = c.WriteString("a"); return c.Flush() }, "begin 200 -1, sendString, flush, end"},
		"interim":          {func(c *Context) error { return c.Interim(103) }, "interim 103, begin 200 0, end"},
		"error":            {func(*Context) error { return NewError(404, "") }, "begin 404 34, send, end"},
		"late":             {func(c *Context) error { _ = c.Flush(); return io.EOF }, "begin 200 -1, flush, cut"},
		"drop":             {func(*Context) error { return ErrDrop }, "cut"},
		"panic":            {func(*Context) error { panic("p") }, "begin 500 46, send, end"},
		"hijack":           {func(c *Context) error { _, _, err := c.Hijack(); return err }, "hijack"},
		"hijack and error": {func(c *Context) error { _, _, _ = c.Hijack(); return io.EOF }, "hijack"},
		"hijack and drop":  {func(c *Context) error { _, _, _ = c.Hijack(); return ErrDrop }, "hijack"},
		"hijack and panic": {func(c *Context) error { _, _, _ = c.Hijack(); panic("p") }, "hijack"},
	} {
		calls, _ := answerOn(t, &recordingWire{}, wireGet, test.h)
		require.Equal(t, test.want, calls, name)
	}
	w := &recordingWire{body: []byte("hello")}
	calls, err := answerOn(t, w, wirePost, func(c *Context) error { return c.Stream(200, "a/b", c.Body()) })
	require.NoError(t, err)
	require.Equal(t, "begin 200 5, send, end", calls)
	require.Equal(t, "hello", string(w.content))
}

// TestWireFails: a failure of the wire reaches the handler, stays, and ends
// the exchange; nothing more is sent then.
func TestWireFails(t *testing.T) {
	stream := func(c *Context) error { _, err := c.Write(make([]byte, 20000)); return err }
	flushed := func(c *Context) error {
		_, _ = c.WriteString("a")
		err := c.Flush()
		_, again := c.WriteString("b")
		if err != nil && again != err {
			return fmt.Errorf("%w is followed by %v", err, again)
		}
		if failed := c.Flush(); failed != err {
			return failed
		}
		return err
	}
	for _, test := range []struct {
		name, failAt, want string
		h                  Handler
	}{
		{"head", "begin 200 3", "begin 200 3, cut", func(c *Context) error { return c.Text(200, "abc") }},
		{"content", "sendString", "begin 200 3, sendString, cut", func(c *Context) error { return c.Text(200, "abc") }},
		{"large content", "send", "begin 200 71680, send, cut", func(c *Context) error { return c.Bytes(200, "a/b", make([]byte, 70<<10)) }},
		{"large head", "begin 200 71680", "begin 200 71680, cut", func(c *Context) error { return c.Bytes(200, "a/b", make([]byte, 70<<10)) }},
		{"end", "end", "begin 200 3, sendString, end, cut", func(c *Context) error { return c.Text(200, "abc") }},
		{"stream head", "begin 200 -1", "begin 200 -1, cut", stream},
		{"stream", "send", "begin 200 -1, send, cut", stream},
		{"flush", "flush", "begin 200 -1, sendString, flush, cut", flushed},
		{"flushed head", "begin 200 -1", "begin 200 -1, cut", flushed},
		{"flushed content", "sendString", "begin 200 -1, sendString, cut", flushed},
		{"source and wire", "send", "begin 200 -1, send, cut", func(c *Context) error { return c.Stream(200, "a/b", endlessReader{}) }},
		{"source and flush", "flush", "begin 200 -1, send, flush, cut", func(c *Context) error { return c.Stream(200, "a/b", endlessReader{}) }},
	} {
		calls, err := answerOn(t, &recordingWire{failAt: test.failAt}, wireGet, test.h)
		require.ErrorIs(t, err, errWire, test.name)
		require.Equal(t, test.want, calls, test.name)
	}
	calls, err := answerOn(t, &recordingWire{failAt: "hijack"}, wireGet, func(c *Context) error { _, _, err := c.Hijack(); return err })
	require.ErrorIs(t, err, errWire)
	require.Equal(t, "hijack, begin 500 46, send, end", calls)
	calls, err = answerOn(t, &recordingWire{bodyErr: NewError(408, "")}, wirePost, func(c *Context) error { _, err := c.BodyBytes(); return err })
	require.Equal(t, 408, StatusOf(err))
	require.Equal(t, "begin 408 40, send, end", calls)
}

// endlessReader yields zeros for ever.
type endlessReader struct{}

func (endlessReader) Read(p []byte) (int, error) { return len(p), nil }

// TestWireWatch: the wire tells the request's context that the peer has left,
// and is told to stop when the handler returns.
func TestWireWatch(t *testing.T) {
	w := &recordingWire{}
	var ctx context.Context
	_, err := answerOn(t, w, wireGet, func(c *Context) error {
		require.Nil(t, w.gone, "nobody watches before somebody asks")
		ctx = c.Context()
		w.gone()
		require.ErrorIs(t, context.Cause(ctx), ErrClientGone)
		require.Same(t, &w.conn, c.Conn())
		return ctx.Err()
	})
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, w.stopped)
	require.ErrorIs(t, context.Cause(ctx), ErrClientGone, "the first cause stays")
}
