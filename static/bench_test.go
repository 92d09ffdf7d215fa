package static_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/static"
)

// BenchmarkFile compares a file of 4 KiB with a handler that answers the same
// bytes from memory, once with the same fields and once with Content-Type only.
func BenchmarkFile(b *testing.B) {
	content := strings.Repeat("0123456789abcde\n", 256)
	dir := tree(b, map[string]string{"dir/name.txt": content})
	answers, err := appOf("/files/**", static.Dir(dir)).Test(request("GET /files/dir/name.txt"))
	require.NoError(b, err)
	fields := answers[0].Headers
	body := []byte(content)
	const mediaType = "text/plain; charset=utf-8"
	for _, bench := range []struct {
		name    string
		handler wherry.Handler
	}{
		{"file", static.Dir(dir)},
		{"fields", func(c *wherry.Context) error {
			for name, value := range fields.All() {
				if name != "Content-Length" && name != "Date" {
					c.SetHeader(name, value)
				}
			}
			return c.Bytes(200, mediaType, body)
		}},
		{"plain", func(c *wherry.Context) error { return c.Bytes(200, mediaType, body) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			serveMany(b, appOf("/files/**", bench.handler), request("GET /files/dir/name.txt"), b.N)
		})
	}
}

// serveMany has an app answer the same request n times on one connection, all
// on the goroutine of that connection.
func serveMany(tb testing.TB, app *wherry.App, request string, n int) {
	conn := &repeater{request: request, left: n, done: make(chan struct{})}
	ln := &singleListener{conns: make(chan net.Conn, 1)}
	ln.conns <- conn
	served := make(chan error, 1)
	go func() { served <- app.Engine(engine.Threaded).Serve(ln) }()
	<-conn.done
	require.NoError(tb, app.Shutdown(tb.Context()))
	require.NoError(tb, <-served)
}

// repeater is a connection whose client sends the same request over and over
// and looks at no answer.
type repeater struct {
	request string
	left    int           // how often it will be sent
	rest    string        // of the request that is being sent
	done    chan struct{} // closed with the connection
}

func (c *repeater) Read(p []byte) (int, error) {
	if c.rest == "" {
		if c.left == 0 {
			return 0, io.EOF
		}
		c.left--
		c.rest = c.request
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *repeater) Write(p []byte) (int, error)      { return len(p), nil }
func (c *repeater) Close() error                     { close(c.done); return nil }
func (c *repeater) LocalAddr() net.Addr              { return nowhere{} }
func (c *repeater) RemoteAddr() net.Addr             { return nowhere{} }
func (c *repeater) SetDeadline(time.Time) error      { return nil }
func (c *repeater) SetReadDeadline(time.Time) error  { return nil }
func (c *repeater) SetWriteDeadline(time.Time) error { return nil }

type nowhere struct{}

func (nowhere) Network() string { return "memory" }
func (nowhere) String() string  { return "memory" }

// singleListener accepts what is put into conns.
type singleListener struct {
	conns chan net.Conn // closed with the listener
	once  sync.Once
}

func (l *singleListener) Accept() (net.Conn, error) {
	conn, open := <-l.conns
	if !open {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (l *singleListener) Close() error   { l.once.Do(func() { close(l.conns) }); return nil }
func (l *singleListener) Addr() net.Addr { return nowhere{} }
