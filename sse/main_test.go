package sse_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// patience bounds what must happen. It is no measure of how fast it happens: a
// machine that is slow must not fail a test.
const patience = 30 * time.Second

// TestMain: after the last test all goroutines are gone.
func TestMain(m *testing.M) {
	signals := make(chan os.Signal, 1) // a goroutine of the runtime's, which fuzzing starts and which stays
	signal.Notify(signals, os.Interrupt)
	signal.Stop(signals)
	before := runtime.NumGoroutine()
	code := m.Run()
	for end := time.Now().Add(patience); code == 0 && runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			fmt.Printf("goroutines left behind:\n%s\n", stacks[:runtime.Stack(stacks, true)])
			code = 1
		}
	}
	os.Exit(code)
}

// pipes is a listener whose connections are pipes: they work in a bubble, and
// what is written blocks until it is read.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipes) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// server is an app that is served for a test, over pipes or over TCP.
type server struct {
	t    *testing.T
	app  *wherry.App
	ln   net.Listener
	logs *strings.Builder // safe to read once the server has stopped
	stop func()
	told error // what the shutdown has said
}

func serve(t *testing.T, app *wherry.App, ln net.Listener) *server {
	t.Helper()
	s := &server{t: t, app: app, ln: ln, logs: &strings.Builder{}}
	app.Logger(slog.New(slog.NewTextHandler(s.logs, nil)))
	require.NoError(t, app.Build())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ln) }()
	s.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.told = app.Shutdown(ctx)
		require.NoError(t, <-ended)
	})
	t.Cleanup(s.stop)
	return s
}

func overPipes(t *testing.T, app *wherry.App) *server {
	t.Helper()
	return serve(t, app, &pipes{conns: make(chan net.Conn), done: make(chan struct{})})
}

func overTCP(t *testing.T, app *wherry.App) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return serve(t, app, ln)
}

// stream is the client's side of one.
type stream struct {
	*http.Response
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	last string // the ID that came last
}

// open asks for / and reads the head of the answer.
func (s *server) open(fields ...string) *stream {
	s.t.Helper()
	return s.ask("GET / HTTP/1.1", fields...)
}

func (s *server) ask(line string, fields ...string) *stream {
	s.t.Helper()
	var conn, other net.Conn
	if p, ok := s.ln.(*pipes); ok {
		conn, other = net.Pipe()
		p.conns <- other
	} else {
		var err error
		conn, err = net.Dial("tcp", s.ln.Addr().String())
		require.NoError(s.t, err)
		require.NoError(s.t, conn.SetDeadline(time.Now().Add(2*patience)))
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	_, err := io.WriteString(conn, line+"\r\nHost: x\r\n"+strings.Join(append(fields, "\r\n"), "\r\n"))
	require.NoError(s.t, err)
	method, _, _ := strings.Cut(line, " ")
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	require.NoError(s.t, err)
	return &stream{Response: answer, t: s.t, conn: conn, in: bufio.NewReader(answer.Body)}
}

// next reads up to the next empty line, which it leaves out. As a browser does
// it keeps the ID, and goes on if there was nothing else.
func (s *stream) next() string {
	s.t.Helper()
	var event strings.Builder
	for {
		line, err := s.in.ReadString('\n')
		require.NoError(s.t, err, "after %q", event.String())
		event.WriteString(line)
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			s.last = strings.TrimSuffix(id, "\n")
		}
		if line != "\n" {
			continue
		}
		if text := strings.TrimSuffix(event.String(), "\n"); text != "id: "+s.last+"\n" {
			return text
		}
		event.Reset()
	}
}

// end reads what is left of an answer that ends in good order.
func (s *stream) end() string {
	s.t.Helper()
	rest, err := io.ReadAll(s.in)
	require.NoError(s.t, err)
	return string(rest)
}
