package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// What waits in the queue of a listener when a shutdown begins is served.

// slowHost takes its time for each connection, as on a machine that is busy
// with others. Its sessions answer what comes first, and end.
type slowHost struct{ begun chan struct{} }

func (h slowHost) Open(c net.Conn) Session {
	select {
	case h.begun <- struct{}{}:
	default:
	}
	time.Sleep(2 * time.Millisecond)
	_ = c.SetReadDeadline(time.Now().Add(time.Hour))
	return &onceSession{c}
}

type onceSession struct{ c net.Conn }

func (s *onceSession) Serve() Next {
	p := make([]byte, 10)
	n, err := readNow(s.c, p)
	if n == 0 && err == ErrWouldBlock {
		return Park
	}
	_, _ = s.c.Write(p[:n])
	return Hangup
}

// readNow reads what is there, where the connection can do that.
func readNow(c net.Conn, p []byte) (int, error) {
	if try, ok := c.(NonBlocking); ok {
		return try.TryRead(p)
	}
	return c.Read(p)
}

func (*onceSession) Close(error) {}

// onlyTimed is a listener that can be given up but not be asked what waits.
type onlyTimed struct{ net.Listener }

func (l onlyTimed) SetDeadline(t time.Time) error { return l.Listener.(timed).SetDeadline(t) }

// queues are listeners of every sort that has a queue.
var queues = map[string]func(t *testing.T, tcp net.Listener) net.Listener{
	"tcp":   func(_ *testing.T, tcp net.Listener) net.Listener { return tcp },
	"timed": func(_ *testing.T, tcp net.Listener) net.Listener { return onlyTimed{tcp} },
	"layer": func(_ *testing.T, tcp net.Listener) net.Listener { return plainLayer{tcp} },
	"unix": func(t *testing.T, tcp net.Listener) net.Listener {
		_ = tcp.Close()
		dir, err := os.MkdirTemp("", "engine")
		require.NoError(t, err)
		t.Cleanup(func() { os.RemoveAll(dir) })
		ln, err := net.Listen("unix", dir+"/s")
		if err != nil {
			t.Skip("no unix sockets here: ", err)
		}
		return ln
	},
}

// plainLayer changes nothing, slowly.
type plainLayer struct{ under net.Listener }

func (l plainLayer) Accept() (net.Conn, error) {
	conn, err := l.under.Accept()
	if err != nil {
		return nil, err
	}
	return l.Layer(conn), nil
}

func (l plainLayer) Addr() net.Addr      { return l.under.Addr() }
func (l plainLayer) Close() error        { return l.under.Close() }
func (l plainLayer) Under() net.Listener { return l.under }

func (plainLayer) Layer(conn net.Conn) net.Conn {
	time.Sleep(2 * time.Millisecond)
	return conn
}

// TestDrainSlowly: however long each connection takes, all that wait are
// served.
func TestDrainSlowly(t *testing.T) {
	for _, kind := range All() {
		for name, queue := range queues {
			t.Run(string(kind)+"/"+name, func(t *testing.T) {
				begun := make(chan struct{}, 1)
				e, err := New(kind, Config{Handler: slowHost{begun}})
				require.NoError(t, err)
				tcp, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				ln := queue(t, tcp)
				var conns []net.Conn
				for range 300 {
					conn, err := net.DialTimeout(ln.Addr().Network(), ln.Addr().String(), time.Second)
					if err != nil { // the queue is full
						break
					}
					defer conn.Close()
					_, _ = conn.Write([]byte("x"))
					conns = append(conns, conn)
				}
				require.NotEmpty(t, conns)
				served := make(chan error, 1)
				go func() { served <- e.Serve(ln) }()
				<-begun
				_, err = e.Shutdown(context.Background())
				require.NoError(t, err)
				require.NoError(t, <-served)
				lost := 0
				for _, c := range conns {
					_ = c.SetReadDeadline(time.Now().Add(patience))
					if n, _ := c.Read(make([]byte, 1)); n == 0 {
						lost++
					}
				}
				require.Zero(t, lost, "of %d", len(conns))
			})
		}
	}
}

