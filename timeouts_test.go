package wherry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Timeouts run in a bubble with a false clock, over pipes: a minute costs
// nothing.

// oneConn is a listener with a single connection.
type oneConn struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *oneConn) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *oneConn) Addr() net.Addr { return memoryAddr{} }

// timed serves an app in a bubble and gives the test its client side; causes
// are what OnDisconnect hooks are told.
func timed(t *testing.T, app *App, test func(client net.Conn, cause func() error)) {
	synctest.Test(t, func(t *testing.T) {
		causes := make(chan error, 1)
		app.Logger(slog.New(slog.DiscardHandler)).OnDisconnect(func(_ *Conn, cause error) { causes <- cause })
		ln := &oneConn{conns: make(chan net.Conn, 1), done: make(chan struct{})}
		client, server := net.Pipe()
		ln.conns <- server
		served := make(chan error, 1)
		go func() { served <- app.Serve(ln) }()
		test(client, func() error { return <-causes })
		_ = client.Close()
		require.NoError(t, app.Shutdown(context.Background()))
		require.NoError(t, <-served)
	})
}

func since(start time.Time) time.Duration { return time.Since(start).Round(time.Second) }

func TestIdleTimeout(t *testing.T) {
	timed(t, plainApp(), func(client net.Conn, cause func() error) {
		start := time.Now()
		go func() { _, _ = io.WriteString(client, plainRequest) }()
		answer, err := io.ReadAll(client)
		require.NoError(t, err)
		require.Contains(t, string(answer), "Hello, World!")
		require.Equal(t, time.Minute, since(start))
		require.ErrorIs(t, cause(), ErrIdle)
	})
}

func TestNeverUsedTimeout(t *testing.T) {
	timed(t, plainApp(), func(client net.Conn, cause func() error) {
		start := time.Now()
		_, err := io.ReadAll(client)
		require.NoError(t, err)
		require.Equal(t, time.Minute, since(start))
		require.ErrorIs(t, cause(), ErrIdle)
	})
}

// TestDrippingHead: a byte each second does not move the deadline.
func TestDrippingHead(t *testing.T) {
	timed(t, plainApp(), func(client net.Conn, cause func() error) {
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, b := range []byte(plainRequest) {
				if _, err := client.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		answer, err := io.ReadAll(client)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 408 "), "%s", answer)
		require.Equal(t, 10*time.Second, since(start))
		require.ErrorIs(t, cause(), os.ErrDeadlineExceeded)
		<-done
	})
}

func bodyApp() *App {
	app := New()
	app.Post("/", func(c *Context) error {
		_, err := io.Copy(io.Discard, c.Body())
		return err
	})
	return app
}

const postHead = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"

func TestBodyStall(t *testing.T) {
	timed(t, bodyApp(), func(client net.Conn, cause func() error) {
		start := time.Now()
		go func() {
			_, _ = io.WriteString(client, postHead+strings.Repeat("a", 50000))
		}()
		answer, err := io.ReadAll(client)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 408 "), "%s", answer)
		require.Equal(t, 30*time.Second, since(start))
		_ = cause()
	})
}

// TestBodyBelowLeastRate: progress alone is not enough.
func TestBodyBelowLeastRate(t *testing.T) {
	timed(t, bodyApp(), func(client net.Conn, _ func() error) {
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.WriteString(client, postHead)
			for {
				if _, err := client.Write([]byte("a")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		answer, _ := io.ReadAll(client)
		require.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 408 "), "%s", answer)
		require.Equal(t, 30*time.Second, since(start))
		_ = client.Close()
		<-done
	})
}

// TestSlowBodyAboveLeastRate takes far longer than any timeout and is read.
func TestSlowBodyAboveLeastRate(t *testing.T) {
	timed(t, bodyApp(), func(client net.Conn, _ func() error) {
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.WriteString(client, postHead)
			for range 200 {
				_, _ = client.Write(make([]byte, 500))
				time.Sleep(time.Second)
			}
		}()
		answer := make([]byte, 12)
		_, err := io.ReadFull(client, answer)
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 200", string(answer))
		require.Equal(t, 199*time.Second, since(start))
		_ = client.Close()
		<-done
	})
}

func TestWriteStall(t *testing.T) {
	app := New()
	app.Get("/", func(c *Context) error { return c.Bytes(200, "text/plain", make([]byte, 1<<20)) })
	timed(t, app, func(client net.Conn, cause func() error) {
		start := time.Now()
		_, err := io.WriteString(client, plainRequest)
		require.NoError(t, err)
		_, err = io.ReadFull(client, make([]byte, 100))
		require.NoError(t, err)
		require.Error(t, cause())
		require.Equal(t, 30*time.Second, since(start))
	})
}

// TestSlowReader takes far longer than any timeout and gets everything.
func TestSlowReader(t *testing.T) {
	app := New()
	app.Get("/", func(c *Context) error { return c.Bytes(200, "text/plain", make([]byte, 1<<20)) })
	timed(t, app, func(client net.Conn, _ func() error) {
		_, err := io.WriteString(client, plainRequest)
		require.NoError(t, err)
		got := 0
		for got < 1<<20 {
			n, err := client.Read(make([]byte, 8<<10))
			require.NoError(t, err)
			got += n
			time.Sleep(time.Second)
		}
	})
}

func TestNoTimeouts(t *testing.T) {
	app := plainApp().Timeouts(Timeouts{Idle: NoLimit, Head: NoLimit})
	timed(t, app, func(client net.Conn, _ func() error) {
		time.Sleep(48 * time.Hour)
		_, err := io.WriteString(client, plainRequest[:10])
		require.NoError(t, err)
		time.Sleep(48 * time.Hour)
		go func() { _, _ = io.WriteString(client, plainRequest[10:]) }()
		answer := make([]byte, 12)
		_, err = io.ReadFull(client, answer)
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 200", string(answer))
		go func() { _, _ = io.Copy(io.Discard, client) }()
	})
}

func TestHandlerOutlivesShutdown(t *testing.T) {
	app := New()
	cause := make(chan error, 1)
	app.Get("/", func(c *Context) error {
		ctx := c.Context()
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return ctx.Err()
	})
	synctest.Test(t, func(t *testing.T) {
		ln := &oneConn{conns: make(chan net.Conn, 1), done: make(chan struct{})}
		client, server := net.Pipe()
		ln.conns <- server
		served := make(chan error, 1)
		app.Logger(slog.New(slog.DiscardHandler))
		go func() { served <- app.Serve(ln) }()
		_, err := io.WriteString(client, plainRequest)
		require.NoError(t, err)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		require.ErrorContains(t, app.Shutdown(ctx), "1 connections were cut")
		got := <-cause
		require.True(t, errors.Is(got, ErrShutdown) || errors.Is(got, ErrClientGone), "%v", got)
		require.NoError(t, <-served)
		_ = client.Close()
	})
}
