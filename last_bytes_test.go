package wherry_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// The tests here look at when bytes leave and when connections end, which no
// conversation of the corpus can tell.

// onEngines serves an app on each engine and gives the test a client.
func onEngines(t *testing.T, build func() *wherry.App, test func(t *testing.T, conn *net.TCPConn)) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			app := build().Engine(kind)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			served := make(chan error, 1)
			go func() { served <- app.Serve(ln) }()
			conn, err := net.Dial("tcp", ln.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(2*patience)))
			test(t, conn.(*net.TCPConn))
			_ = conn.Close()
			require.NoError(t, app.Shutdown(context.Background()))
			require.NoError(t, <-served)
		})
	}
}

// TestAnswersBeforeEnd: requests that fill the read buffer to its last byte,
// with the end of the stream right behind, are all answered.
func TestAnswersBeforeEnd(t *testing.T) {
	build := func() *wherry.App { return quiet().Get("/", text("hello")) }
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		var raw strings.Builder
		raw.WriteString(get("/"))
		raw.WriteString(get("/"))
		pad := 4096 - raw.Len() - len("GET / HTTP/1.1\r\nHost: x\r\nX-Pad: \r\n\r\n")
		fmt.Fprintf(&raw, "GET / HTTP/1.1\r\nHost: x\r\nX-Pad: %s\r\n\r\n", strings.Repeat("p", pad))
		require.Equal(t, 4096, raw.Len())
		_, err := io.WriteString(conn, raw.String())
		require.NoError(t, err)
		require.NoError(t, conn.CloseWrite())
		all, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Equal(t, 3, strings.Count(string(all), "hello"))
	})
}

// TestInterimLeavesAtOnce: early hints are of no use later.
func TestInterimLeavesAtOnce(t *testing.T) {
	goOn := make(chan struct{})
	build := func() *wherry.App {
		return quiet().Get("/", func(c *wherry.Context) error {
			c.SetHeader("Link", "</a>")
			if err := c.Interim(103); err != nil {
				return err
			}
			<-goOn
			return c.Text(200, "hello")
		})
	}
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		_, err := io.WriteString(conn, get("/"))
		require.NoError(t, err)
		r := bufio.NewReader(conn)
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 103 Early Hints\r\n", line)
		goOn <- struct{}{}
	})
}

// TestHijackedHasNoDeadline: the limits of the framework are gone with it.
func TestHijackedHasNoDeadline(t *testing.T) {
	const limit = 3 * time.Second
	build := func() *wherry.App {
		limits := wherry.Timeouts{Idle: limit, BodyStall: limit, WriteStall: limit}
		return quiet().Timeouts(limits).Post("/", func(c *wherry.Context) error {
			if _, err := c.BodyBytes(); err != nil {
				return err
			}
			conn, _, err := c.Hijack()
			if err != nil {
				return err
			}
			defer conn.Close()
			got := make([]byte, 4)
			_, err = io.ReadFull(conn, got)
			_, _ = fmt.Fprintf(conn, "%s %v", got, err)
			return nil
		})
	}
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nUpgrade: y\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nhi")
		require.NoError(t, err)
		t.Parallel() // they wait
		time.Sleep(limit + 300*time.Millisecond)
		_, err = io.WriteString(conn, "late")
		require.NoError(t, err)
		all, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Equal(t, "late <nil>", string(all))
	})
}

// TestLingerEnds: a refused client is listened to for a while and not longer:
// not if it is silent, and not if it sends without end.
func TestLingerEnds(t *testing.T) {
	const linger = 300 * time.Millisecond
	build := func() *wherry.App { return quiet().Timeouts(wherry.Timeouts{Linger: linger}) }
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		begin := time.Now()
		_, err := io.WriteString(conn, "BAD\r\n\r\n")
		require.NoError(t, err)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, 400, res.StatusCode)
		require.Eventually(t, func() bool {
			_, err := conn.Write([]byte("more"))
			return err != nil
		}, patience, 50*time.Millisecond)
		require.GreaterOrEqual(t, time.Since(begin), linger-linger/10, "what came first was still read")
	})
	build = func() *wherry.App { return quiet().Timeouts(wherry.Timeouts{Linger: time.Minute}) }
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		_, err := io.WriteString(conn, "BAD\r\n\r\n")
		require.NoError(t, err)
		_, err = io.ReadAll(conn)
		require.NoError(t, err)
		sent := 0
		for chunk := make([]byte, 64<<10); err == nil && sent < 64<<20; {
			var n int
			n, err = conn.Write(chunk)
			sent += n
		}
		require.Error(t, err, "who sends without end is cut")
		require.Greater(t, sent, 2<<20, "but not at once")
	})
}

// TestWriteAfterFailure: once the wire has failed a handler is told so at
// every write.
func TestWriteAfterFailure(t *testing.T) {
	told := make(chan error, 1)
	build := func() *wherry.App {
		return quiet().Get("/", func(c *wherry.Context) error {
			var err error
			for chunk := make([]byte, 64<<10); err == nil; {
				_, err = c.Write(chunk)
			}
			_, again := c.WriteString("more")
			if again == nil {
				again = fmt.Errorf("the write after %w went well", err)
			} else if again == err {
				again = nil
			}
			told <- again
			return err
		})
	}
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		_, err := io.WriteString(conn, get("/"))
		require.NoError(t, err)
		_, err = io.ReadFull(conn, make([]byte, 100))
		require.NoError(t, err)
		require.NoError(t, conn.SetLinger(0))
		require.NoError(t, conn.Close())
		require.NoError(t, <-told)
	})
}

// TestBodyAfterHijack: the content belongs to who has the connection.
func TestBodyAfterHijack(t *testing.T) {
	told := make(chan error, 1)
	build := func() *wherry.App {
		return quiet().Post("/", func(c *wherry.Context) error {
			body := c.Body()
			conn, _, err := c.Hijack()
			if err != nil {
				return err
			}
			_, err = body.Read(make([]byte, 1))
			told <- err
			return conn.Close()
		})
	}
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
		require.NoError(t, err)
		require.ErrorIs(t, <-told, wherry.ErrHijacked)
	})
}
