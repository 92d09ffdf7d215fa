package wherry

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
	"wherry.example/wherry/internal/http1"
)

// scriptedConn is a readable socket without a socket.
type scriptedConn struct {
	net.Conn
	in  []byte
	out []byte
}

func (c *scriptedConn) TryRead(p []byte) (int, error) {
	if len(c.in) == 0 {
		return 0, engine.ErrWouldBlock
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

func (c *scriptedConn) TryWrite(p []byte) (int, error) {
	c.out = append(c.out[:0], p...)
	return len(p), nil
}

func (c *scriptedConn) SetReadDeadline(time.Time) error { return nil }

// scripted returns a function that serves one request in a session.
func scripted(tb testing.TB, app *App, request string) func() {
	require.NoError(tb, app.Build())
	conn := &scriptedConn{out: make([]byte, 0, 4096)}
	s := opener{app.server}.Open(conn)
	raw := []byte(request)
	return func() {
		conn.in = raw
		if s.Serve() != engine.Park {
			tb.Fatal("the session does not park")
		}
	}
}

func plainApp() *App {
	app := New()
	app.Get("/", func(c *Context) error { return c.Text(200, "Hello, World!") })
	app.Get("/users/:id", func(c *Context) error { return c.Text(200, c.Param("id")) })
	return app
}

const (
	plainRequest = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
	paramRequest = "GET /users/1234567 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
)

// unpoisoned lets Contexts be recycled for the time of a test.
func unpoisoned(tb testing.TB) {
	was := poison
	poison = false
	tb.Cleanup(func() { poison = was })
}

func BenchmarkSession(b *testing.B) {
	unpoisoned(b)
	serve := scripted(b, plainApp(), plainRequest)
	b.ReportAllocs()
	for b.Loop() {
		serve()
	}
}

func BenchmarkSessionParam(b *testing.B) {
	unpoisoned(b)
	serve := scripted(b, plainApp(), paramRequest)
	b.ReportAllocs()
	for b.Loop() {
		serve()
	}
}

// memoryWire carries an exchange that comes from no connection.
type memoryWire struct {
	body   []byte
	out    []byte
	length int64
	ended  bool
	wasCut bool
	conn   Conn
}

func (w *memoryWire) readBody(p []byte) (int, error) {
	n := copy(p, w.body)
	w.body = w.body[n:]
	if len(w.body) == 0 {
		return n, io.EOF
	}
	return n, nil
}
func (w *memoryWire) trailers() Fields                     { return Fields{} }
func (w *memoryWire) begin(_ *Context, length int64) error { w.length = length; return nil }
func (w *memoryWire) send(p []byte) error                  { w.out = append(w.out, p...); return nil }
func (w *memoryWire) sendString(s string) error            { return w.send([]byte(s)) }
func (w *memoryWire) flush() error                         { return nil }
func (w *memoryWire) end(*Context) error                   { w.ended = true; return nil }
func (w *memoryWire) interim(int, *Headers) error          { return nil }
func (w *memoryWire) cut()                                 { w.wasCut = true }
func (w *memoryWire) hijack() (net.Conn, []byte, error)    { return nil, nil, net.ErrClosed }
func (w *memoryWire) watch(func()) (stop func())           { return nil }
func (w *memoryWire) peer() *Conn                          { return &w.conn }
func (w *memoryWire) yielder() engine.Yielder              { return nil }

// TestOtherWire answers an exchange that does not come from a session.
func TestOtherWire(t *testing.T) {
	app := plainApp()
	app.Post("/echo", func(c *Context) error { return c.Stream(200, "text/plain", c.Body()) })
	app.Get("/hijack", func(c *Context) error {
		_, _, err := c.Hijack()
		return err
	})
	require.NoError(t, app.Build())
	ask := func(raw, body string) (*memoryWire, *Context) {
		var head http1.Head
		_, err := head.Parse([]byte(raw), &app.server.headLimits)
		require.NoError(t, err)
		framing, err := head.Framing()
		require.NoError(t, err)
		w := &memoryWire{body: []byte(body)}
		c := &Context{app: app.server, match: app.server.hosts.newMatch()}
		c.res.length = -1
		c.begins(w, &head, framing)
		_ = app.server.answer(c)
		return w, c
	}
	w, c := ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", "hello")
	require.Equal(t, "hello", string(w.out))
	require.True(t, w.ended)
	require.EqualValues(t, 5, w.length)
	require.Equal(t, 200, c.res.status)
	w, _ = ask("GET /users/7 HTTP/1.1\r\nHost: x\r\n\r\n", "")
	require.Equal(t, "7", string(w.out))
	w, c = ask("GET /hijack HTTP/1.1\r\nHost: x\r\n\r\n", "")
	require.Equal(t, 500, c.res.status)
	require.True(t, w.ended)
}
