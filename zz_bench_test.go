package wherry

import (
	"net"
	"testing"
	"time"

	"wherry.example/wherry/engine"
)

// scriptedConn is a readable socket without a socket.
type scriptedConn struct {
	net.Conn
	in, req []byte
	out     int
}

func (c *scriptedConn) TryRead(p []byte) (int, error) {
	if len(c.in) == 0 {
		return 0, engine.ErrWouldBlock
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}
func (c *scriptedConn) TryWrite(p []byte) (int, error)  { c.out += len(p); return len(p), nil }
func (c *scriptedConn) SetReadDeadline(time.Time) error { return nil }

func BenchmarkSession(b *testing.B) {
	poison = false
	app := New()
	app.Get("/", func(c *Context) error { return c.Text(200, "Hello, World!") })
	if err := app.Build(); err != nil {
		b.Fatal(err)
	}
	conn := &scriptedConn{req: []byte("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")}
	s := opener{app.server}.Open(conn)
	b.ReportAllocs()
	for b.Loop() {
		conn.in = conn.req
		if s.Serve() != engine.Park {
			b.Fatal("not parked")
		}
	}
}
