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

// timed serves an app in a bubble and gives the test its client side; cause
// waits for what OnDisconnect hooks are told.
func timed(t *testing.T, app *App, test func(t *testing.T, client net.Conn, cause func() error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		causes := make(chan error, 1)
		app.Logger(slog.New(slog.DiscardHandler)).OnDisconnect(func(_ *Conn, cause error) { causes <- cause })
		require.NoError(t, app.Build())
		client, stop := served(t, app)
		test(t, client, func() error { return <-causes })
		_ = client.Close()
		stop()
	})
}

// served serves an app over one pipe, in a bubble.
func served(t *testing.T, app *App) (client net.Conn, stop func()) {
	ln := &oneConn{conns: make(chan net.Conn, 1), done: make(chan struct{})}
	client, server := net.Pipe()
	ln.conns <- server
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ln) }()
	stop = sync.OnceFunc(func() {
		require.NoError(t, app.Shutdown(context.Background()))
		require.NoError(t, <-ended)
	})
	t.Cleanup(func() { // also after a failure: no goroutine may be left in the bubble
		_ = client.Close()
		stop()
	})
	return client, stop
}

func since(start time.Time) time.Duration { return time.Since(start).Round(time.Second) }

func TestIdleTimeout(t *testing.T) {
	timed(t, plainApp(), func(t *testing.T, client net.Conn, cause func() error) {
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
	timed(t, plainApp(), func(t *testing.T, client net.Conn, cause func() error) {
		start := time.Now()
		_, err := io.ReadAll(client)
		require.NoError(t, err)
		require.Equal(t, time.Minute, since(start))
		require.ErrorIs(t, cause(), ErrIdle)
	})
}

// TestDrippingHead: a byte each second does not move the deadline.
func TestDrippingHead(t *testing.T) {
	timed(t, plainApp(), func(t *testing.T, client net.Conn, cause func() error) {
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
	timed(t, bodyApp(), func(t *testing.T, client net.Conn, cause func() error) {
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
	timed(t, bodyApp(), func(t *testing.T, client net.Conn, _ func() error) {
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
	timed(t, bodyApp(), func(t *testing.T, client net.Conn, _ func() error) {
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
	timed(t, app, func(t *testing.T, client net.Conn, cause func() error) {
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
	timed(t, app, func(t *testing.T, client net.Conn, _ func() error) {
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
	timed(t, app, func(t *testing.T, client net.Conn, _ func() error) {
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

// roundTrip sends a request and returns the status line and the time it took.
func roundTrip(t *testing.T, client net.Conn, raw string) (string, time.Duration) {
	t.Helper()
	start := time.Now()
	_, err := io.WriteString(client, raw)
	require.NoError(t, err)
	answer := make([]byte, 4096)
	n, err := client.Read(answer)
	require.NoError(t, err)
	line, _, _ := strings.Cut(string(answer[:n]), "\r\n")
	return line, since(start)
}

// TestIdleBetweenRequests: each request renews the time, also one that comes
// at the last moment.
func TestIdleBetweenRequests(t *testing.T) {
	timed(t, plainApp(), func(t *testing.T, client net.Conn, cause func() error) {
		for range 5 {
			line, _ := roundTrip(t, client, plainRequest)
			require.Equal(t, "HTTP/1.1 200 OK", line)
			time.Sleep(59 * time.Second)
		}
		start := time.Now()
		_, err := client.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		require.Equal(t, time.Second, since(start))
		require.ErrorIs(t, cause(), ErrIdle)
	})
}

// TestHeadBegunLate: the time for a head begins with its first byte, not with
// the connection or the answer before.
func TestHeadBegunLate(t *testing.T) {
	timed(t, plainApp(), func(t *testing.T, client net.Conn, cause func() error) {
		for range 3 {
			time.Sleep(55 * time.Second)
			_, err := io.WriteString(client, plainRequest[:5])
			require.NoError(t, err)
			time.Sleep(9 * time.Second)
			line, _ := roundTrip(t, client, plainRequest[5:])
			require.Equal(t, "HTTP/1.1 200 OK", line)
		}
		time.Sleep(55 * time.Second)
		start := time.Now()
		_, err := io.WriteString(client, plainRequest[:5])
		require.NoError(t, err)
		answer, err := io.ReadAll(client)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 408 "))
		require.Contains(t, string(answer), "Connection: close\r\n")
		require.Equal(t, 10*time.Second, since(start))
		require.ErrorIs(t, cause(), os.ErrDeadlineExceeded)
	})
}

// TestPipelinedHeadThatStops: a half head behind a whole one has the time of
// a head, not that of an idle connection.
func TestPipelinedHeadThatStops(t *testing.T) {
	timed(t, plainApp(), func(t *testing.T, client net.Conn, _ func() error) {
		line, _ := roundTrip(t, client, plainRequest+plainRequest[:9])
		require.Equal(t, "HTTP/1.1 200 OK", line)
		start := time.Now()
		answer, err := io.ReadAll(client)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 408 "), "%s", answer)
		require.Equal(t, 10*time.Second, since(start))
	})
}

// TestOwnTimeouts: each of them is the one that was set.
func TestOwnTimeouts(t *testing.T) {
	own := Timeouts{Head: 3 * time.Second, BodyStall: 5 * time.Second, Idle: 7 * time.Second}
	for raw, want := range map[string]time.Duration{"": 7 * time.Second, "GET": 3 * time.Second, postHead: 5 * time.Second, postHead + "a": 5 * time.Second} {
		app := bodyApp().Timeouts(own)
		timed(t, app, func(t *testing.T, client net.Conn, cause func() error) {
			start := time.Now()
			_, err := io.WriteString(client, raw)
			require.NoError(t, err)
			_, err = io.ReadAll(client)
			require.NoError(t, err)
			require.Equal(t, want, since(start), raw)
			_ = cause()
		})
	}
}

// TestStallInsideChunks: a body in chunks has the same patience as a counted
// one, wherever in its framing it stops.
func TestStallInsideChunks(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, sent := range []string{"", "5", "5\r", "5\r\n", "5\r\nab", "5\r\nabcde", "5\r\nabcde\r\n", "0\r\n", "0\r\nX: 1\r\n"} {
		timed(t, bodyApp(), func(t *testing.T, client net.Conn, _ func() error) {
			start := time.Now()
			_, err := io.WriteString(client, head+sent)
			require.NoError(t, err)
			answer, err := io.ReadAll(client)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 408 "), "%q: %s", sent, answer)
			require.Equal(t, 30*time.Second, since(start), "%q", sent)
		})
	}
}

// TestUnreadBodyThatStalls: the answer is not held back by a body that nobody
// reads, and the connection does not wait for it longer than for any body.
func TestUnreadBodyThatStalls(t *testing.T) {
	app := New().Post("/", func(c *Context) error { return c.Text(200, "early") })
	timed(t, app, func(t *testing.T, client net.Conn, _ func() error) {
		line, took := roundTrip(t, client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1234")
		require.Equal(t, "HTTP/1.1 200 OK", line)
		require.Zero(t, took)
		start := time.Now()
		_, err := io.ReadAll(client)
		require.NoError(t, err)
		require.Equal(t, 30*time.Second, since(start))
	})
}

// TestHandlerMayTakeItsTime: no timeout is about the handler.
func TestHandlerMayTakeItsTime(t *testing.T) {
	app := New().Get("/", func(c *Context) error {
		time.Sleep(time.Hour)
		return c.Text(200, "at last")
	})
	timed(t, app, func(t *testing.T, client net.Conn, _ func() error) {
		for range 2 {
			line, took := roundTrip(t, client, plainRequest)
			require.Equal(t, "HTTP/1.1 200 OK", line)
			require.Equal(t, time.Hour, took)
		}
	})
}

// TestEventStream: a stream that is quiet for longer than any timeout goes
// on, as long as its client takes what comes.
func TestEventStream(t *testing.T) {
	app := New().Get("/", func(c *Context) error {
		for range 4 {
			if _, err := c.WriteString("event\n"); err != nil {
				return err
			}
			if err := c.Flush(); err != nil {
				return err
			}
			time.Sleep(10 * time.Minute)
		}
		return nil
	})
	timed(t, app, func(t *testing.T, client net.Conn, _ func() error) {
		go func() { _, _ = io.WriteString(client, "GET / HTTP/1.0\r\n\r\n") }()
		start := time.Now()
		answer, err := io.ReadAll(client)
		require.NoError(t, err)
		require.Equal(t, 4, strings.Count(string(answer), "event\n"))
		require.Equal(t, 40*time.Minute, since(start))
	})
}

// TestReaderBelowLeastRate: a client that takes its answer in drops is cut
// when the grace is over.
func TestReaderBelowLeastRate(t *testing.T) {
	app := New().Get("/", func(c *Context) error { return c.Bytes(200, "a/b", make([]byte, 1<<20)) })
	timed(t, app, func(t *testing.T, client net.Conn, cause func() error) {
		start := time.Now()
		_, err := io.WriteString(client, plainRequest)
		require.NoError(t, err)
		for err == nil {
			time.Sleep(time.Second)
			_, err = client.Read(make([]byte, 10))
		}
		require.InDelta(t, 31, since(start).Seconds(), 2)
		require.Error(t, cause())
	})
}

// TestNoLeastRate: with MinRate off a drop in time is enough, in both
// directions.
// TestPatienceIsPerExchange: a client that takes its time with each answer is
// not charged for the ones before.
func TestPatienceIsPerExchange(t *testing.T) {
	app := New()
	app.Get("/", func(c *Context) error { return c.Text(200, "hello") })
	timed(t, app, func(t *testing.T, client net.Conn, cause func() error) {
		for range 5 {
			_, err := io.WriteString(client, plainRequest)
			require.NoError(t, err)
			time.Sleep(20 * time.Second)
			answer := make([]byte, 512)
			n, err := client.Read(answer)
			require.NoError(t, err)
			require.Contains(t, string(answer[:n]), "200 OK")
		}
	})
}

func TestNoLeastRate(t *testing.T) {
	app := New().Limits(Limits{MinRate: NoLimit}).Post("/", func(c *Context) error {
		b, err := c.BodyBytes()
		if err != nil {
			return err
		}
		return c.Bytes(200, "a/b", b)
	})
	timed(t, app, func(t *testing.T, client net.Conn, _ func() error) {
		_, err := io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n")
		require.NoError(t, err)
		for range 50 {
			time.Sleep(29 * time.Second)
			_, err = client.Write([]byte("a"))
			require.NoError(t, err)
		}
		got := ""
		for !strings.HasSuffix(got, strings.Repeat("a", 50)) {
			time.Sleep(29 * time.Second)
			b := make([]byte, 1)
			_, err := client.Read(b)
			if err != nil {
				t.Fatalf("after %q: %v", got, err)
			}
			got += string(b)
		}
	})
}

// TestStallBudget: the patience with a peer, in numbers.
func TestStallBudget(t *testing.T) {
	const limit = 30 * time.Second
	var s stall
	require.Equal(t, limit, s.budget(limit, 240))
	s.spent(10*time.Second, 0)
	require.Equal(t, 20*time.Second, s.budget(limit, 240))
	s.spent(0, 1200)
	require.Equal(t, 25*time.Second, s.budget(limit, 240), "1200 bytes are worth five seconds")
	s.spent(0, 1<<40)
	require.Equal(t, limit, s.budget(limit, 240), "nobody saves up more than the limit")
	require.Equal(t, limit, s.budget(limit, 0))
	s = stall{waited: time.Hour}
	require.Zero(t, s.budget(limit, 240))
	require.Equal(t, limit, s.budget(limit, 0))
}

// TestHandlerOutlivesShutdown: it is told with the cause, and counted.
func TestHandlerOutlivesShutdown(t *testing.T) {
	cause := make(chan error, 1)
	app := New().Logger(slog.New(slog.DiscardHandler)).Get("/", func(c *Context) error {
		ctx := c.Context()
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return ctx.Err()
	})
	require.NoError(t, app.Build())
	synctest.Test(t, func(t *testing.T) {
		// The parent of all request contexts belongs to the bubble, too.
		app.server.base, app.server.cancelBase = newBase()
		client, stop := served(t, app)
		_, err := io.WriteString(client, plainRequest)
		require.NoError(t, err)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		start := time.Now()
		require.ErrorContains(t, app.Shutdown(ctx), "1 connections were cut")
		require.Equal(t, 5*time.Second, since(start))
		got := <-cause
		require.True(t, errors.Is(got, ErrShutdown) || errors.Is(got, ErrClientGone), "%v", got)
		stop()
	})
}

// TestShutdownWaitsForBody: a request whose body still comes is in flight; it
// is answered and told that the connection ends.
func TestShutdownWaitsForBody(t *testing.T) {
	app := bodyApp()
	timed(t, app, func(t *testing.T, client net.Conn, _ func() error) {
		_, err := io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
		require.NoError(t, err)
		synctest.Wait()
		down := make(chan error, 1)
		go func() { down <- app.Shutdown(context.Background()) }()
		time.Sleep(20 * time.Second)
		require.Empty(t, down)
		go func() { _, _ = io.WriteString(client, "67890") }()
		answer, err := io.ReadAll(client)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 200 OK\r\n"), "%s", answer)
		require.Contains(t, string(answer), "Connection: close\r\n")
		require.NoError(t, <-down)
	})
}

// TestShutdownOfIdle: idle and never used connections are closed at once; a
// head that has begun may come.
func TestShutdownOfIdle(t *testing.T) {
	for name, before := range map[string]string{"never used": "", "idle": plainRequest} {
		app := plainApp()
		timed(t, app, func(t *testing.T, client net.Conn, cause func() error) {
			if before != "" {
				_, _ = roundTrip(t, client, before)
			}
			synctest.Wait()
			start := time.Now()
			require.NoError(t, app.Shutdown(context.Background()))
			require.Zero(t, since(start), name)
			_, err := client.Read(make([]byte, 1))
			require.Equal(t, io.EOF, err)
			require.ErrorIs(t, cause(), ErrShutdown)
		})
	}
	app := plainApp()
	timed(t, app, func(t *testing.T, client net.Conn, _ func() error) {
		_, err := io.WriteString(client, plainRequest[:7])
		require.NoError(t, err)
		synctest.Wait()
		down := make(chan error, 1)
		go func() { down <- app.Shutdown(context.Background()) }()
		time.Sleep(5 * time.Second)
		require.Empty(t, down)
		go func() { _, _ = io.WriteString(client, plainRequest[7:]) }()
		answer, err := io.ReadAll(client)
		require.NoError(t, err)
		require.Contains(t, string(answer), "Hello, World!")
		require.Contains(t, string(answer), "Connection: close\r\n")
		require.NoError(t, <-down)
	})
}
