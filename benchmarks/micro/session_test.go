package main

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

const (
	greeting = "Hello, World!"
	question = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
)

// single is a listener with one connection.
type single struct {
	conns chan net.Conn
	addr  net.Addr
}

func (s *single) Accept() (net.Conn, error) {
	conn, ok := <-s.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (s *single) Close() error   { return nil }
func (s *single) Addr() net.Addr { return s.addr }

// patient has no deadlines: those of a net.Pipe cost more than a request, and
// not every server sets any.
type patient struct{ net.Conn }

func (patient) SetDeadline(time.Time) error      { return nil }
func (patient) SetReadDeadline(time.Time) error  { return nil }
func (patient) SetWriteDeadline(time.Time) error { return nil }

// servers serve whatever the listener has.
var servers = []struct {
	name  string
	serve func(net.Listener) error
}{
	{"wherry", func(ln net.Listener) error {
		app := wherry.New().Engine(engine.Threaded)
		app.Get("/", func(c *wherry.Context) error { return c.Text(200, greeting) })
		return app.Serve(ln)
	}},
	{"fasthttp", func(ln net.Listener) error {
		return fasthttp.Serve(ln, func(c *fasthttp.RequestCtx) { c.SetBodyString(greeting) })
	}},
	{"nethttp", func(ln net.Listener) error {
		return http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, greeting) }))
	}},
}

// BenchmarkSession is a request and its answer over a net.Pipe: two goroutines
// that take turns, without a system call. In a binary whose name ends with
// .test a Context of ours is never used again; go run ./micro gives it another.
func BenchmarkSession(b *testing.B) {
	for _, server := range servers {
		b.Run(server.name, func(b *testing.B) {
			ours, theirs := net.Pipe()
			ln := &single{conns: make(chan net.Conn, 1), addr: ours.LocalAddr()}
			ln.conns <- patient{theirs}
			go func() { _ = server.serve(ln) }()
			ask := []byte(question)
			buf := make([]byte, 4096)
			_, err := ours.Write(ask)
			require.NoError(b, err)
			size, err := ours.Read(buf)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ours.Write(ask); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(ours, buf[:size]); err != nil {
					b.Fatal(err)
				}
			}
			_ = ours.Close()
			close(ln.conns)
		})
	}
}