// TestDrainWhileClientsReturn: clients that come back as soon as they are told
// to leave do not keep a listener open.
func TestDrainWhileClientsReturn(t *testing.T) {
	for _, kind := range All() {
		t.Run(string(kind), func(t *testing.T) {
			begun := make(chan struct{}, 1)
			e, err := New(kind, Config{Handler: slowHost{begun}})
			require.NoError(t, err)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			served, left := make(chan error, 1), make(chan struct{}, 8)
			go func() { served <- e.Serve(ln) }()
			for range cap(left) {
				go func() {
					for visit(ln.Addr().String()) == nil {
					}
					left <- struct{}{}
				}()
			}
			<-begun
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_, err = e.Shutdown(ctx)
			require.NoError(t, err)
			require.NoError(t, <-served)
			require.NoError(t, ctx.Err(), "it has ended by itself")
			for range cap(left) {
				<-left
			}
		})
	}
}

// visit asks once. The error is that nobody listens.
func visit(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	_, _ = conn.Write([]byte("x"))
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.ReadFull(conn, make([]byte, 1))
	return conn.Close()
}

// scripted is a listener that does what accept says once it is told to end.
type scripted struct {
	net.Listener
	past   atomic.Bool
	accept func() (net.Conn, error)
	woken  chan struct{}
}

func (s *scripted) SetDeadline(t time.Time) error {
	if s.past.Store(t.Equal(longAgo)); t.Equal(longAgo) {
		close(s.woken)
	}
	return nil
}

func (s *scripted) Accept() (net.Conn, error) {
	<-s.woken
	if s.past.Load() {
		return nil, os.ErrDeadlineExceeded
	}
	return s.accept()
}

func (*scripted) Close() error { return nil }

// drained runs an acceptor that is stopped, and returns how many connections
// it takes.
func drained(t *testing.T, accept func() (net.Conn, error)) (taken int) {
	a := &acceptor{ln: &scripted{accept: accept, woken: make(chan struct{})}, ending: make(chan struct{})}
	a.adopt = func(net.Conn, *acceptor) { taken++ }
	a.stop()
	require.NoError(t, a.run())
	return taken
}

// TestDrainEnds: a queue that never gets empty is left when all who waited at
// first have had their turn.
func TestDrainEnds(t *testing.T) {
	require.Equal(t, longestQueue+mostReturns, drained(t, func() (net.Conn, error) { return nil, nil }))
}

// TestDrainWithoutDescriptors: the queue is taken when descriptors have come
// free, and left when they do not.
func TestDrainWithoutDescriptors(t *testing.T) {
	short := errors.New("too many open files")
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		require.Equal(t, 5, drained(t, func() (net.Conn, error) {
			calls++
			switch {
			case calls <= 3:
				return nil, short
			case calls <= 8:
				return nil, nil
			}
			return nil, os.ErrDeadlineExceeded
		}))
		start := time.Now()
		require.Zero(t, drained(t, func() (net.Conn, error) { return nil, short }))
		require.Less(t, time.Since(start), 10*time.Second)
	})
}

// TestDrainAsksTwice: where the system does not tell what waits, a deadline
// that has passed before Accept could look is no answer.
func TestDrainAsksTwice(t *testing.T) {
	calls := 0
	require.Equal(t, 2, drained(t, func() (net.Conn, error) {
		calls++
		if calls == 2 || calls == 4 {
			return nil, nil
		}
		return nil, os.ErrDeadlineExceeded
	}))
	require.Equal(t, 6, calls)
}

// TestDrainOfAClosedListener: there is nothing to wait for.
func TestDrainOfAClosedListener(t *testing.T) {
	calls := 0
	require.Zero(t, drained(t, func() (net.Conn, error) {
		calls++
		return nil, net.ErrClosed
	}))
	require.Equal(t, 1, calls)
}
