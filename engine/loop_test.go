//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// funcSession is a session of functions.
type funcHost struct{ open func(c net.Conn) Session }

func (h funcHost) Open(c net.Conn) Session { return h.open(c) }

type funcSession struct {
	serve func() Next
	close func(error)
}

func (s *funcSession) Serve() Next { return s.serve() }
func (s *funcSession) Close(cause error) {
	if s.close != nil {
		s.close(cause)
	}
}

func startFunc(t *testing.T, kind Kind, open func(c net.Conn) Session) (addr string, e Engine) {
	e, err := New(kind, Config{Handler: funcHost{open}})
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- e.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, _ = e.Shutdown(ctx)
		<-served
	})
	return ln.Addr().String(), e
}

// TestWriteDeadlineAfterReadDeadline: a read deadline that has passed
// must not switch the write deadline off.
func TestWriteDeadlineAfterReadDeadline(t *testing.T) {
	for _, kind := range All() {
		t.Run(string(kind), func(t *testing.T) {
			result := make(chan error, 1)
			addr, _ := startFunc(t, kind, func(c net.Conn) Session {
				_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
				return &funcSession{serve: func() Next {
					one := make([]byte, 1)
					if n, _ := c.(NonBlocking).TryRead(one); n == 0 {
						return Park
					}
					_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
					time.Sleep(60 * time.Millisecond)
					_ = c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
					_, err := c.Write(make([]byte, 64<<20))
					result <- err
					return Hangup
				}}
			})
			conn, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			defer conn.Close()
			_, _ = conn.Write([]byte{1})
			select {
			case err := <-result:
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			case <-time.After(patience):
				t.Fatal("the write deadline never fires")
			}
		})
	}
}

// TestEdgeAfterBlockingRead: bytes behind what a blocking Read has taken
// are news.
func TestEdgeAfterBlockingRead(t *testing.T) {
	for _, kind := range All() {
		t.Run(string(kind), func(t *testing.T) {
			got := make(chan string, 10)
			begun := make(chan struct{})
			addr, _ := startFunc(t, kind, func(c net.Conn) Session {
				_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
				blocking := false
				return &funcSession{serve: func() Next {
					p := make([]byte, 4)
					if blocking {
						blocking = false
						close(begun)
						_, err := io.ReadFull(c, p)
						got <- "blocking " + string(p)
						if err != nil {
							return Hangup
						}
						return Park
					}
					n, err := c.(NonBlocking).TryRead(make([]byte, 100))
					if err != nil {
						if err == ErrWouldBlock {
							return Park
						}
						return Hangup
					}
					if n == 1 {
						blocking = true
						return Block
					}
					got <- "rest"
					return Park
				}}
			})
			conn, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			defer conn.Close()
			_, _ = conn.Write([]byte{1})
			<-begun
			time.Sleep(20 * time.Millisecond) // most often it waits by now; else it finds the bytes
			_, _ = conn.Write([]byte("bodyGET"))
			require.Equal(t, "blocking body", <-got)
			select {
			case s := <-got:
				require.Equal(t, "rest", s)
			case <-time.After(patience):
				t.Fatal("the bytes behind are never told of")
			}
		})
	}
}

// TestConcurrentWrites: net.Conn allows several goroutines to write.
func TestConcurrentWrites(t *testing.T) {
	for _, kind := range All() {
		t.Run(string(kind), func(t *testing.T) {
			var wg sync.WaitGroup
			started := make(chan net.Conn, 1)
			addr, _ := startFunc(t, kind, func(c net.Conn) Session {
				_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
				return &funcSession{serve: func() Next {
					if n, _ := c.(NonBlocking).TryRead(make([]byte, 1)); n == 0 {
						return Park
					}
					started <- c
					return Detach
				}}
			})
			conn, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			defer conn.Close()
			_, _ = conn.Write([]byte{1})
			c := <-started
			_ = c.SetReadDeadline(time.Time{})
			const each = 16 << 20
			for i := range 2 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					p := make([]byte, each)
					for j := range p {
						p[j] = byte('a' + i)
					}
					_, _ = c.Write(p)
				}()
			}
			time.Sleep(20 * time.Millisecond)
			go func() { wg.Wait(); c.Close() }()
			_ = conn.SetReadDeadline(time.Now().Add(2 * patience))
			all, err := io.ReadAll(conn)
			require.NoError(t, err, "%d of %d", len(all), 2*each)
			require.Len(t, all, 2*each)
			for i := 1; i < each; i++ {
				if all[i] != all[0] {
					t.Fatalf("writes are mixed at %d", i)
				}
			}
		})
	}
}

