//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// a session that parks whatever happens does not outlive a forced shutdown.
func TestForcedPark(t *testing.T) {
	for _, kind := range All() {
		t.Run(string(kind), func(t *testing.T) {
			opened, closed := make(chan struct{}), make(chan error, 1)
			e, err := New(kind, Config{Handler: funcHost{func(c net.Conn) Session {
				_ = c.SetReadDeadline(time.Now().Add(time.Hour))
				close(opened)
				return &funcSession{serve: func() Next {
					_, _ = c.(NonBlocking).TryRead(make([]byte, 10))
					return Park
				}, close: func(err error) { closed <- err }}
			}}})
			require.NoError(t, err)
			ln, _ := net.Listen("tcp", "127.0.0.1:0")
			go e.Serve(ln)
			conn, err := net.Dial("tcp", ln.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			<-opened
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			_, _ = e.Shutdown(ctx)
			select {
			case err := <-closed:
				require.ErrorIs(t, err, ErrForced)
			case <-time.After(patience):
				t.Error("never closed")
			}
		})
	}
}

// a burst that waits in the queue when a shutdown begins is served.
func TestDrainBurst(t *testing.T) {
	for _, kind := range All() {
		t.Run(string(kind), func(t *testing.T) {
			var opened atomic.Int64
			e, err := New(kind, Config{Handler: funcHost{func(c net.Conn) Session {
				opened.Add(1)
				_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
				return &funcSession{serve: func() Next {
					p := make([]byte, 10)
					n, err := c.(NonBlocking).TryRead(p)
					if n == 0 && err == ErrWouldBlock {
						return Park
					}
					_, _ = c.Write(p[:n])
					return Hangup
				}}
			}}})
			require.NoError(t, err)
			ln, _ := net.Listen("tcp", "127.0.0.1:0")
			var conns []net.Conn
			for i := range roomFor(t, 4000) {
				wait := 300 * time.Millisecond
				if i == 0 {
					wait = patience
				}
				conn, err := net.DialTimeout("tcp", ln.Addr().String(), wait)
				if err != nil { // the queue is full
					break
				}
				_, _ = conn.Write([]byte("x"))
				conns = append(conns, conn)
			}
			done := make(chan error, 1)
			go func() { done <- e.Serve(ln) }()
			require.NotEmpty(t, conns)
			for opened.Load() == 0 {
				runtime.Gosched()
			}
			ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
			defer cancel()
			start := time.Now()
			_, _ = e.Shutdown(ctx)
			took := time.Since(start)
			<-done
			lost := 0
			for _, c := range conns {
				_ = c.SetReadDeadline(time.Now().Add(patience))
				if n, _ := c.Read(make([]byte, 1)); n == 0 {
					lost++
				}
				c.Close()
			}
			t.Logf("%d waited, %d opened, %d lost, shutdown took %v", len(conns), opened.Load(), lost, took)
			if lost > 0 {
				t.Error("lost")
			}
		})
	}
}

// files: it shrinks, the reader is slow, the reader leaves.
func TestSendFile(t *testing.T) {
	for _, kind := range []Kind{Epoll, Poll} {
		for _, what := range []string{"all", "shrinks", "slow", "leaves", "stalls", "close"} {
			t.Run(string(kind)+"/"+what, func(t *testing.T) {
				name := filepath.Join(t.TempDir(), "f")
				const size = 32 << 20
				require.NoError(t, os.WriteFile(name, make([]byte, size), 0o600))
				type result struct {
					n   int64
					err error
					at  int64
				}
				got := make(chan result, 1)
				addr, _ := startFunc(t, kind, func(c net.Conn) Session {
					_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
					return &funcSession{serve: func() Next {
						if n, err := c.(NonBlocking).TryRead(make([]byte, 1)); n == 0 {
							if err == ErrWouldBlock {
								return Park
							}
							return Hangup
						}
						f, _ := os.Open(name)
						defer f.Close()
						_, _ = f.Seek(100, 0)
						_ = c.SetWriteDeadline(time.Now().Add(time.Second))
						if what == "close" {
							time.AfterFunc(50*time.Millisecond, func() { c.Close() })
						}
						n, err := c.(FileSender).SendFile(f, size-100)
						at, _ := f.Seek(0, 1)
						got <- result{n, err, at}
						return Hangup
					}}
				})
				conn, err := net.Dial("tcp", addr)
				require.NoError(t, err)
				defer conn.Close()
				_, _ = conn.Write([]byte("1"))
				var read int64
				switch what {
				case "all":
					read, _ = io.Copy(io.Discard, conn)
				case "shrinks":
					time.Sleep(50 * time.Millisecond)
					require.NoError(t, os.Truncate(name, 20<<20))
					read, _ = io.Copy(io.Discard, conn)
				case "slow":
					p := make([]byte, 1<<20)
					for {
						n, err := conn.Read(p)
						read += int64(n)
						if err != nil {
							break
						}
						time.Sleep(2 * time.Millisecond)
					}
				case "leaves":
					time.Sleep(20 * time.Millisecond)
					conn.Close()
				}
				select {
				case r := <-got:
					t.Logf("%+v, read %d", r, read)
					require.Equal(t, r.at, 100+r.n)
					if read > 0 {
						require.Equal(t, r.n, read)
					}
				case <-time.After(patience):
					t.Fatal("it hangs")
				}
			})
		}
	}
}

// Shutdown, sessions and clients at random.
func TestShutdownStorm(t *testing.T) {
	for _, kind := range []Kind{Epoll, Poll} {
		t.Run(string(kind), func(t *testing.T) {
			for round := range 60 {
				h := &host{given: make(chan net.Conn, 1000)}
				e, err := New(kind, Config{Handler: h})
				require.NoError(t, err)
				ln, _ := net.Listen("tcp", "127.0.0.1:0")
				served := make(chan error, 1)
				go func() { served <- e.Serve(ln) }()
				var wg sync.WaitGroup
				for i := range 16 {
					wg.Add(1)
					go func() {
						defer wg.Done()
						conn, err := net.Dial("tcp", ln.Addr().String())
						if err != nil {
							return
						}
						defer conn.Close()
						_ = conn.SetDeadline(time.Now().Add(2 * patience))
						for j := range 4 {
							_, _ = io.WriteString(conn, []string{"echo a\n", "sleep 1ms\n", "sleep 3ms\n", "again x\n", "exit\n", "give\n"}[(i*7+j+round)%6])
							if _, err := conn.Read(make([]byte, 100)); err != nil {
								return
							}
						}
					}()
				}
				go func() {
					for c := range h.given {
						c.Close()
					}
				}()
				time.Sleep(time.Duration(round%7) * time.Millisecond)
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				cut, err := e.Shutdown(ctx)
				cancel()
				if err != nil || cut != 0 {
					t.Fatalf("round %d: cut %d: %v", round, cut, err)
				}
				require.NoError(t, <-served)
				wg.Wait()
				close(h.given)
				require.Nil(t, h.broken.Load())
				require.Equal(t, h.opened.Load(), h.closed.Load())
			}
		})
	}
}
