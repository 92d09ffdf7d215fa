package middleware_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// over serves the app, once, to a client with that address that sends all its
// requests at once, and returns the answers.
func over(t testing.TB, app *wherry.App, remote net.Addr, requests ...string) []*http.Response {
	t.Helper()
	conn := &heardConn{remote: remote, closed: make(chan struct{})}
	for _, r := range requests {
		conn.in = append(conn.in, r...)
	}
	return overConn(t, app, conn, conn)
}

// overConn is over with a connection that wraps the one that hears.
func overConn(t testing.TB, app *wherry.App, outer net.Conn, conn *heardConn) []*http.Response {
	t.Helper()
	ln := newLoneListener(outer)
	served := make(chan error, 1)
	go func() { served <- app.Engine(engine.Threaded).Serve(ln) }()
	<-conn.closed
	require.NoError(t, app.Shutdown(context.Background()))
	require.NoError(t, <-served)
	var answers []*http.Response
	for r := bufio.NewReader(&conn.out); ; {
		if _, err := r.Peek(1); err == io.EOF {
			return answers
		}
		answer, err := http.ReadResponse(r, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		answer.Body = io.NopCloser(bytes.NewReader(body))
		answers = append(answers, answer)
	}
}

// bodiesOf returns the contents of answers.
func bodiesOf(t testing.TB, answers []*http.Response) []string {
	t.Helper()
	var bodies []string
	for _, a := range answers {
		body, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		bodies = append(bodies, string(body))
	}
	return bodies
}

func tcp(addr string) net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 40000))
}

func prefixes(list ...string) []netip.Prefix {
	var p []netip.Prefix
	for _, s := range list {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

// heardConn is the connection of a client that has said everything.
type heardConn struct {
	remote net.Addr
	in     []byte
	out    bytes.Buffer
	once   sync.Once
	closed chan struct{}
}

func (c *heardConn) Read(p []byte) (int, error) {
	if len(c.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

func (c *heardConn) Write(p []byte) (int, error) { return c.out.Write(p) }
func (c *heardConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}
func (c *heardConn) LocalAddr() net.Addr              { return tcp("192.0.2.1") }
func (c *heardConn) RemoteAddr() net.Addr             { return c.remote }
func (c *heardConn) SetDeadline(time.Time) error      { return nil }
func (c *heardConn) SetReadDeadline(time.Time) error  { return nil }
func (c *heardConn) SetWriteDeadline(time.Time) error { return nil }

// loneListener accepts one connection.
type loneListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newLoneListener(conn net.Conn) *loneListener {
	l := &loneListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.conns <- conn
	return l
}

func (l *loneListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *loneListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *loneListener) Addr() net.Addr { return tcp("192.0.2.1") }
