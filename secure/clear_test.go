package secure_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/secure"
)

// TestInClear: a client that asks in clear is told so, whatever else it sends,
// and is not served; the cause of the disconnection says what it was.
func TestInClear(t *testing.T) {
	causes := make(chan error, 64)
	app := func() *wherry.App {
		return echo().OnDisconnect(func(_ *wherry.Conn, cause error) { causes <- cause })
	}
	onEach(t, app, func(t *testing.T, addr string) {
		for name, pieces := range map[string][]string{
			"GET":           {"GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
			"absolute form": {"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n"},
			"HEAD":          {"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"},
			"OPTIONS":       {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"},
			"in pieces":     {"G", "E", "T ", "/", " HTTP/1.1\r\n"},
			"with content":  {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n", strings.Repeat("x", 40000)},
		} {
			conn := knock(t, addr)
			for _, piece := range pieces {
				_, err := io.WriteString(conn, piece)
				require.NoError(t, err, name)
			}
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err, name)
			content, err := io.ReadAll(answer.Body)
			require.NoError(t, err, name)
			require.Equal(t, 400, answer.StatusCode, name)
			require.Contains(t, string(content), "https", name)
			require.True(t, answer.Close, name)
			_, err = http.ParseTime(answer.Header.Get("Date"))
			require.NoError(t, err, name)
			_, err = conn.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF, name)
			require.NoError(t, conn.Close())
			var record tls.RecordHeaderError
			require.ErrorAs(t, <-causes, &record, name)
		}
	})
}

// TestNoise: who speaks neither TLS nor HTTP gets no answer of HTTP.
func TestNoise(t *testing.T) {
	onEach(t, echo, func(t *testing.T, addr string) {
		for _, sent := range []string{"SSH-2.0-x\r\n", "get / HTTP/1.1\r\n\r\n", "GETX / HTTP/1.1\r\n\r\n", "\x00\x00\x00\x00\x00\x00"} {
			conn := knock(t, addr)
			_, err := io.WriteString(conn, sent)
			require.NoError(t, err)
			got, err := io.ReadAll(conn)
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
			require.NotContains(t, string(got), "HTTP/1", sent)
		}
	})
}

// TestInClearAndStays: a client that does not leave is left after a while, by
// a server that shuts down as well.
func TestInClearAndStays(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel() // they wait
			certFile, keyFile := certificate(t)
			ln, err := secure.Listen("127.0.0.1:0", certFile, keyFile)
			require.NoError(t, err)
			app := echo().Engine(kind).Logger(slog.New(slog.DiscardHandler))
			served := make(chan error, 1)
			go func() { served <- app.Serve(ln) }()
			conn := knock(t, ln.Addr().String())
			_, err = io.WriteString(conn, "GET / HTTP/1.1\r\n")
			require.NoError(t, err)
			_, err = http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			require.NoError(t, app.Shutdown(ctx), "it needs no force")
			require.NoError(t, <-served)
		})
	}
}

func knock(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// TestAcceptInClear: it is the connection that answers, not the engine.
func TestAcceptInClear(t *testing.T) {
	certFile, keyFile := certificate(t)
	ln, err := secure.Listen("127.0.0.1:0", certFile, keyFile)
	require.NoError(t, err)
	defer func() { _ = ln.Close() }()
	conn := knock(t, ln.Addr().String())
	accepted, err := ln.Accept()
	require.NoError(t, err)
	defer func() { _ = accepted.Close() }()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	failed := make(chan error, 1)
	go func() { failed <- accepted.(interface{ Handshake() error }).Handshake() }()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, 400, answer.StatusCode)
	require.NoError(t, conn.Close())
	require.Error(t, <-failed)
}

// refused is the connection of a client in clear. It notes what is done to it.
type refused struct {
	net.Conn
	done  []string
	until time.Time
	input int
}

func (c *refused) note(what string) {
	if n := len(c.done); n == 0 || c.done[n-1] != what {
		c.done = append(c.done, what)
	}
}

func (c *refused) SetDeadline(t time.Time) error { c.note("deadline"); c.until = t; return nil }
func (c *refused) Write(p []byte) (int, error)   { c.note("write"); return len(p), nil }
func (c *refused) CloseWrite() error             { c.note("shut"); return nil }
func (c *refused) Read(p []byte) (n int, err error) {
	c.note("read")
	if n = min(len(p), c.input); n == 0 {
		return 0, io.EOF
	}
	c.input -= n
	return n, nil
}

// TestRefuse: the answer is out and the sending side shut before what still
// comes is read and forgotten, within bounds of time and size.
func TestRefuse(t *testing.T) {
	for input, left := range map[int]int{0: 0, 1000: 0, 64 << 10: 0, 1 << 20: 1<<20 - 64<<10} {
		c := &refused{input: input}
		secure.Refuse(c)
		require.Equal(t, []string{"deadline", "write", "shut", "read"}, c.done)
		require.LessOrEqual(t, time.Until(c.until), 2*time.Second)
		require.Equal(t, left, c.input)
	}
}
