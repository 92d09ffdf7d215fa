package wherry_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// What is left of answers that were kept open, when they are over.

// owners makes functions for KeepOpen and counts those that are garbage.
type owners struct{ freed, told atomic.Int64 }

func (o *owners) gone() func() {
	big := new([1000]byte)
	runtime.AddCleanup(big, func(freed *atomic.Int64) { freed.Add(1) }, &o.freed)
	return func() {
		big[0]++
		o.told.Add(1)
	}
}

// free waits until nothing holds any of n of them.
func (o *owners) free(t *testing.T, n int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		runtime.GC()
		return o.freed.Load() >= n
	}, patience, time.Millisecond, "what the owners hold must become garbage")
}

// TestKeepOpenLeavesNothing: whoever ends an answer, nothing of it stays.
func TestKeepOpenLeavesNothing(t *testing.T) {
	const n = 50
	type end func(o *wherry.OpenAnswer, client net.Conn)
	ways := map[string]struct {
		within bool // the handler does it
		told   bool
		end    end
	}{
		"server closes":             {end: func(o *wherry.OpenAnswer, _ net.Conn) { _ = o.Close(); _ = o.Close() }},
		"server aborts":             {end: func(o *wherry.OpenAnswer, _ net.Conn) { o.Abort() }},
		"server closes in handler":  {within: true, end: func(o *wherry.OpenAnswer, _ net.Conn) { _ = o.Close() }},
		"server aborts in handler":  {within: true, end: func(o *wherry.OpenAnswer, _ net.Conn) { o.Abort() }},
		"client leaves, then close": {told: true, end: func(_ *wherry.OpenAnswer, c net.Conn) { _ = c.Close() }},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			var own owners
			open := make(chan *wherry.OpenAnswer, 1)
			build := func() *wherry.App {
				return quiet().Get("/", func(c *wherry.Context) error {
					o, err := c.KeepOpen(own.gone())
					if err == nil && way.within {
						way.end(o, nil)
					}
					open <- o
					return err
				})
			}
			onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
				own.freed.Store(0)
				own.told.Store(0)
				for i := range int64(n) {
					client, err := net.Dial("tcp", conn.RemoteAddr().String())
					require.NoError(t, err)
					_, err = io.WriteString(client, get("/"))
					require.NoError(t, err)
					o := <-open
					if !way.within {
						way.end(o, client)
					}
					if way.told {
						require.Eventually(t, func() bool { return own.told.Load() == i+1 }, patience, time.Millisecond)
						_ = o.Close()
					}
					_ = client.Close()
				}
				own.free(t, n)
				if !way.told {
					require.Zero(t, own.told.Load(), "the server has ended it")
				}
			})
		})
	}
}

// TestKeepOpenShutdown: a shutdown that runs out of time leaves nothing, even
// of answers that nobody closes.
func TestKeepOpenShutdown(t *testing.T) {
	const n = 20
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			var own owners
			var open atomic.Int64
			app := quiet().Engine(kind).Get("/", func(c *wherry.Context) error {
				_, err := c.KeepOpen(own.gone())
				open.Add(1)
				return err
			})
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			served := make(chan error, 1)
			go func() { served <- app.Serve(ln) }()
			for range n {
				client, err := net.Dial("tcp", ln.Addr().String())
				require.NoError(t, err)
				defer client.Close()
				_, err = io.WriteString(client, get("/"))
				require.NoError(t, err)
			}
			require.Eventually(t, func() bool { return open.Load() == n }, patience, time.Millisecond)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			_ = app.Shutdown(ctx)
			<-served
			own.free(t, n)
			runtime.KeepAlive(app)
		})
	}
}