// TestWheelRace: a deadline that is set while the wheel looks is not
// lost.
func TestWheelRace(t *testing.T) {
	e := &loops{epoch: time.Now()}
	l := &loop{e: e}
	l.wheel.now = e.now
	l.wheel.ring = func() {}
	defer l.wheel.close()
	c := &loopConn{l: l}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			select {
			case <-stop:
				return
			default:
			}
			l.wheel.passed(nil)
		}
	}()
	lost := 0
	for i := 0; i < 300000; i++ {
		_ = c.SetReadDeadline(time.Now().Add(-time.Millisecond)) // due at once
		for k := 0; k < i%97; k++ {
			_ = e.now()
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Hour))
		l.wheel.mu.Lock()
		if c.slot == nil {
			lost++
		}
		l.wheel.mu.Unlock()
	}
	close(stop)
	wg.Wait()
	require.Zero(t, lost, "deadlines were lost")
}

// TestDeadlineMeetsBytes: a deadline that passes while bytes come is
// told after them.
func TestDeadlineMeetsBytes(t *testing.T) {
	for _, kind := range All() {
		t.Run(string(kind), func(t *testing.T) {
			fired := make(chan struct{}, 1)
			var other net.Conn
			ready := make(chan struct{})
			var first atomic.Bool
			addr, _ := startFunc(t, kind, func(c net.Conn) Session {
				_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
				<-ready
				return &funcSession{serve: func() Next {
					if !first.Swap(true) { // the bytes come just now
						_, _ = other.Write([]byte("x"))
						time.Sleep(100 * time.Microsecond)
					}
					_, err := c.(NonBlocking).TryRead(make([]byte, 10))
					switch {
					case err == nil || err == ErrWouldBlock:
						return Park
					case errors.Is(err, os.ErrDeadlineExceeded):
						fired <- struct{}{}
					}
					return Hangup
				}}
			})
			conn, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			defer conn.Close()
			other = conn
			close(ready)
			select {
			case <-fired:
			case <-time.After(patience):
				t.Fatal("the deadline is forgotten")
			}
		})
	}
}

// TestTLSCloseNotify: the end of a layer that comes together with its
// last bytes is told.
func TestTLSCloseNotify(t *testing.T) {
	certificate := testCertificate(t)
	for _, kind := range All() {
		t.Run(string(kind), func(t *testing.T) {
			tcp, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			h := &host{}
			e, err := New(kind, Config{Handler: h})
			require.NoError(t, err)
			served := make(chan error, 1)
			go func() {
				served <- e.Serve(layeredListener{tcp, &tls.Config{Certificates: []tls.Certificate{certificate}}})
			}()
			raw, err := net.Dial("tcp", tcp.Addr().String())
			require.NoError(t, err)
			defer raw.Close()
			cork := &corked{Conn: raw}
			conn := tls.Client(cork, &tls.Config{InsecureSkipVerify: true})
			require.NoError(t, conn.Handshake())
			cork.on = true
			_, _ = conn.Write([]byte("echo one\n"))
			_ = conn.CloseWrite()
			cork.flush()
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			all, err := io.ReadAll(conn)
			require.Equal(t, "one\n", string(all))
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_, _ = e.Shutdown(ctx)
			<-served
		})
	}
}

type corked struct {
	net.Conn
	on  bool
	buf []byte
}

func (c *corked) Write(p []byte) (int, error) {
	if c.on {
		c.buf = append(c.buf, p...)
		return len(p), nil
	}
	return c.Conn.Write(p)
}
func (c *corked) SetWriteDeadline(time.Time) error { return nil }
func (c *corked) flush()                           { _, _ = c.Conn.Write(c.buf) }

// TestAgainStarves: sessions that always say Again let others have
// their turn, also new ones. How long those wait is counted in turns of the
// greedy ones: time would measure the machine.
func TestAgainStarves(t *testing.T) {
	for _, kind := range []Kind{Epoll, Poll} {
		t.Run(string(kind), func(t *testing.T) {
			var stop atomic.Bool
			var greedyOnes, turns atomic.Int64
			addr, _ := startFunc(t, kind, func(c net.Conn) Session {
				_ = c.SetReadDeadline(time.Now().Add(time.Hour))
				greedy := false
				return &funcSession{serve: func() Next {
					p := make([]byte, 1)
					if !greedy {
						n, err := c.(NonBlocking).TryRead(p)
						if n == 0 {
							if err == ErrWouldBlock {
								return Park
							}
							return Hangup
						}
						if p[0] != 'g' {
							_, _ = c.Write(p)
							return Park
						}
						greedy = true
						greedyOnes.Add(1)
					}
					turns.Add(1)
					for end := time.Now().Add(20 * time.Microsecond); time.Now().Before(end); {
					}
					if stop.Load() {
						return Hangup
					}
					return Again
				}}
			})
			for range 2 { // one on each loop
				conn, err := net.Dial("tcp", addr)
				require.NoError(t, err)
				defer conn.Close()
				_, _ = conn.Write([]byte("g"))
			}
			defer stop.Store(true)
			eventually(t, "both are at work", func() bool { return greedyOnes.Load() == 2 && turns.Load() > 100 })
			for range 4 {
				conn, err := net.Dial("tcp", addr)
				require.NoError(t, err)
				defer conn.Close()
				before := turns.Load()
				_, _ = conn.Write([]byte("e"))
				_ = conn.SetReadDeadline(time.Now().Add(patience))
				_, err = conn.Read(make([]byte, 1))
				require.NoError(t, err, "starved")
				took := turns.Load() - before
				t.Logf("an answer after %d turns of the greedy ones", took)
				require.Less(t, took, int64(30_000), "more than half a second of work")
			}
		})
	}
}

