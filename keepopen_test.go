package wherry_test

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// TestKeepOpen: an answer goes on after its handler, holds no goroutine, and
// ends with the connection; who leaves is told of.
func TestKeepOpen(t *testing.T) {
	open := make(chan *wherry.OpenAnswer, 8)
	var left, disconnected atomic.Int64
	build := func() *wherry.App {
		return quiet().OnDisconnect(func(*wherry.Conn, error) { disconnected.Add(1) }).Get("/", func(c *wherry.Context) error {
			c.Context() // the watch of this must not be in the way
			c.SetHeader("X-Kind", "open")
			_, _ = c.WriteString("first ")
			o, err := c.KeepOpen(func() { left.Add(1) })
			if err != nil {
				return err
			}
			open <- o
			return nil
		})
	}
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		left.Store(0)
		disconnected.Store(0)
		_, err := io.WriteString(conn, get("/"))
		require.NoError(t, err)
		o := <-open
		time.Sleep(20 * time.Millisecond)
		_, err = o.Write([]byte("second "))
		require.NoError(t, err)
		n, err := o.TryWrite([]byte("third"))
		require.NoError(t, err)
		require.Equal(t, 5, n)
		require.NoError(t, o.Close())
		_, err = o.TryWrite([]byte("late"))
		require.Error(t, err)
		all, err := io.ReadAll(conn)
		require.NoError(t, err)
		head, content, _ := strings.Cut(string(all), "\r\n\r\n")
		require.Equal(t, "first second third", content)
		require.Contains(t, head, "X-Kind: open")
		require.Contains(t, head, "Connection: close")
		require.NotContains(t, head, "chunked")
		require.Equal(t, int64(1), disconnected.Load())

		addr := conn.RemoteAddr().String()
		other, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		_, err = io.WriteString(other, get("/"))
		require.NoError(t, err)
		o = <-open
		require.NoError(t, other.Close())
		require.Eventually(t, func() bool { return left.Load() == 1 }, patience, time.Millisecond)
		require.NoError(t, o.Close())
	})
}

// TestKeepOpenHoldsNoGoroutine: many of them cost none.
func TestKeepOpenHoldsNoGoroutine(t *testing.T) {
	open := make(chan *wherry.OpenAnswer, 200)
	build := func() *wherry.App {
		return quiet().Get("/", func(c *wherry.Context) error {
			o, err := c.KeepOpen(func() {})
			open <- o
			return err
		})
	}
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		_, err := io.WriteString(conn, get("/"))
		require.NoError(t, err)
		first := <-open
		defer first.Close()
		before := runtime.NumGoroutine()
		for range 50 {
			other, err := net.Dial("tcp", conn.RemoteAddr().String())
			require.NoError(t, err)
			defer other.Close()
			_, err = io.WriteString(other, get("/"))
			require.NoError(t, err)
			o := <-open
			defer o.Close()
		}
		for end := time.Now().Add(patience); runtime.NumGoroutine() > before+2 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		require.LessOrEqual(t, runtime.NumGoroutine(), before+2)
	})
}

func TestKeepOpenRefuses(t *testing.T) {
	var told error
	app := quiet().Get("/", func(c *wherry.Context) error {
		_, told = c.KeepOpen(func() {})
		return c.Text(200, "as usual")
	}).Get("/late", func(c *wherry.Context) error {
		_ = c.Flush()
		_, told = c.KeepOpen(func() {})
		return nil
	})
	answers, err := app.Test(get("/"))
	require.NoError(t, err)
	require.Equal(t, "as usual", string(answers[0].Body))
	require.ErrorIs(t, told, errors.ErrUnsupported, "in memory there is no socket")
	_, err = app.Test(get("/late"))
	require.NoError(t, err)
	require.ErrorContains(t, told, "after the head")
}

// TestKeepOpenEndsInHandler: an answer that its handler closes or aborts is
// over at once, and takes nothing more.
func TestKeepOpenEndsInHandler(t *testing.T) {
	for name, end := range map[string]func(o *wherry.OpenAnswer){
		"close": func(o *wherry.OpenAnswer) { _ = o.Close() },
		"abort": func(o *wherry.OpenAnswer) { o.Abort() },
	} {
		t.Run(name, func(t *testing.T) {
			errs := make(chan error, 2)
			build := func() *wherry.App {
				return quiet().Get("/", func(c *wherry.Context) error {
					o, err := c.KeepOpen(nil)
					if err != nil {
						return err
					}
					end(o)
					_, err = o.TryWrite([]byte("late"))
					errs <- err
					_, err = o.Write([]byte("late"))
					errs <- err
					return nil
				})
			}
			onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
				_, err := io.WriteString(conn, get("/"))
				require.NoError(t, err)
				require.ErrorIs(t, <-errs, net.ErrClosed)
				require.ErrorIs(t, <-errs, net.ErrClosed)
				all, err := io.ReadAll(conn)
				require.NotContains(t, string(all), "late")
				if name == "close" {
					require.NoError(t, err)
				} else {
					require.Error(t, err)
				}
			})
		})
	}
}