// TestKeepOpenTellsAtShutdown: who leaves while a shutdown waits for the answers
// that are open is told of.
func TestKeepOpenTellsAtShutdown(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			open, gone := make(chan *wherry.OpenAnswer, 1), make(chan struct{}, 2)
			app := quiet().Engine(kind).Get("/", func(c *wherry.Context) error {
				o, err := c.KeepOpen(func() { gone <- struct{}{} })
				open <- o
				return err
			})
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			served := make(chan error, 1)
			go func() { served <- app.Serve(ln) }()
			var clients []net.Conn
			var answers []*wherry.OpenAnswer
			for range cap(gone) {
				client, err := net.Dial("tcp", ln.Addr().String())
				require.NoError(t, err)
				defer client.Close()
				_, err = io.WriteString(client, get("/"))
				require.NoError(t, err)
				clients = append(clients, client)
				answers = append(answers, <-open)
			}
			shut := make(chan error, 1)
			go func() { shut <- app.Shutdown(context.Background()) }()
			require.NoError(t, <-served)
			time.Sleep(20 * time.Millisecond) // most often only the open answers are left by now
			for i, client := range clients {
				require.NoError(t, client.Close())
				select {
				case <-gone:
				case <-time.After(patience):
					require.Fail(t, "the owner was not told")
				}
				require.NoError(t, answers[i].Close())
			}
			require.NoError(t, <-shut)
		})
	}
}

// TestKeepOpenGoneEndsBadly: what is called when a client leaves may panic or
// end its goroutine; nobody else notices.
func TestKeepOpenGoneEndsBadly(t *testing.T) {
	for name, end := range map[string]func(){"panics": func() { panic("gone") }, "exits": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			open := make(chan *wherry.OpenAnswer, 1)
			gone := make(chan struct{}, 1)
			build := func() *wherry.App {
				return quiet().Get("/", func(c *wherry.Context) error {
					o, err := c.KeepOpen(func() {
						gone <- struct{}{}
						end()
					})
					open <- o
					return err
				}).Get("/other", text("there"))
			}
			onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
				for range 2 * runtime.GOMAXPROCS(0) { // each loop and more
					client, err := net.Dial("tcp", conn.RemoteAddr().String())
					require.NoError(t, err)
					_, err = io.WriteString(client, get("/"))
					require.NoError(t, err)
					o := <-open
					require.NoError(t, client.Close())
					select {
					case <-gone:
					case <-time.After(patience):
						require.Fail(t, "the owner was not told")
					}
					require.NoError(t, o.Close())
				}
				answer := exchange(t, conn.RemoteAddr().String(), get("/other")[:len(get("/other"))-2]+"Connection: close\r\n\r\n")
				require.Contains(t, answer, "there")
			})
		})
	}
}

// TestKeepOpenCloseUnderLock: an answer may be closed by somebody who holds the
// lock that gone waits for.
func TestKeepOpenCloseUnderLock(t *testing.T) {
	for _, name := range []string{"close", "abort"} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			left := 0
			begun, open := make(chan struct{}, 1), make(chan *wherry.OpenAnswer, 1)
			build := func() *wherry.App {
				return quiet().Get("/", func(c *wherry.Context) error {
					o, err := c.KeepOpen(func() {
						begun <- struct{}{}
						mu.Lock()
						left++
						mu.Unlock()
					})
					open <- o
					return err
				})
			}
			onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
				_, err := io.WriteString(conn, get("/"))
				require.NoError(t, err)
				o := <-open
				mu.Lock()
				require.NoError(t, conn.Close())
				<-begun
				done := make(chan struct{})
				go func() {
					defer close(done)
					if name == "abort" {
						o.Abort()
						return
					}
					_ = o.Close()
				}()
				select {
				case <-done:
				case <-time.After(patience):
					t.Error("Close waits for gone")
				}
				mu.Unlock()
				<-done
			})
		})
	}
}

// TestKeepOpenWithoutOwner: nobody need be told.
func TestKeepOpenWithoutOwner(t *testing.T) {
	open := make(chan *wherry.OpenAnswer, 1)
	build := func() *wherry.App {
		return quiet().Get("/", func(c *wherry.Context) error {
			o, err := c.KeepOpen(nil)
			open <- o
			return err
		})
	}
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		_, err := io.WriteString(conn, get("/"))
		require.NoError(t, err)
		o := <-open
		require.NoError(t, conn.Close())
		require.Eventually(t, func() bool {
			_, err := o.TryWrite([]byte("x"))
			return err != nil && err != wherry.ErrWouldBlock
		}, patience, time.Millisecond)
		require.NoError(t, o.Close())
	})
}
