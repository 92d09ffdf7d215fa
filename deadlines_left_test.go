package wherry_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// Deadlines of what is over must not meet what comes later, and those that have
// passed stay passed.

// TestPassedDeadlineStays: each Read of a hijacked connection behind its
// deadline fails at once.
func TestPassedDeadlineStays(t *testing.T) {
	for _, where := range []string{"inside", "beside"} {
		results := make(chan error, 2)
		read := func(conn net.Conn) {
			_ = conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
			for range 2 {
				_, err := conn.Read(make([]byte, 1))
				results <- err
			}
			_ = conn.Close()
		}
		build := func() *wherry.App {
			return quiet().Get("/", func(c *wherry.Context) error {
				conn, _, err := c.Hijack()
				if err != nil {
					return err
				}
				if where == "inside" {
					read(conn)
				} else {
					go read(conn)
				}
				return nil
			})
		}
		onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
			_, err := io.WriteString(conn, get("/"))
			require.NoError(t, err)
			for range 2 {
				select {
				case err := <-results:
					require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				case <-time.After(patience):
					require.Fail(t, "a Read hangs")
				}
			}
		})
	}
}

// TestTryWriteBehindStall: TryWrite knows no deadline, least of all that of an
// earlier Write.
func TestTryWriteBehindStall(t *testing.T) {
	const stall = 500 * time.Millisecond
	open := make(chan *wherry.OpenAnswer, 1)
	build := func() *wherry.App {
		return quiet().Timeouts(wherry.Timeouts{WriteStall: stall}).Get("/", func(c *wherry.Context) error {
			o, err := c.KeepOpen(nil)
			open <- o
			return err
		})
	}
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		_, err := io.WriteString(conn, get("/"))
		require.NoError(t, err)
		o := <-open
		defer o.Close()
		_, err = bufio.NewReader(conn).ReadByte() // the handler has returned, or soon will
		require.NoError(t, err)
		_, err = o.Write([]byte("one"))
		require.NoError(t, err)
		time.Sleep(stall + stall/10)
		n, err := o.TryWrite([]byte("two"))
		require.NoError(t, err)
		require.Equal(t, 3, n)
	})
}

// TestAnswerBehindSlowOne: the deadline of an answer that had to be waited for
// does not end a later one.
func TestAnswerBehindSlowOne(t *testing.T) {
	const stall = 2 * time.Second
	name := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(name, make([]byte, 16<<20), 0o600))
	build := func() *wherry.App {
		app := quiet().Timeouts(wherry.Timeouts{WriteStall: stall}).Get("/", func(c *wherry.Context) error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(c, f)
			return err
		})
		return app.Post("/", func(c *wherry.Context) error {
			content, err := c.BodyBytes()
			if err != nil {
				return err
			}
			return c.Text(200, string(content))
		})
	}
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		t.Parallel()
		in := bufio.NewReader(conn)
		_, err := io.WriteString(conn, get("/"))
		require.NoError(t, err)
		answer, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		n, err := io.Copy(io.Discard, answer.Body)
		require.NoError(t, err)
		require.EqualValues(t, 16<<20, n)
		time.Sleep(stall + stall/2)
		_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
		require.NoError(t, err)
		time.Sleep(50 * time.Millisecond) // so that the body is waited for
		_, err = io.WriteString(conn, "hello")
		require.NoError(t, err)
		answer, err = http.ReadResponse(in, nil)
		require.NoError(t, err)
		content, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.Equal(t, "hello", string(content))
	})
}

// TestShutdownAwaitsHooks: a shutdown that waits for a hijacked connection
// waits for what its end runs.
func TestShutdownAwaitsHooks(t *testing.T) {
	for _, kind := range engine.All() {
		given := make(chan net.Conn, 1)
		begun, goOn := make(chan struct{}), make(chan struct{})
		var ended atomic.Bool
		app := quiet().Engine(kind).OnDisconnect(func(*wherry.Conn, error) {
			close(begun)
			<-goOn
			ended.Store(true)
		})
		app.Get("/", func(c *wherry.Context) error {
			conn, _, err := c.Hijack()
			given <- conn
			return err
		})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		served := make(chan error, 1)
		go func() { served <- app.Serve(ln) }()
		client, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		_, err = io.WriteString(client, get("/"))
		require.NoError(t, err)
		conn := <-given
		go conn.Close()
		<-begun
		time.AfterFunc(50*time.Millisecond, func() { close(goOn) })
		require.NoError(t, app.Shutdown(context.Background()))
		require.True(t, ended.Load(), "%s", kind)
		require.NoError(t, <-served)
		_ = client.Close()
	}
}