// TestCharge: who was named last hears that the loop was taken, and at once:
// while the session goes on. One that is quick may be taken on its own account
// when the system does not let it run, and the long one is not when the
// connection has a goroutine of its own just then: so there are several tries.
func TestCharge(t *testing.T) {
	for _, kind := range []Kind{Epoll, Poll} {
		t.Run(string(kind), func(t *testing.T) {
			var long, quick, after atomic.Bool
			done := make(chan struct{}, 1)
			addr, _ := startFunc(t, kind, func(c net.Conn) Session {
				_ = c.SetReadDeadline(time.Now().Add(time.Hour))
				return &funcSession{serve: func() Next {
					p := make([]byte, 1)
					n, err := c.(NonBlocking).TryRead(p)
					if n == 0 {
						if err == ErrWouldBlock {
							return Park
						}
						return Hangup
					}
					y := c.(Yielder)
					y.Charge(&quick)
					if p[0] == 'l' { // long
						y.Charge(&long)
						for end := time.Now().Add(time.Second); !long.Load() && time.Now().Before(end); {
							time.Sleep(time.Millisecond)
						}
						y.Charge(&after)
					}
					y.Charge(nil)
					done <- struct{}{}
					return Park
				}}
			})
			for range 50 {
				long.Store(false)
				quick.Store(false)
				conn, err := net.Dial("tcp", addr)
				require.NoError(t, err)
				_, _ = conn.Write([]byte("l"))
				come(t, done)
				_, _ = conn.Write([]byte("q"))
				come(t, done)
				require.NoError(t, conn.Close())
				require.False(t, after.Load(), "it is taken once")
				if long.Load() && !quick.Load() {
					return
				}
			}
			t.Fatal("no long call is taken, or each quick one behind it is")
		})
	}
}

// TestChargeNotForYield: who gives the loop away is not late. A session may be
// taken before it comes to that, so there are several tries.
func TestChargeNotForYield(t *testing.T) {
	for _, kind := range []Kind{Epoll, Poll} {
		t.Run(string(kind), func(t *testing.T) {
			blamed := make(chan bool, 1)
			addr, _ := startFunc(t, kind, func(c net.Conn) Session {
				return &funcSession{serve: func() Next {
					if n, err := c.(NonBlocking).TryRead(make([]byte, 1)); n == 0 {
						if err == ErrWouldBlock {
							return Park
						}
						return Hangup
					}
					var late atomic.Bool
					c.(Yielder).Charge(&late)
					c.(Yielder).Yield()
					blamed <- late.Load()
					return Park
				}}
			})
			for range 50 {
				conn, err := net.Dial("tcp", addr)
				require.NoError(t, err)
				time.Sleep(time.Millisecond) // it is parked then
				_, _ = conn.Write([]byte("x"))
				innocent := !come(t, blamed)
				require.NoError(t, conn.Close())
				if innocent {
					return
				}
			}
			t.Fatal("each session that gives the loop away is late")
		})
	}
}

// slowPoller tells when it is woken after it was closed.
type slowPoller struct {
	poller
	closed, late atomic.Bool
}

func (p *slowPoller) wake() {
	time.Sleep(20 * time.Millisecond) // the goroutine loses its processor just here
	p.late.Store(p.closed.Load())
}
func (p *slowPoller) close() { p.closed.Store(true) }

// TestWakeAfterClose: a poller that is closed is not woken: the number of
// its descriptor may be that of another file.
func TestWakeAfterClose(t *testing.T) {
	e := &loops{epoch: time.Now(), watchman: newWatchman()}
	e.quiet.Store(true)
	p := &slowPoller{}
	l := &loop{e: e, p: p}
	e.all = []*loop{l}
	l.wheel.now = e.now
	l.asleep.Store(true)
	done := make(chan struct{})
	go func() { l.rouse(); close(done) }() // the last connection ends elsewhere
	time.Sleep(5 * time.Millisecond)
	require.True(t, l.over()) // and an event has woken the loop
	<-done
	require.False(t, p.late.Load(), "woken after close")
}
